"""A whole peer: one account on one server, as an async context manager with an iterator of events.

    async with Peer(config) as peer, peer.events() as events:
        number = peer.send("bo", "hello")
        async for timed in events: ...

Spec: docs/spec/agent.md
"""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from p2p.protocol import to_peer
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.ids import LinkId
from p2p.protocol.to_server import Answer, HopFailed, LinkDown, LinkUp
from peer_agent.account import load_tokens, require_account, save_tokens
from peer_agent.api import Api
from peer_agent.books import open_books
from peer_agent.clock import Clock
from peer_agent.config import Config, socket_url
from peer_agent.contacts import ContactParts, Contacts
from peer_agent.courier import CourierParts
from peer_agent.delivery import Delivery
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.events import Events, EventStream, LinkClosed, LinkOpened, SessionClosed
from peer_agent.forwarding import Exits, Forwarding
from peer_agent.handshakes import Handshakes
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.inbox import Inbox, InboxEdges
from peer_agent.link_end import LinkReports
from peer_agent.links import Links
from peer_agent.mailbox import Mailbox, MailboxParts
from peer_agent.opening import Opener
from peer_agent.posts import Posts
from peer_agent.presence import Presence
from peer_agent.receiving import Receiving
from peer_agent.resets import Resets
from peer_agent.rest import Rest
from peer_agent.rtc import aiortc_factory
from peer_agent.session import Session, SessionEdges
from peer_agent.store import Store
from peer_agent.tasks import Tasks
from peer_agent.upkeep import PrekeyUpkeep
