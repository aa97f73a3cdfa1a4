// Joins what a user does with the whole account, and with whom the user blocked, to the peer.

import { AccountForm } from "./account-form.js"
import { find } from "./base.js"
import { BlockedPeople } from "./blocked-people.js"
import { noticeOf, problemOf } from "./problems.js"
import { on } from "./wiring.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */
/** @typedef {import("../peer/leader.js").Leaving} Leaving */

/** The account as a whole. */
export class AccountWiring {
  #windows
  #leaveAlone
  #view = ""

  /** @param {Windows} windows @param {(how: Leaving) => Promise<void>} leaveAlone does so without a leader */
  constructor(windows, leaveAlone) {
    this.#windows = windows
    this.#leaveAlone = leaveAlone
    on("account:log-out", () => this.#leave({}))
    on("account:wipe", () => this.#try("wipe", () => this.#leave({ wipe: true })))
    on("account:remove", ({ password }) =>
      this.#try("remove", () => windows.call("leave", { wipe: true, password })),
    )
    on("account:password", (typed) =>
      this.#try("password", () => windows.call("changePassword", typed.old, typed.new)),
    )
    on("contact:unblock", ({ number }) => this.#unblock(number))
    on("app:view", ({ view }) => this.#go(view))
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
    if (event.event === "contact_changed") this.catchUp()
  }

  catchUp() {
    if (this.#view === "settings") void this.#showBlocked().catch(() => {})
  }

  /** @param {Leaving} how */
  async #leave(how) {
    try {
      await this.#windows.call("leave", how)
    } catch (error) {
      // What stops everything else, as the end of the login does, stops nobody from leaving.
      if (!noticeOf(error)) throw error
      await this.#leaveAlone(how)
    }
  }

  /** @param {string} view */
  async #go(view) {
    this.#view = view
    if (view === "settings") await this.#showBlocked()
  }

  async #showBlocked() {
    find(document, "blocked-people", BlockedPeople).people = await this.#windows.call("blocked")
  }

  /** @param {number} number */
  async #unblock(number) {
    await this.#windows.call("decide", number, "unblock")
    await this.#showBlocked()
  }

  /** Does what a form asks for; why not stands in it. @param {string} name @param {() => Promise<unknown>} act */
  async #try(name, act) {
    const form = find(document, `account-form[name="${name}"]`, AccountForm)
    form.busy()
    try {
      await act()
      form.done()
    } catch (error) {
      form.refuse(problemOf(error))
    }
  }
}
