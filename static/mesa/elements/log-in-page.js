// Joins the forms of log-in to the accounts of this browser profile.

import { logIn } from "../peer/enrolling.js"
import { recover } from "../peer/recovery.js"
import { find } from "./base.js"
import { carryAlong } from "./carrying.js"
import { startPage } from "./enrolling-desk.js"
import { LogInForms } from "./log-in-forms.js"
import { problemOf } from "./problems.js"

/** Brings the page to life. */
export function startLogIn() {
  carryAlong(location.hash)
  return startPage(start)
}

/** @param {import("../peer/enrolling.js").Desk} desk */
async function start(desk) {
  const forms = find(document, "log-in-forms", LogInForms)
  const accounts = await desk.profiles.all()
  forms.accounts = accounts.map(({ number, userName }) => ({ number, name: userName }))
  /** @param {string} busy @param {() => Promise<unknown>} act */
  const attempt = async (busy, act) => {
    forms.busy(busy)
    try {
      await act()
      location.assign(`/app/${location.hash}`)
    } catch (error) {
      forms.refuse(problemOf(error))
    }
  }
  document.addEventListener("log-in:submit", (event) => {
    const { account, password } = /** @type {CustomEvent} */ (event).detail
    const userName = accounts.find(({ number }) => number === account)?.userName ?? ""
    void attempt("busy.log_in", () => logIn(desk, { userName, password }))
  })
  document.addEventListener("recover:submit", (event) => {
    const { username, code, password } = /** @type {CustomEvent} */ (event).detail
    void attempt("busy.recover", () => recover(desk, { userName: username, code, password }))
  })
}
