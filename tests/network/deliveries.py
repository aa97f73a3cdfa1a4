"""Messages on their way through a town: who sends them in batches, by which path they go, where they come."""

from tests.network.agents import Agent, Event
from tests.network.conftest import Town

FAULT_LIMIT_S = 150.0


def hops_of(events: list[Event]) -> list[str]:
    """The path of the message that was delivered, as its sender tells it."""
    delivered = [event for event in events if event.get("state") == "delivered"]
    return list(delivered[-1]["hops"])


def bo_listens_to(events: list[Event], text: str) -> bool:
    return any(event["event"] == "message_received" and event["text"] == text for event in events)


class Sender:
    """ada, who writes in batches and waits for some of each to arrive before something breaks."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.texts: list[str] = []

    def write(self, count: int) -> None:
        texts = [f"message {len(self.texts) + number}" for number in range(count)]
        self.texts += texts
        self.agent.write("\n".join(texts) + "\n")

    def wait_for_receipts(self, count: int) -> None:
        self.agent.wait_for(lambda events: delivered(events) >= count, limit_s=FAULT_LIMIT_S)

    def path(self) -> list[str]:
        """Hop ids of the newest path."""
        return next((event["hops"] for event in reversed(self.agent.events) if event.get("hops")), [])


def delivered(events: list[Event]) -> int:
    return sum(event.get("state") == "delivered" for event in events)


def forwarder_on(path: list[str], town: Town) -> str:
    """The name of a forwarder that is in the middle of a path."""
    return next(
        name
        for name, agent in town.running.items()
        if any(event.get("incoming") == path[1] for event in agent.events)
    )


def session_words(events: list[Event]) -> list[str]:
    return [event["event"] for event in events if event["event"].startswith("session_")]


def has_session(events: list[Event]) -> bool:
    return session_words(events)[-1:] == ["session_opened"]
