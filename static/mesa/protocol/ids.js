// Sizes in bytes of ids, keys and the like. Spec: docs/spec/signaling.md

export const LINK_ID_BYTES = 16
export const HOP_ID_BYTES = 8
export const OFFER_ID_BYTES = 8
export const STREAM_ID_BYTES = 8
export const EPOCH_BYTES = 16
export const RESUME_BYTES = 32
export const TOKEN_BYTES = 32
export const ONION_KEY_BYTES = 32
export const SIGNED_ONION_KEY_BYTES = 117
export const DIGEST_BYTES = 16
export const MAC_BYTES = 16
export const PROOF_BYTES = 32
export const TICKET_BYTES = 512
