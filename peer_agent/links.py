"""All links of this peer: opened by order of the server, reused, dropped.

Spec: docs/spec/links.md
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from p2p.protocol.ids import LINK_ID_BYTES, LinkId
from p2p.protocol.link import MAX_LINKS, SET_UP_DEADLINE_S, LinkState
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.link_end import LinkEnd, LinkReports, Sent
from peer_agent.offers import OfferStock
from peer_agent.rtc import TransportFactory
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

EARLY_ANSWERS = 16
EARLY_ANSWER_S = SET_UP_DEADLINE_S


class Links:
    """The links of one peer, by link id, and the stock of offers for the next ones.

    stands: whether a link is held, used or not.
    """

    def __init__(
        self, reports: LinkReports, tasks: Tasks, stands: Callable[[LinkId], bool] = lambda link: False
    ) -> None:
        self._reports = reports
        self._stands = stands
        self._tasks = tasks
        self._make: TransportFactory | None = None
        self._ends: dict[LinkId, LinkEnd] = {}
        self._early_answers: dict[LinkId, tuple[float, str]] = {}
        self.stock = OfferStock(lambda: self._new_end(LinkState.STOCK, _provisional_id()))

    def use(self, make: TransportFactory) -> None:
        """Take the transports of a welcome: which ICE servers to ask is the server's word."""
        self._make = make

    @property
    def is_ready(self) -> bool:
        return self._make is not None

    def open_ids(self) -> tuple[LinkId, ...]:
        """Links that are open now, for `hello`."""
        return tuple(key for key, end in self._ends.items() if end.state is LinkState.OPEN)[:MAX_LINKS]

    def follow(self, order: Order, *, beside: LinkId | None = None) -> bool:
        """Bring up the link of a hop; tell whether there is one, open or on its way.

        beside: the other link of the same path, which is not ended to make space.
        """
        known = self._ends.get(order.link)
        if known is not None:
            known.expect(is_open=order.how is How.OPEN)
            return True
        if order.how is How.ANSWER:
            self._make_space(beside)
            end = self._ends[order.link] = self._new_end(LinkState.ORDERED, order.link)
            end.answer_offer(order.sdp or "")
            return True
        return order.how is How.TAKEN and self._await_answer(order, beside)

    def answer(self, link: LinkId, description: str) -> None:
        """Use the answer to an offer of ours; it may come before the order that says so."""
        end = self._ends.get(link)
        if end is not None:
            end.accept_answer(description)
            return
        now = asyncio.get_running_loop().time()
        self._early_answers = {
            key: early for key, early in self._early_answers.items() if now - early[0] < EARLY_ANSWER_S
        }
        if len(self._early_answers) < EARLY_ANSWERS:
            self._early_answers[link] = (now, description)

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Send a frame of one's own; tell whether the link took it, since it can be sent later."""
        return self.pass_on(link, frame) is Sent.SENT

    def pass_on(self, link: LinkId, frame: bytes) -> Sent:
        """Send a frame; a full queue drops it."""
        end = self._ends.get(link)
        return Sent.GONE if end is None else end.send(frame)

    def used(self, link: LinkId) -> None:
        """Keep a link over which a genuine cell came in."""
        end = self._ends.get(link)
        if end is not None:
            end.used()

    def drop(self, link: LinkId) -> None:
        """Forget a link on the server's order."""
        end = self._ends.get(link)
        if end is not None:
            end.drop()

    def close(self, link: LinkId) -> None:
        """End a link from this side."""
        end = self._ends.get(link)
        if end is not None:
            end.close()

    def drop_all(self) -> None:
        """Forget every link: the server and the neighbours have forgotten this peer."""
        for end in tuple(self._ends.values()):
            end.drop()

    def close_idle(self) -> None:
        """End links that carried no genuine cell for a long time."""
        now = asyncio.get_running_loop().time()
        for link, end in tuple(self._ends.items()):
            if end.state is LinkState.OPEN and now > end.kept_until and not self._stands(link):
                end.close()

    def close_dead(self) -> None:
        """End links whose other end confirms nothing; to be called once a second."""
        for end in tuple(self._ends.values()):
            if end.state is LinkState.OPEN and end.stands_still():
                logger.info("a link is closed, its other end is dead")
                end.close()

    async def close_all(self) -> None:
        """End all links and offers, so that neighbours learn it at once and not by a timeout."""
        # Offers in stock, too: their tasks may have ended already, and nobody else would wait for them.
        ends = (*self._ends.values(), *self.stock.ends())
        self.stock.clear()
        self.drop_all()
        await asyncio.gather(*(end.closed() for end in ends))

    def _await_answer(self, order: Order, beside: LinkId | None) -> bool:
        end = None if order.offer is None else self.stock.take(order.offer)
        if end is None or end.state is not LinkState.STOCK:
            return False
        self._make_space(beside)
        self._ends[order.link] = end
        end.take(order.link)
        early = self._early_answers.pop(order.link, None)
        if early is not None:
            end.accept_answer(early[1])
        return True

    def _make_space(self, spared: LinkId | None) -> None:
        """End the link longest without a genuine cell: who only opens links displaces nobody (T-14)."""
        while len(self._ends) >= MAX_LINKS:
            others = (end for key, end in self._ends.items() if key != spared)
            min(others, key=lambda end: (self._stands(end.link), end.kept_until)).close()

    def _new_end(self, state: LinkState, link: LinkId) -> LinkEnd:
        if self._make is None:
            raise RuntimeError("links are used before the first welcome")
        return LinkEnd(self._make, replace(self._reports, gone=self._gone), self._tasks, state, link)

    def _gone(self, link: LinkId) -> None:
        # Offers in stock end too, but are no links yet.
        if self._ends.pop(link, None) is not None:
            self._reports.gone(link)


def _provisional_id() -> LinkId:
    """Name an offer in stock until the server gives its link an id."""
    return LinkId(secrets.token_bytes(LINK_ID_BYTES))
