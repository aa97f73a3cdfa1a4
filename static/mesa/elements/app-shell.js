// Shows the view that the fragment names. Which conversation it is stands there as a local number, which no
// server sees. Says `app:view` {view, number}; an invitation in the fragment begins a new chat.

import { MesaElement, find } from "./base.js"
import { ConversationList } from "./conversation-list.js"
import { readInvitation } from "./invitations.js"
import { UserSearch } from "./user-search.js"

/** @typedef {"welcome" | "conversation" | "contact" | "settings"} View */
/** @typedef {{view: View, number: number, open: boolean}} Place open: on a phone it takes the place of the list */

const INVITED = "#invite/"
const OF_CHATS = /^#(c|contact)\/([1-9]\d{0,15})$/u

export class AppShell extends MesaElement {
  #isStarted = false

  /** @override */
  connected() {
    // Without scripts nothing starts.
    find(this, '.app__main > [data-view="starting"]', HTMLElement).hidden = this.#isStarted
    this.listen("hashchange", (event) => this.#turn(/** @type {HashChangeEvent} */ (event)), window)
  }

  /** Shows what the address names, from now on: the keys are open. */
  start() {
    this.#isStarted = true
    // On a phone an empty list would be all; the welcome leads further.
    if (["", "#chats"].includes(location.hash) && this.#list.isEmpty)
      history.replaceState(null, "", "#welcome")
    this.#go()
  }

  /** Makes room for the first who asks, on a phone. */
  welcomed() {
    if (location.hash === "#welcome") location.hash = "#chats"
  }

  /** @param {HashChangeEvent} event */
  #turn({ oldURL }) {
    const place = document.getElementById(location.hash.slice(1))
    if (!place) return this.#go()
    // A link to a place on the page, which shows what it showed.
    history.replaceState(null, "", oldURL)
    place.focus()
  }

  #go() {
    if (!this.#isStarted) return
    if (location.hash.startsWith(INVITED)) beginChat(location.hash.slice(INVITED.length))
    const { view, number, open } = placeOf(location.hash)
    this.dataset.view = view
    this.classList.toggle("app--open", open)
    for (const each of this.querySelectorAll(".app__main > [data-view]"))
      /** @type {HTMLElement} */ (each).hidden = each.getAttribute("data-view") !== view
    for (const link of this.querySelectorAll(".tabs__link")) {
      const isHere = (link.getAttribute("href") === "#settings") === (view === "settings")
      if (isHere) link.setAttribute("aria-current", "page")
      else link.removeAttribute("aria-current")
    }
    this.#list.choose(view === "conversation" ? number : 0)
    this.tell("app:view", { view, number })
    if (open) this.#focus(view)
  }

  get #list() {
    return find(this, "conversation-list", ConversationList)
  }

  /** @param {View} view */
  #focus(view) {
    const place = find(this, `.app__main > [data-view="${view}"]`, HTMLElement)
    const target = place.querySelector('[tabindex="-1"]') ?? place.querySelector("message-list")
    if (target instanceof HTMLElement) target.focus({ preventScroll: true })
  }
}

/** @param {string} text an invitation */
function beginChat(text) {
  const invitation = readInvitation(text)
  if (invitation === null) return
  // Read once: going back does not ask again.
  history.replaceState(null, "", "#chats")
  const search = find(document, "user-search", UserSearch)
  search.closest("dialog")?.showModal()
  search.ask(invitation.username, invitation.fingerprint)
}

/**
 * Reads what a fragment names; what is none names the chats.
 *
 * @param {string} fragment
 * @returns {Place}
 */
export function placeOf(fragment) {
  const found = OF_CHATS.exec(fragment)
  if (found !== null)
    return { view: found[1] === "c" ? "conversation" : "contact", number: Number(found[2]), open: true }
  if (fragment === "#settings") return { view: "settings", number: 0, open: true }
  return { view: "welcome", number: 0, open: fragment === "#welcome" }
}

customElements.define("app-shell", AppShell)
