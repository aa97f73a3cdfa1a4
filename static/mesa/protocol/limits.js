// Limits and timers of the session socket, shared by both sides. Spec: docs/spec/signaling.md

export const SUBPROTOCOL = "mesa.1"
export const FRAME_BYTES = 65_536
export const FRAME_STEP_BYTES = 8_192
export const FRAMES_PER_S = 100
export const FRAMES_BURST = 200
export const RESUME_S = 90
export const HEARTBEAT_S = 60
export const MAX_ICE_SERVERS = 4
export const MAX_OFFERS = 8
export const MAX_TICKETS = 5
export const MAX_WATCH_PER_FRAME = 256
export const MAX_WATCH = 2_048
export const MAX_HOPS = 1_024
export const MAX_OPEN_TRANSACTIONS = 256
export const MAX_RECEIPT_ENTRIES = 64
export const MAX_HELD_RECEIPTS = 256
export const MAX_CONVERSATIONS = 256
export const MAX_ATTEMPT = 65_535
export const MAX_INDEX = 65_535
export const MAX_SERVER_LIMIT = 2 ** 31
export const FORWARDERS = 3
export const HOPS = FORWARDERS + 1
