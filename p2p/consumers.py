"""The session socket: parse a frame, call one handler, send what comes back.

Spec: docs/spec/signaling.md
"""

import asyncio
import contextlib
import logging
import math
import random
import secrets
from typing import Any, Final

from django.db import Error as DatabaseError
from django.utils import timezone

from accounts.socket_auth import recheck
from mesa import push, store
from mesa.outages import STORE_DOWN
from mesa.steady_consumer import SteadyConsumer
from p2p import presence, turn
from p2p.epoch_watch import epoch_watch
from p2p.errors import P2PError
from p2p.frame_rate import FrameAllowance
from p2p.greeting import Caller, address_of, greet, open_peer, write_welcome
from p2p.handlers import HANDLERS, Context
from p2p.networks import network_of
from p2p.presence import PeerSession, PeerUnknown
from p2p.protocol import errors
from p2p.protocol.frames import FrameToPeer, parse_to_server, to_text
from p2p.protocol.limits import HELLO_DEADLINE_S, SUPPORTED_SUBPROTOCOLS
from p2p.protocol.parts import IceServer
from p2p.protocol.to_peer import IceServers, SessionEnd, Welcome
from p2p.protocol.to_server import Hello
from p2p.protocol.words import SessionEndCause
from p2p.snapshots import take_whole_snapshot

logger = logging.getLogger(__name__)

FIRST_RECHECK_S: Final = 10
RECHECK_EVERY_S: Final = 60
# A frame may ask the store more than once, each time with a deadline; a peer waits for its welcome for 10 s.
HANDLED_WITHIN_S: Final = 7
RNG: Final[random.Random] = secrets.SystemRandom()


