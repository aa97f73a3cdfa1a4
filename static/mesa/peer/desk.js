// What windows may ask of the leader, by name. Answers are views: plain values, without keys or tokens.
// Spec: docs/spec/web-app.md, section "Leader window"

import { fromBase64url, toBase64url } from "../lib/base64.js"
import { Turns } from "../lib/turns.js"
import * as contacts from "../store/contact-book.js"
import * as history from "../store/history.js"
import * as sessions from "../store/session-book.js"
import { ACCOUNT_ACTS } from "./account-desk.js"
import { CHAT_ACTS, required } from "./chat-desk.js"
import * as choices from "./choices.js"
import { decide } from "./deciding.js"
import { UsageError } from "./errors.js"
import { ForwarderCount } from "./forwarder-count.js"
import { messageView } from "./views.js"

/** @typedef {import("./views.js").Progress} Progress */

/**
 * @typedef {object} DeskParts
 * @property {import("./contacts.js").ContactParts} shared
 * @property {import("./peer.js").Peer} peer
 * @property {import("./settings.js").Settings} settings
 * @property {Pick<import("./guards-book.js").GuardsBook, "allowOneMore">} guards
 * @property {(event: object) => void} tell reaches all windows
 * @property {(error: unknown) => void} fail
 * @property {(how: import("./leader.js").Leaving) => Promise<void>} leave
 * @property {() => boolean} hasOtherKeys the server shows other keys for this user
 */

/** The leader's side of the windows. */
export class Desk {
  #parts
  /** @type {Map<string, Progress>} */
  #progress = new Map()
  /** Windows are told in the order in which things happened. */
  #turns = new Turns()

  /** @param {DeskParts} parts */
  constructor(parts) {
    this.#parts = parts
    const { shared, peer, fail } = parts
    const isOpen = () => peer.network.session.isOpen
    this.forwarders = new ForwarderCount({ api: shared.api, clock: shared.clock, isOpen, fail })
  }

  /**
   * Does what a window asks.
   *
   * @param {string} name
   * @param {any[]} args
   * @returns {Promise<unknown>}
   * @throws {UsageError} there is no such call
   */
  async call(name, args) {
    const act = ACTS[name]
    if (!act) throw new UsageError(name)
    return act(this, this.#parts, ...args)
  }

  /** Takes an event of the peer, and tells the windows what it changes. @param {any} event */
  report(event) {
    if (event.event === "session_opened") this.forwarders.begin()
    this.#turns.take(() => this.#tell(event)).catch(this.#parts.fail)
  }

  /** @param {string} key @param {Progress} event */
  #note(key, event) {
    if (event.state === "delivered") this.#progress.delete(key)
    else this.#progress.set(key, event)
  }

  /** What was last told of a message of ours. @param {number} contact @param {number} number */
  progressOf = (contact, number) => this.#progress.get(`${contact}/${number}`)

  /** @param {any} event */
  async #tell(event) {
    const { store } = this.#parts.shared
    const userName = event.to ?? event.sender ?? event.user
    const contact = userName === undefined ? undefined : await contacts.findByName(store.view, userName)
    this.#parts.tell(plain(event))
    if (!contact) return
    const number = contact.number
    if (event.event === "message_progress") this.#note(`${number}/${event.number}`, event)
    if (event.number) {
      const row = await store.view.get("messages", [number, event.number])
      const entry = row && (await history.open(store.view, row))
      if (entry?.place) {
        const message = messageView(entry, contact, this.progressOf)
        this.#parts.tell({ event: "message_changed", contact: number, message })
      }
    } else this.#parts.tell({ event: "contact_changed", contact: number })
  }
}

/** @type {Record<string, (desk: Desk, parts: DeskParts, ...args: any[]) => unknown>} */
const ACTS = {
  ...ACCOUNT_ACTS,
  ...CHAT_ACTS,

  async search(_desk, { shared }, query) {
    const name = contacts.folded(query)
    const found = await shared.api.users(name)
    // Nobody is shown to themselves.
    if (found.length === 0 && name === shared.account.userName) throw new UsageError("own_name")
    return found
  },

  async request(_desk, { peer }, userName, greeting, fingerprint) {
    const pinned = fingerprint === null ? null : fromBase64url(fingerprint)
    return (await peer.contacts.request(userName, { greeting, fingerprint: pinned })).number
  },

  /** `saw`: the view of the contact on which the user decided. */
  async decide(_desk, parts, number, decision, saw) {
    const contact = await required(parts.shared.store.view, number)
    // Also what fails at the server may have changed something here.
    const told = { event: "contact_changed", contact: number }
    await decide(parts, contact, decision, saw).finally(() => parts.tell(told))
  },

  async status(desk, { peer, settings, hasOtherKeys }) {
    const { network } = peer
    return {
      isOpen: network.session.isOpen,
      guards: (await network.guards.tickets()).length,
      links: network.links.count,
      carried: peer.carried,
      forwards: settings.forwards,
      hasOtherKeys: hasOtherKeys(),
      forwarders: desk.forwarders.known,
    }
  },

  async settings(_desk, { settings, shared }) {
    const refuses = await sessions.refuses(shared.store.view, 2)
    const knows = await choices.knowsRisk(shared.store.view)
    const { forwards: forward, isTurnOnly: relay_only } = settings
    return { forward, relay_only, refuses_suite_2: refuses, knows_storage_risk: knows }
  },

  async change(_desk, { settings, peer, shared }, name, value) {
    switch (name) {
      case "forward":
        await settings.setForwards(value)
        return peer.network.renew()
      case "relay_only":
        return settings.setTurnOnly(value)
      case "refuses_suite_2":
        return shared.store.transaction((unit) => sessions.refuseSuite2(unit, value))
      case "knows_storage_risk":
        return shared.store.transaction((unit) => choices.noteRisk(unit, value))
      case "visibility":
        return shared.api.setVisibility(value)
      default:
        throw new UsageError(name)
    }
  },
}

/** Ids in events as text: no window needs their bytes. @param {object} event */
function plain(event) {
  const text = (/** @type {unknown} */ value) => (value instanceof Uint8Array ? toBase64url(value) : value)
  const entries = Object.entries(event).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.map(text) : text(value),
  ])
  return Object.fromEntries(entries)
}
