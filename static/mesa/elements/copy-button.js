// Copies a text that scripts know, and says whether that worked.

import { MesaElement, find, part } from "./base.js"
import { say } from "./texts.js"

export class CopyButton extends MesaElement {
  #text = ""

  /** What is copied; without it the button is off. @param {string} text */
  set text(text) {
    this.#text = text
    find(this, "button", HTMLButtonElement).disabled = text === ""
  }

  /** @override */
  connected() {
    this.listen("click", () => void this.#copy())
  }

  async #copy() {
    if (this.#text === "") return
    const words = part(this, "words")
    try {
      await navigator.clipboard.writeText(this.#text)
      words.textContent = say("copy.done")
    } catch {
      words.textContent = say("copy.failed")
    }
    words.setAttribute("role", "status")
  }
}

customElements.define("copy-button", CopyButton)
