"""The guards of this device in its store: what is not on the disk is not used.

Spec: docs/spec/guards.md, section "Device must"
"""

import json
from collections.abc import Mapping
from typing import Any

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.clock import Clock
from peer_agent.errors import UsageError
from peer_agent.guards import Guard, Guards, name_of
from peer_agent.store import Store

SETTING = "guards"


class GuardBook:
    """One sealed record with all of them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> Guards:
        """The guards as of now."""
        return self._stored().at(self._now_s())

    def tickets(self) -> tuple[bytes, ...]:
        """The tickets to show to the server."""
        return self.all().tickets()

    def take(self, ticket: bytes) -> Guard | None:
        """Keep a ticket; None if this device does not take it. When this returns it is on the disk."""
        guards = self.all().took(ticket, now_s=self._now_s())
        if guards is None:
            return None
        self._write(guards)
        return guards.find(name_of(ticket))

    def were_away(self, away_s: Mapping[bytes, int]) -> None:
        """Keep how long each of some guards was away, and forget those that are too old."""
        guards = self.all().were_away(away_s)
        if guards != self._stored():
            self._write(guards)

    def allow_one_more(self) -> Guards:
        """Keep the user's word; returns the guards after it.

        Raises:
            UsageError: one comes without it.
        """
        guards = self.all()
        if guards.may_take and not guards.kept:
            raise UsageError("There is no guard to replace.")
        guards = guards.one_more(now_s=self._now_s())
        self._write(guards)
        return guards

    def _stored(self) -> Guards:
        raw = self._store.setting(SETTING)
        return Guards() if raw is None else _read(json.loads(raw))

    def _write(self, guards: Guards) -> None:
        body = {
            "known": [
                {
                    "name": b64_text(each.name),
                    "ticket": None if each.ticket is None else b64_text(each.ticket),
                    "came_s": each.came_s,
                    "away_s": each.away_s,
                }
                for each in guards.known
            ],
            "allowed_s": list(guards.allowed_s),
        }
        self._store.set_setting(SETTING, json.dumps(body).encode())

    def _now_s(self) -> int:
        return int(self._clock.unix())


def _read(body: dict[str, Any]) -> Guards:
    return Guards(tuple(_guard(each) for each in body["known"]), tuple(body["allowed_s"]))


def _guard(body: dict[str, Any]) -> Guard:
    ticket = None if body["ticket"] is None else b64_bytes(body["ticket"])
    return Guard(b64_bytes(body["name"]), ticket, body["came_s"], body["away_s"])
