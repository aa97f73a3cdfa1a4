"""Push frames to devices.

Spec: docs/spec/signaling.md
"""

import json
from collections.abc import Iterable
from uuid import UUID

from mesa import push
from p2p.protocol.frames import FrameToPeer, to_text
from p2p.records import DeviceKey


def push_frame(device: DeviceKey, frame: FrameToPeer) -> None:
    """Push a frame to a device, wherever its socket is."""
    push.push_device(UUID(device), json.loads(to_text(frame)))


def push_frames(frames: Iterable[tuple[DeviceKey, FrameToPeer]]) -> None:
    """Push frames to several devices; those for one device arrive in this order."""
    for device, frame in frames:
        push_frame(device, frame)


async def apush_frame(device: DeviceKey, frame: FrameToPeer) -> None:
    """Push a frame to another device from a socket handler."""
    await push.apush_device(UUID(device), json.loads(to_text(frame)))
