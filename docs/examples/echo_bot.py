"""Answers every message with its own text: python echo_bot.py STATE_DIR"""

import sys

from peer_agent import AgentError, ContactAdded, MessageReceived, Peer, run


async def main() -> None:
    async with Peer.open(sys.argv[1], accepts_all=True) as peer:
        async for event in peer.events():
            try:
                match event:
                    case ContactAdded(user=user):
                        peer.send(user, "Hello. I repeat what I am told.")
                    case MessageReceived(sender=sender, text=text):
                        peer.send(sender, text)
            except AgentError as error:
                print(f"not answered: {error}", file=sys.stderr)


run(main())
