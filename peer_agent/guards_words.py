"""How it stands with the guards, in words and as data.

Spec: docs/spec/agent.md, sections "Status" and "Commands"
"""

from peer_agent.guards import Guards, GuardState

WORD_NEEDED = (
    "It looks for others and takes none without your word: if it was not this device that was cut off, "
    "somebody may want to stand next to you. `mesa-peer guards --replace` lets one more come, in the place "
    "of the one that was away longest."
)


def summary(found: Guards) -> str:
    """How it stands with the guards, in a sentence or two."""
    if not found.known:
        return (
            "Guards: none yet. The server names them once enough others forward; "
            "until then anybody who forwards may stand next to this device."
        )
    there = sum(found.state(guard) is GuardState.HERE for guard in found.kept)
    counted = f"Guards: {len(found.kept)}, of which {there} were there when this device was online last. "
    taken = f"It had {len(found.known)} different ones in 30 days, and may have had {found.limit}."
    return f"{counted}{taken} {WORD_NEEDED}" if found.needs_word else f"{counted}{taken}"


def values(found: Guards) -> dict[str, object]:
    """The same for programs."""
    return {
        "guards": len(found.kept),
        "taken": len(found.known),
        "limit": found.limit,
        "needs_word": found.needs_word,
    }
