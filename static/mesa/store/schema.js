// The tables of the local store. Keys are random local numbers, dense sequence numbers, or digests under the master
// key: whoever reads the files learns from them no id, no name and no time.
// Spec: docs/spec/web-app.md, section "Local store"

/** @typedef {import("./database.js").Step} Step */

/** Numbers of contacts are random and never 0. */
export const NOBODY = 0

/** @type {Step[]} */
export const STEPS = [
  (database) => {
    /** @param {string} name @param {string | string[]} keyPath */
    const table = (name, keyPath) => database.createObjectStore(name, { keyPath })
    table("settings", "name")
    table("contacts", "contact").createIndex("name", "name", { unique: true })
    table("tokens", "digest").createIndex("holder", ["isLive", "contact"])
    table("sessions", "session").createIndex("contact", "contact")
    table("firstHeaders", "header").createIndex("prekey", "prekey")
    table("prekeys", "prekey")
    const messages = table("messages", ["contact", "number"])
    messages.createIndex("message", ["contact", "message", "outgoing"])
    messages.createIndex("state", ["state", "contact", "number"])
    // What has no place is not in the index: it is not shown yet, or never.
    messages.createIndex("place", ["contact", "place"])
    messages.createIndex("side", ["contact", "outgoing", "number"])
    table("held", "contact")
    table("waits", ["contact", "message", "number"]).createIndex("number", ["contact", "number"])
    table("came", ["contact", "message"])
    table("envelopes", "digest").createIndex("message", ["contact", "number", "device"])
    table("received", "digest")
    table("posts", "post")
    table("mailboxDone", "post")
    table("setAside", "post")
    table("drafts", "contact")
  },
]

/** All keys of an index or table that begin so. @param {...IDBValidKey} first */
export function beginsWith(...first) {
  // An array is after every number, text and byte string.
  return IDBKeyRange.bound(first, [...first, []])
}
