"""Errors of the protocol: one family, each with the close code a socket ends with.

Messages never hold the offending bytes, an address or an id.
Spec: docs/spec/signaling.md, section "Close codes"
"""


class ProtocolError(Exception):
    """The other side broke the protocol."""

    name = "bad_frame"
    close_code = 4400


class BadFrame(ProtocolError):
    """A frame is malformed, of an unknown type, or not legal now."""


class FrameTooLarge(ProtocolError):
    """A frame is longer than the limit."""

    name = "frame_too_large"
    close_code = 4413


class TooManyFrames(ProtocolError):
    """Frames came faster than the limit."""

    name = "too_many_frames"
    close_code = 4429


class HelloMissing(ProtocolError):
    """No `hello` came in time."""

    name = "hello_missing"
    close_code = 4408


class SessionEnded(ProtocolError):
    """There is no login, or it has ended."""

    name = "session_ended"
    close_code = 4401


class OriginRefused(ProtocolError):
    """The browser's origin is not allowed."""

    name = "origin_refused"
    close_code = 4403


class Replaced(ProtocolError):
    """The device opened another socket."""

    name = "replaced"
    close_code = 4409


class VersionUnsupported(ProtocolError):
    """The two sides share no version of the protocol."""

    name = "version_unsupported"
    close_code = 4426


class Unavailable(ProtocolError):
    """The server can not serve the socket at the moment."""

    name = "unavailable"
    close_code = 4503


class CellError(ProtocolError):
    """A link frame or payload does not have the layout of the spec."""

    name = "bad_cell"


class UnexpectedEvent(ProtocolError):
    """An event is not legal in the link's present state."""

    name = "unexpected_event"


CLOSE_NAMES = {
    error.close_code: error.name
    for error in (
        BadFrame,
        SessionEnded,
        OriginRefused,
        HelloMissing,
        Replaced,
        FrameTooLarge,
        VersionUnsupported,
        TooManyFrames,
        Unavailable,
    )
}
