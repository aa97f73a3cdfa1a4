"""A month of a device and its guards, which go away and come back: waiting against replacing.

`python -m tests.p2p.guard_month` prints the table of docs/decisions/0011.
"""

import itertools
import random
import sys
from dataclasses import dataclass, field

STEP_H = 1 / 6
MONTH_H = 30 * 24
DESKTOP_H = 10
HOSTILE_SHARE = 0.1


@dataclass(frozen=True)
class Rules:
    """When a guard is replaced: away while another is there, while none is; at most so many a month."""

    alone_h: float
    all_h: float
    most: int


@dataclass
class Guard:
    """A forwarder that is a guard: a server that fails now and then, or a desktop, on ten hours a day."""

    on_from_h: float | None
    rng: random.Random
    until_h: float = 0.0
    is_up: bool = True
    away_h: float = 0.0

    def is_here(self, now_h: float) -> bool:
        if self.on_from_h is not None:
            return (now_h - self.on_from_h) % 24 < DESKTOP_H
        while self.until_h <= now_h:
            self.is_up = not self.is_up
            self.until_h += self.rng.expovariate(1 / 200 if self.is_up else 1.0)
        return self.is_up


@dataclass
class Month:
    """What a month came to. `waited_h`: without any guard that is reachable."""

    guards: list[Guard] = field(default_factory=list)
    waited_h: float = 0.0


def draw(rng: random.Random, desktops: float, now_h: float) -> Guard:
    """Who is there now and was an hour ago."""
    while True:
        on_from = rng.uniform(0, 24) if rng.random() < desktops else None
        guard = Guard(on_from, rng, until_h=now_h + rng.expovariate(1 / 200))
        if guard.is_here(now_h) and (on_from is None or guard.is_here(now_h - 1)):
            return guard


def live(rules: Rules, desktops: float, rng: random.Random) -> Month:
    month = Month([draw(rng, desktops, 0.0), draw(rng, desktops, 0.0)])
    for step in range(int(MONTH_H / STEP_H)):
        now_h = step * STEP_H
        for guard in month.guards:
            guard.away_h = 0.0 if guard.is_here(now_h) else guard.away_h + STEP_H
        here = [guard for guard in month.guards if not guard.away_h]
        month.waited_h += 0 if here else STEP_H
        all_away = min(guard.away_h for guard in month.guards) >= rules.all_h
        kept = [guard for guard in month.guards if guard.away_h < rules.alone_h]
        if (all_away or len(kept) < 2) and len(month.guards) < rules.most:
            month.guards.append(draw(rng, desktops, now_h))
    return month


def row(rules: Rules, desktops: float, devices: int, rng: random.Random) -> str:
    months = [live(rules, desktops, rng) for _ in range(devices)]
    waited = sum(month.waited_h for month in months) / devices / MONTH_H
    guards = sum(len(month.guards) for month in months) / devices
    exposed = sum(1 - (1 - HOSTILE_SHARE) ** len(month.guards) for month in months) / devices
    told = f"{rules.all_h:.1f} h | {rules.most} | {waited:.2%} | {guards:.1f} | {exposed:.0%}"
    return f"| {desktops:.0%} | {told} |"


def main() -> None:
    rng = random.Random(5)
    for desktops, (all_h, most) in itertools.product(
        (0.0, 0.5, 0.9), ((1 / 6, 5), (1, 5), (6, 5), (24, 5), (1, 1_000))
    ):
        sys.stdout.write(row(Rules(24, all_h, most), desktops, 200, rng) + "\n")


if __name__ == "__main__":
    main()