class PeerConsumer(SteadyConsumer):
    """One peer's socket. Messages reach it one at a time, so a handler is never overtaken by the next."""

    hello_within_s: float = HELLO_DEADLINE_S
    first_recheck_s: float = FIRST_RECHECK_S
    recheck_every_s: float = RECHECK_EVERY_S
    renew_servers_every_s: float = turn.RENEW_EVERY.total_seconds()
    session: PeerSession | None = None
    may_greet: bool = True
    is_closing: bool = False
    servers_due: float = math.inf
    housekeeping: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; without a store it can not even have a channel, and is told so."""
        try:
            await super().__call__(scope, receive, send)
        except STORE_DOWN:
            if hasattr(self, "channel_name"):
                raise
            self.base_send = send
            await receive()
            await self.accept(next(iter(scope["subprotocols"]), None))
            await self.close(errors.Unavailable.close_code)

    async def connect(self) -> None:
        offered = self.scope["subprotocols"]
        version = next((known for known in SUPPORTED_SUBPROTOCOLS if known in offered), None)
        # A refusal needs an open socket: before the handshake is over a page can not read the code.
        await self.accept(version or next(iter(offered), None))
        try:
            if version is None:
                raise errors.VersionUnsupported
            if self.scope["login"] is None:
                raise errors.SessionEnded if self.scope["is_known"] else errors.Unavailable
            await self._begin()
        except errors.ProtocolError as error:
            await self.close(error.close_code)
        except STORE_DOWN:
            await self.close(errors.Unavailable.close_code)

    async def _begin(self) -> None:
        self.allowance = FrameAllowance(self._seconds())
        # Frames are handled one at a time anyway; a changed epoch is noticed beside them.
        self.turn = asyncio.Lock()
        self.greeted = asyncio.Event()
        self.joined: list[str] = []
        socket, web = secrets.token_urlsafe(16), epoch_watch().web
        self.caller = Caller(self.scope["login"], socket, web, address_of(self.scope))
        await self._join(push.login_group(self.caller.login.sid))
        self.housekeeping = asyncio.create_task(self._keep_house())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.is_closing:
            return
        try:
            self.allowance.take(self._seconds())
            frame = parse_to_server(self._text(text_data))
            async with self.turn, asyncio.timeout(HANDLED_WITHIN_S):
                await self._take(frame)
        except errors.ProtocolError as error:
            await self.close(error.close_code)
        except P2PError:
            # Unknown and forbidden look alike: nothing happens.
            pass
        except STORE_DOWN as error:
            logger.warning("a socket is closed, the store does not answer: %s", type(error).__name__)
            await self.close(errors.Unavailable.close_code)

    async def _take(self, frame: Any) -> None:
        if isinstance(frame, Hello):
            await self._greet(frame)
            return
        if self.session is None:
            raise errors.BadFrame("the first frame must be hello")
        context = Context(self.session, timezone.now(), RNG)
        try:
            await self._send_frames(await HANDLERS[type(frame)](context, frame))
        except PeerUnknown:
            await self._rejoin()

    async def _greet(self, hello: Hello) -> None:
        if not self.may_greet:
            raise errors.BadFrame("hello came again")
        self.may_greet = False
        device_group = push.device_group(self.caller.login.device_id)
        await self._join(device_group)
        await self._join(push.web_group(self.caller.web))
        epoch = await epoch_watch().join(self)
        self.session = await greet(self.caller, hello, epoch=epoch, now=timezone.now(), rng=RNG)
        self.greeted.set()
        replaced = {"type": "socket.replaced", "socket": self.caller.socket}
        await self.channel_layer.group_send(device_group, replaced)
        taken = await take_whole_snapshot(self.session, now=timezone.now())
        await self._send_frames([self._welcome(self.session, epoch), *taken.frames])

    async def epoch_changed(self, epoch: str) -> None:
        """Begin again with a store that has forgotten this peer."""
        try:
            async with self.turn:
                await self._welcome_anew(epoch)
        except STORE_DOWN:
            await self.close(errors.Unavailable.close_code)

    async def _welcome_anew(self, epoch: str) -> None:
        """Give the socket another peer, whose device then greets and publishes as at first."""
        self.session = await open_peer(self.caller, None, now=timezone.now())
        self.may_greet = True
        await self._send_frames([self._welcome(self.session, epoch)])

    def _welcome(self, session: PeerSession, epoch: str) -> Welcome:
        return write_welcome(session, epoch, self._fresh_servers())

    def _fresh_servers(self) -> tuple[IceServer, ...]:
        """Describe the ICE servers with new credentials, and note when the next ones are due."""
        servers = turn.own_ice_servers(now=timezone.now())
        due_s = self.renew_servers_every_s if turn.needs_renewal(servers) else math.inf
        self.servers_due = self._seconds() + due_s
        return servers

    async def _rejoin(self) -> None:
        if self.session is not None and await presence.is_replaced(self.session):
            raise errors.Replaced
        await self._welcome_anew(await store.aepoch())

    async def disconnect(self, code: int) -> None:
        if self.housekeeping is None:
            return
        self.housekeeping.cancel()
        await epoch_watch().leave(self)
        try:
            if self.session is not None:
                await presence.close_session(self.session, now=timezone.now())
        except STORE_DOWN as error:
            # The peer's record ends by its TTL.
            logger.warning("a closed socket was not noted: %s", type(error).__name__)
        await self._leave_groups()
        await asyncio.wait({self.housekeeping})
        if not self.housekeeping.cancelled():
            self.housekeeping.result()

    async def push_frame(self, event: dict[str, str]) -> None:
        """Pass on a frame that somebody pushed to this device or login."""
        if not self.is_closing:
            await self.send(text_data=event["text"])

    async def session_end(self, event: dict[str, str]) -> None:
        """Close because the login has ended."""
        await self._end_session(SessionEndCause(event["cause"]))

    async def socket_replaced(self, event: dict[str, str]) -> None:
        """Close if the device opened another socket. The word may be late, so the store is asked."""
        if event["socket"] == self.caller.socket or self.session is None:
            return
        try:
            is_replaced = await presence.is_replaced(self.session)
        except STORE_DOWN:
            return
        if is_replaced:
            await self.close(errors.Replaced.close_code)

    async def _keep_house(self) -> None:
        """Mind the login. A socket that nobody minds does not stay open; `disconnect` raises why."""
        try:
            await self._mind_login()
        except Exception:
            await self.close(errors.Unavailable.close_code)
            raise

    async def _mind_login(self) -> None:
        """Insist on `hello` in time, then see again and again to the login and the ICE servers."""
        try:
            async with asyncio.timeout(self.hello_within_s):
                await self.greeted.wait()
        except TimeoutError:
            await self.close(errors.HelloMissing.close_code)
            return
        # The first time soon: an end that came while the socket opened was told to nobody.
        await asyncio.sleep(self.first_recheck_s)
        while True:
            cause = await self._ended_by()
            if cause is not None:
                await self._end_session(cause)
                return
            if self._seconds() >= self.servers_due:
                await self._send_frames([IceServers(self._fresh_servers())])
            await self._renew_network()
            await asyncio.sleep(self.recheck_every_s)

    async def _renew_network(self) -> None:
        """Hash the address again: by yesterday's key who stays would stand in a network of its own (T-05)."""
        if self.session is None:
            return
        try:
            await presence.note_network(self.session, await network_of(self.caller.address))
        except STORE_DOWN as error:
            logger.warning("a network was not noted: %s", type(error).__name__)

    async def _ended_by(self) -> SessionEndCause | None:
        """Ask the database whether the login has ended. One that can not be asked ends none."""
        try:
            found = await recheck(self.caller.login)
        except DatabaseError as error:
            logger.warning("a login was not checked again: %s", type(error).__name__)
            return None
        return found if isinstance(found, SessionEndCause) else None

    async def _end_session(self, cause: SessionEndCause) -> None:
        await self._send_frames([SessionEnd(cause)])
        await self.close(errors.SessionEnded.close_code)

    async def _send_frames(self, frames: Any) -> None:
        frame: FrameToPeer
        for frame in frames:
            if not self.is_closing:
                await self.send(text_data=to_text(frame))

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close once; what comes in or would go out afterwards is dropped."""
        if not self.is_closing:
            self.is_closing = True
            await super().close(code, reason)

    async def _join(self, group: str) -> None:
        if group not in self.joined:
            self.joined.append(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def _leave_groups(self) -> None:
        """Leave them also while the store is down: this process remembers its members by itself."""
        for group in self.joined:
            with contextlib.suppress(*STORE_DOWN):
                await self.channel_layer.group_discard(group, self.channel_name)

    @staticmethod
    def _text(text_data: str | None) -> str:
        if text_data is None:
            raise errors.BadFrame("a frame is not text")
        return text_data

    @staticmethod
    def _seconds() -> float:
        return asyncio.get_running_loop().time()
