// What windows may ask of the leader about chats.
// Spec: docs/spec/web-app.md, section "Leader window"

import { readChain } from "../crypto/chain.js"
import { fromHex } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import * as drafts from "../store/drafts.js"
import * as showing from "../store/showing.js"
import { UnknownUser } from "./errors.js"
import { fails } from "./failures.js"
import { contactView, messageView, rowView } from "./views.js"

/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./desk.js").Desk} Desk @typedef {import("./desk.js").DeskParts} DeskParts */

const PAGE = 50
const REQUESTED = ["asking"]

/** @type {Record<string, (desk: Desk, parts: DeskParts, ...args: any[]) => unknown>} */
export const CHAT_ACTS = {
  async list(desk, { shared }) {
    const { view } = shared.store
    const known = await contacts.all(view)
    const isShown = (/** @type {contacts.Contact} */ { fields }) => !fields.isIgnored && !fields.isBlocked
    const rows = known.filter(({ state }) => !REQUESTED.includes(state))
    const views = await Promise.all(rows.map((contact) => rowView(view, contact, desk.progressOf)))
    const requests = known.filter((contact) => contact.state === "asking" && isShown(contact))
    return {
      rows: views.sort((one, other) => (other.last?.time ?? 0) - (one.last?.time ?? 0)),
      requests: requests.map(({ number, userName, fields }) => ({
        number,
        name: userName,
        greeting: fields.greeting,
      })),
    }
  },

  async conversation(desk, { shared }, number) {
    const { view } = shared.store
    const contact = await required(view, number)
    const own = await readChain(shared.account.chain)
    return {
      contact: await contactView(contact, own),
      // After what is being kept of it.
      draft: await shared.store.transaction((unit) => drafts.get(unit, number)),
      unread: await showing.unread(view, number),
      messages: await page(desk, view, contact, undefined),
    }
  },

  async contact(_desk, { shared }, number) {
    const contact = await required(shared.store.view, number)
    return contactView(contact, await readChain(shared.account.chain))
  },

  async older(desk, { shared }, number, before) {
    return page(desk, shared.store.view, await required(shared.store.view, number), before)
  },

  async showed(_desk, { shared, tell }, number, place) {
    const { store } = shared
    const waited = await showing.unread(store.view, number)
    await store.transaction((unit) => showing.showed(unit, number, place))
    // Every list counted it.
    if (waited > 0) tell({ event: "contact_changed", contact: number })
  },

  draft: (_desk, { shared }, number, text) =>
    shared.store.transaction((unit) => drafts.set(unit, number, text)),

  /** `id`: 16 bytes as hex of the window's choice, so that a call that is asked again is done once. */
  async send(_desk, { shared, peer }, number, text, id) {
    const { store } = shared
    // In the queue of units first of all: what is written from here on stays.
    const before = await store.transaction((unit) => drafts.get(unit, number))
    const { userName } = await required(store.view, number)
    const sent = await peer.delivery.send(userName, text, fromHex(id))
    // The message is accepted, whatever becomes of its draft.
    if (before !== "") await fails(() => store.transaction((unit) => dropDraft(unit, number, before)))
    return sent
  },
}

/** @param {Desk} desk @param {Unit} unit @param {contacts.Contact} contact @param {number | undefined} before */
async function page(desk, unit, contact, before) {
  const entries = await showing.conversation(unit, contact.number, { before, limit: PAGE })
  return entries.map((entry) => messageView(entry, contact, desk.progressOf))
}

/** Takes a draft away, unless it was written on since. @param {Unit} unit @param {number} number @param {string} before */
async function dropDraft(unit, number, before) {
  if ((await drafts.get(unit, number)) === before) await drafts.set(unit, number, "")
}

/** @param {Unit} unit @param {number} number @returns {Promise<contacts.Contact>} @throws {UnknownUser} */
export async function required(unit, number) {
  const contact = await contacts.find(unit, number)
  if (!contact) throw new UnknownUser()
  return contact
}
