"""What a captured packet shows, and every way in which an address could stand in it."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

ETHERNET_BYTES = 14
IPV4 = 0x0800
TCP, UDP = 6, 17
# STUN writes addresses as their exclusive or with this.
STUN_COOKIE = 0x2112A442
MASK_BYTES = 4
DTLS_HEADER = struct.Struct("!BHH6sH")
DTLS_TYPES = range(20, 27)
DTLS_DATA = 23
CHANNEL_HEADER = struct.Struct("!HH")


@dataclass(frozen=True)
class Packet:
    """One IPv4 packet. `body` is what TCP or UDP carries, or all behind the header for other protocols."""

    source: str
    target: str
    protocol: int
    ports: tuple[int, int]
    sequence: int
    body: bytes

    @property
    def ends(self) -> set[str]:
        return {self.source, self.target}


def parse(frame: bytes) -> Packet | None:
    """Read an Ethernet frame; None for what is not IPv4."""
    if int.from_bytes(frame[12:ETHERNET_BYTES], "big") != IPV4:
        return None
    header = frame[ETHERNET_BYTES:]
    data = header[(header[0] & 15) * 4 : int.from_bytes(header[2:4], "big")]
    source, target = (str(IPv4Address(header[at : at + 4])) for at in (12, 16))
    protocol = header[9]
    if protocol == UDP:
        return Packet(source, target, UDP, struct.unpack("!HH", data[:4]), 0, data[8:])
    if protocol == TCP:
        body = data[(data[12] >> 4) * 4 :]
        return Packet(
            source, target, TCP, struct.unpack("!HH", data[:4]), int.from_bytes(data[4:8], "big"), body
        )
    return Packet(source, target, protocol, (0, 0), 0, data)


def find(address: str, packets: Iterable[Packet]) -> set[str]:
    """Look for an address everywhere in what was captured; gives the ways in which it was found."""
    packets = list(packets)
    raw = IPv4Address(address).packed
    coded = (int.from_bytes(raw, "big") ^ STUN_COOKIE).to_bytes(4, "big")
    text = address.encode()
    plain = [legible(packet.body) for packet in packets if packet.protocol != TCP]
    streams = tcp_streams(packets)
    found = {
        "header": any(address in packet.ends for packet in packets),
        "bytes": any(raw in body for body in plain),
        "STUN": any(coded in body for body in plain),
        "text": any(text in body for body in (*plain, *streams)),
        "masked text": any(differences(text) in differences(stream) for stream in streams),
    }
    return {way for way, is_so in found.items() if is_so}


def legible(datagram: bytes) -> bytes:
    """Leave out what DTLS has encrypted: chance alone would put any four bytes there now and then."""
    if len(datagram) >= CHANNEL_HEADER.size and datagram[0] & 0xC0 == 0x40:
        # TURN's short form of a datagram that is passed on.
        header, datagram = datagram[: CHANNEL_HEADER.size], datagram[CHANNEL_HEADER.size :]
        return header + legible(datagram)
    return b"".join(_legible_records(datagram))


def _legible_records(datagram: bytes) -> Iterator[bytes]:
    while len(datagram) >= DTLS_HEADER.size and datagram[0] in DTLS_TYPES:
        _, _, epoch, _, length = DTLS_HEADER.unpack_from(datagram)
        end = DTLS_HEADER.size + length
        yield datagram[: DTLS_HEADER.size if epoch else end]
        datagram = datagram[end:]
    yield datagram


def is_channel_data(datagram: bytes) -> bool:
    """Tell whether a datagram carries what was sent over a link: encrypted by DTLS, directly or by TURN."""
    if datagram[:1] and datagram[0] & 0xC0 == 0x40:
        datagram = datagram[CHANNEL_HEADER.size :]
    return len(datagram) >= DTLS_HEADER.size and datagram[0] == DTLS_DATA


def tcp_streams(packets: Sequence[Packet]) -> list[bytes]:
    """Join what went over each TCP connection in each direction, in order and once."""
    streams: dict[tuple[str, str, tuple[int, int]], dict[int, bytes]] = {}
    for packet in packets:
        if packet.protocol == TCP and packet.body:
            parts = streams.setdefault((packet.source, packet.target, packet.ports), {})
            if len(packet.body) > len(parts.get(packet.sequence, b"")):
                parts[packet.sequence] = packet.body
    return [b"".join(body for _, body in sorted(parts.items())) for parts in streams.values()]


def differences(text: bytes) -> bytes:
    """What a mask of four bytes that repeats, as WebSocket frames from a client have, leaves as it is."""
    return bytes(one ^ other for one, other in zip(text, text[MASK_BYTES:], strict=False))
