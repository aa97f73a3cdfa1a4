// Joins the list of chats, the search for people and what is decided about them to the peer.

import { browserClock, pause } from "../lib/timing.js"
import { AppShell } from "./app-shell.js"
import { find } from "./base.js"
import { ConversationList } from "./conversation-list.js"
import { problemOf } from "./problems.js"
import { UserSearch } from "./user-search.js"
import { on, whole } from "./wiring.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */

// While messages come and go the list is read and drawn so often at most.
const REST_S = 0.2

/** Who is known, who asks, and who may be found. */
export class PeopleWiring {
  #windows
  #isDue = false
  #isAtWork = false

  /** @param {Windows} windows */
  constructor(windows) {
    this.#windows = windows
    on("users:search", ({ query }) => this.#search(query))
    on("request:send", (request) => this.#request(request))
    on("request:decide", (choice) => this.#decide(choice))
  }

  /** Draws the list, once however often it is asked for meanwhile. */
  async renew() {
    this.#isDue = true
    if (this.#isAtWork) return
    this.#isAtWork = true
    try {
      this.#isDue = false
      const { rows, requests } = await this.#windows.call("list")
      const list = find(document, "conversation-list", ConversationList)
      const wasEmpty = list.isEmpty
      list.showRows(rows, Date.now())
      list.showRequests(requests)
      if (wasEmpty && !list.isEmpty) find(document, "app-shell", AppShell).welcomed()
      showWaiting(rows, requests)
    } finally {
      void pause(browserClock, REST_S).then(() => whole(this.#rested()))
    }
  }

  async #rested() {
    this.#isAtWork = false
    if (this.#isDue) await this.renew()
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
    if (["message_changed", "contact_changed"].includes(event.event)) void whole(this.renew())
  }

  catchUp() {
    void whole(this.renew())
  }

  /** @param {string} query */
  async #search(query) {
    try {
      this.#panel.showFound(query, await this.#windows.call("search", query))
    } catch (error) {
      this.#panel.refuse(problemOf(error))
    }
  }

  /** @param {{username: string, greeting: string, fingerprint: string | null}} request */
  async #request({ username, greeting, fingerprint }) {
    try {
      const number = await this.#windows.call("request", username, greeting, fingerprint)
      this.#panel.sent()
      this.#panel.closest("dialog")?.close()
      location.hash = `#c/${number}`
      await this.renew()
    } catch (error) {
      this.#panel.refuse(problemOf(error))
    }
  }

  /** What was decided about a request. @param {{number: number, decision: string}} choice */
  async #decide({ number, decision }) {
    try {
      await this.#windows.call("decide", number, decision)
      if (decision === "accept") location.hash = `#c/${number}`
    } finally {
      // What was refused stands there as before.
      await this.renew()
    }
  }

  get #panel() {
    return find(document, "user-search", UserSearch)
  }
}

/** Says in the title how much is unread, and how many ask. @param {{unread: number}[]} rows @param {unknown[]} requests */
function showWaiting(rows, requests) {
  const count = rows.reduce((total, { unread }) => total + unread, requests.length)
  document.title = count > 0 ? `(${count}) Mesa` : "Mesa"
}
