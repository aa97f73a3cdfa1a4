// Errors of the protocol: one family, each with the code that a socket closes with.
// Messages never hold the offending bytes, an address or an id.
// Spec: docs/spec/signaling.md, section "Close codes"

/** The other side broke the protocol. */
export class ProtocolError extends Error {
  /** @override */
  name = "bad_frame"
  closeCode = 4400
}

/** A frame is malformed, of an unknown type, or not legal now. */
export class BadFrame extends ProtocolError {}

/** A frame is longer than the limit. */
export class FrameTooLarge extends ProtocolError {
  /** @override */
  name = "frame_too_large"
  /** @override */
  closeCode = 4413
}

/** A link frame or payload does not have the layout of the spec. */
export class CellError extends ProtocolError {
  /** @override */
  name = "bad_cell"
}

/** An event is not legal in the link's present state. */
export class UnexpectedEvent extends ProtocolError {
  /** @override */
  name = "unexpected_event"
}

/** What the other side means by the code it closed with. */
export const CLOSE_NAMES = new Map([
  [4400, "bad_frame"],
  [4401, "session_ended"],
  [4403, "origin_refused"],
  [4408, "hello_missing"],
  [4409, "replaced"],
  [4413, "frame_too_large"],
  [4426, "version_unsupported"],
  [4429, "too_many_frames"],
  [4503, "unavailable"],
])
