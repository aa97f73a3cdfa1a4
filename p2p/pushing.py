"""Push frames to devices.

Spec: docs/spec/signaling.md
"""

from collections.abc import Iterable
from uuid import UUID

from mesa import push
from p2p.protocol.frames import FrameToPeer, to_text
from p2p.records import DeviceKey


def push_frame(device: DeviceKey, frame: FrameToPeer) -> None:
    """Push a frame to a device, wherever its socket is."""
    push.push_device(UUID(device), to_text(frame))


def push_frames(frames: Iterable[tuple[DeviceKey, FrameToPeer]]) -> None:
    """Push frames to several devices at once; those for one device arrive in this order."""
    push.push_devices([(UUID(device), to_text(frame)) for device, frame in frames])


async def apush_frame(device: DeviceKey, frame: FrameToPeer) -> None:
    """Push a frame to another device from a socket handler."""
    await push.apush_device(UUID(device), to_text(frame))
