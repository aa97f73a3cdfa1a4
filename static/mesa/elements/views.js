// What elements are given: plain objects. Who fills them knows the peer; the elements know only these.

/**
 * How a message of ours stands, in the words of the agent's `message_progress`; `failed` and `received` besides.
 *
 * @typedef {"queued" | "waiting" | "path" | "sent" | "delivered" | "blocked" | "failed" | "received"} StateWord
 *
 * @typedef {object} MessageView
 * @property {number} number place in the conversation, dense; below zero: it has none
 * @property {string | null} text null: of a kind that this version does not know
 * @property {boolean} outgoing
 * @property {StateWord} state
 * @property {number | null} time milliseconds since 1970; null: it is missing
 * @property {boolean} [missing] others that follow it came, it did not
 * @property {"path" | "contact" | "forwarders" | "acceptance" | "asking" | null} [waitsFor]
 * @property {number | null} [forwarders] of three, while it waits for them
 * @property {number} [attempt]
 * @property {string} [why] of `failed`: a key under `why.`; of `blocked`: `keys` that changed, or the `user`
 *
 * @typedef {object} TimelineView
 * @property {number} number the message it stands under
 * @property {string} contact
 * @property {number} attempt
 * @property {number | null} pathMs when the path was there, after the message was accepted
 * @property {number | null} firstMs when the first cell had left to the guard
 * @property {number | null} totalMs when the receipt was checked
 *
 * @typedef {"other_keys" | "rolled_back" | "forked" | "unreadable" | "wrong_key"} DangerWord
 *
 * @typedef {object} ContactView
 * @property {number} number local random number of the conversation
 * @property {string} name
 * @property {"asked" | "unasked" | "asking" | "accepted"} state `unasked`: has to be asked again
 * @property {string} greeting the first words of somebody who asked; may be empty
 * @property {string} ownGreeting the first words with which the user asked; may be empty
 * @property {boolean} verified
 * @property {boolean} blocked
 * @property {DangerWord | null} danger
 * @property {number} added devices that came, of which the user has not said yet that it was seen
 * @property {number} removed devices that went
 * @property {1 | 2} suite the weakest of the contact's devices
 * @property {string} seen names the keys that were shown; a decision is about these
 * @property {string} safetyNumber 60 digits; while there is a danger of `other_keys`, of the keys that were shown
 *
 * @typedef {object} ConversationView
 * @property {ContactView} contact
 * @property {string} draft
 *
 * @typedef {object} ConversationRowView
 * @property {number} number
 * @property {string} name
 * @property {"asked" | "unasked" | "accepted"} state
 * @property {boolean} verified
 * @property {boolean} unsafe
 * @property {number} unread
 * @property {MessageView | null} last
 * @property {string} draft
 *
 * @typedef {object} RequestView
 * @property {number} number
 * @property {string} name
 * @property {string} greeting
 *
 * @typedef {object} PeerView
 * @property {"offline" | "connecting" | "waiting" | "online" | "forwarding" | "stopped"} state
 * @property {number} found forwarders that are there, at most 3
 * @property {number} guards
 * @property {number} links
 *
 * @typedef {object} MeterView
 * @property {boolean} forwards
 * @property {number[]} rates cells of each of the last seconds, oldest first
 * @property {number} total
 *
 * @typedef {object} AccountView
 * @property {string} name
 * @property {string} fingerprint
 * @property {string} link invite link
 *
 * @typedef {{name: string, number: number}} KnownAccount an account whose keys this browser profile has
 *
 * @typedef {{code: string, count?: number, fields?: Record<string, string[]>}} Problem
 * what was refused: a code of the REST API, or one of the page's own
 */

export {}
