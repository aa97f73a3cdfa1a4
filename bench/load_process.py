"""The load generator as a process of its own: many light peers, and transactions that follow one another.

`python -m bench.load_process URL WARM_UP COUNT AT_ONCE KNOWN_AFTER_S`, with the devices of `bench.seed` on
standard input. When all peers can be reached and are warm it prints `go`, waits for a line, and ends with a
JSON object.
"""

import asyncio
import json
import random
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.light_peer import Carried, LightPeer, Seeded, Traffic

UP_DEADLINE_S = 60.0
AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """How many transactions go before, count, and are at once under way.

    known_after_s: how long after it came online a peer may be unknown to others.
    """

    warm_up: int
    count: int
    at_once: int
    known_after_s: float


async def generate(url: str, seeded: list[Seeded], plan: Plan) -> dict[str, Any]:
    """Bring the peers up, warm the server up, then measure."""
    traffic = Traffic()
    tokens = [*(each.token for each in seeded[1:]), seeded[0].token]
    peers = [LightPeer(url, each, token, traffic) for each, token in zip(seeded, tokens, strict=True)]
    for at, peer in enumerate(peers):
        peer.contact = peers[(at + 1) % len(peers)]
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        lives = []
        for first in range(0, len(peers), AT_A_TIME):
            ups = []
            for peer in peers[first : first + AT_A_TIME]:
                ups.append(asyncio.Event())
                lives.append(tasks.create_task(peer.live(ups[-1])))
            async with asyncio.timeout(UP_DEADLINE_S):
                await asyncio.gather(*(up.wait() for up in ups))
        await asyncio.sleep(plan.known_after_s)
        await carry_all(peers, plan.warm_up, plan.at_once)
        print("go", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        traffic.frames.clear()
        traffic.octets.clear()
        began = time.monotonic()
        carried = await carry_all(peers, plan.count, plan.at_once)
        seconds = time.monotonic() - began
        for life in lives:
            life.cancel()
    return {
        "seconds": seconds,
        "states": [each.ended.result() for each in carried],
        "paths_ms": [(each.path_at - each.posted_at) * 1_000 for each in carried if each.path_at],
        "frames": traffic.frames,
        "octets": traffic.octets,
    }


async def carry_all(peers: list[LightPeer], count: int, at_once: int) -> list[Carried]:
    """Carry transactions, always so many at once, of senders in turn and in an order by lot."""
    senders = [peers[at % len(peers)] for at in range(count)]
    random.shuffle(senders)
    waiting, done = iter(senders), []

    async def carry_on() -> None:
        for sender in waiting:
            done.append(await sender.carry())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(carry_on())
    return done


def main() -> None:
    url, *counts, known_after_s = sys.argv[1:]
    seeded = [Seeded(**each) for each in json.loads(sys.stdin.readline())]
    warm_up, count, at_once = map(int, counts)
    plan = Plan(warm_up, count, at_once, float(known_after_s))
    print(json.dumps(uvloop.run(generate(url, seeded, plan))), flush=True)


if __name__ == "__main__":
    main()
