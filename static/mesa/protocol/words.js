// The closed sets of words that frames carry, in the order of the spec; types of frames are the keys of
// TO_SERVER and TO_PEER. Spec: docs/spec/signaling.md

/** How a peer's network treats incoming packets, as far as it knows. */
export const NATS = /** @type {const} */ (["unknown", "open", "cone", "symmetric"])

/** How the link of an ordered hop comes to be. */
export const HOWS = /** @type {const} */ (["open", "answer", "taken"])

/** States of a transaction that a snapshot lists. */
export const TRANSACTION_STATES = /** @type {const} */ (["waiting", "finding", "open"])

/** How a transaction ended. */
export const END_STATES = /** @type {const} */ (["completed", "failed"])

/** Why an attempt or a transaction ended. */
export const CAUSES = /** @type {const} */ ([
  "too_few_forwarders",
  "no_offer",
  "hop_failed",
  "peer_gone",
  "no_receipt",
  "superseded",
  "no_path",
  "idle",
  "lost",
])

/** Why a login ended. */
export const SESSION_END_CAUSES = /** @type {const} */ (["logout", "expired", "revoked", "removed"])
