// Copies a text that scripts know, and says for a while whether that worked.

import { browserClock } from "../lib/timing.js"
import { MesaElement, find, part } from "./base.js"
import { say } from "./texts.js"

const SAID_S = 4

export class CopyButton extends MesaElement {
  #text = ""
  /** Says again what the button does. */
  #restore = () => {}

  /** What is copied; without it the button is off. @param {string} text */
  set text(text) {
    if (text !== this.#text) this.#restore()
    this.#text = text
    find(this, "button", HTMLButtonElement).disabled = text === ""
  }

  /** @override */
  connected() {
    this.listen("click", () => void this.#copy())
  }

  async #copy() {
    if (this.#text === "") return
    let told = "copy.done"
    try {
      await navigator.clipboard.writeText(this.#text)
    } catch {
      told = "copy.failed"
    }
    this.#restore()
    this.#sayForAWhile(say(told))
  }

  /** @param {string} told */
  #sayForAWhile(told) {
    const words = part(this, "words")
    const before = words.textContent
    // What the button does is no news: only what has happened is read out.
    words.setAttribute("role", "status")
    words.textContent = told
    const takeBack = browserClock.after(SAID_S, () => this.#restore())
    this.#restore = () => {
      takeBack()
      words.removeAttribute("role")
      words.textContent = before
      this.#restore = () => {}
    }
  }
}

customElements.define("copy-button", CopyButton)
