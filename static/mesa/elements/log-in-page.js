// Joins the forms of log-in to the accounts of this browser profile.

import { forgetHere, logIn } from "../peer/enrolling.js"
import { recover } from "../peer/recovery.js"
import { AccountForm } from "./account-form.js"
import { fill, find } from "./base.js"
import { carryAlong } from "./carrying.js"
import { startPage } from "./enrolling-desk.js"
import { LogInForms } from "./log-in-forms.js"
import { problemOf } from "./problems.js"
import { shownName } from "./shown.js"

/** @typedef {import("../peer/enrolling.js").Desk} Desk */
/** @typedef {import("../peer/profiles.js").Profile} Profile */

/** Brings the page to life. */
export function startLogIn() {
  carryAlong(location.hash)
  return startPage((desk) => new LogInPage(desk).begin())
}

class LogInPage {
  #desk
  #forms = find(document, "log-in-forms", LogInForms)
  /** @type {Profile[]} */
  #accounts = []

  /** @param {Desk} desk */
  constructor(desk) {
    this.#desk = desk
  }

  async begin() {
    await this.#list()
    const desk = this.#desk
    this.#on("log-in:submit", ({ account, password }) => {
      const { userName } = this.#account(account)
      return this.#attempt("busy.log_in", () => logIn(desk, { userName, password }))
    })
    this.#on("recover:submit", ({ username, code, password }) =>
      this.#attempt("busy.recover", () => recover(desk, { userName: username, code, password })),
    )
    /** @type {Profile | undefined} */
    let asked
    this.#on("log-in:forget", ({ account }) => {
      asked = this.#account(account)
      const dialog = find(document, "#forget", HTMLDialogElement)
      fill(dialog, "name", shownName(asked.userName))
      dialog.showModal()
    })
    this.#on("account:forget", () => asked && this.#forget(asked))
  }

  async #list() {
    this.#accounts = await this.#desk.profiles.all()
    this.#forms.accounts = this.#accounts.map(({ number, userName }) => ({ number, name: userName }))
  }

  /** @param {number} wanted @returns {Profile} */
  #account(wanted) {
    return /** @type {Profile} */ (this.#accounts.find(({ number }) => number === wanted))
  }

  /** @param {string} busy @param {() => Promise<unknown>} act */
  async #attempt(busy, act) {
    this.#forms.busy(busy)
    try {
      await act()
      location.assign(`/app/${location.hash}`)
    } catch (error) {
      this.#forms.refuse(problemOf(error))
    }
  }

  /** @param {Profile} profile */
  async #forget(profile) {
    const form = find(document, 'account-form[name="forget"]', AccountForm)
    form.busy()
    try {
      await forgetHere(this.#desk, profile)
      await this.#list()
      form.done()
      this.#forms.restart()
    } catch (error) {
      form.refuse(problemOf(error))
    }
  }

  /** @param {string} type @param {(detail: any) => unknown} act */
  #on(type, act) {
    document.addEventListener(type, (event) => void act(/** @type {CustomEvent} */ (event).detail))
  }
}
