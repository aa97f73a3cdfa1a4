// Shows the recovery code once, and asks for two of its groups, so that it was written down.

import { plainCode } from "../crypto/recovery.js"
import { MesaElement, cloneOf, find, part } from "./base.js"
import { CopyButton } from "./copy-button.js"
import { showError } from "./forms.js"
import { say } from "./texts.js"

const GROUP_SIGNS = 4
// The last whole group and the one after the middle: who saw only the beginning does not have them.
const ASKED = [3, 5]

export class RecoveryCode extends MesaElement {
  /** @type {string[]} */
  #groups = []

  /** Shows a code of 26 signs. @param {string} code */
  set code(code) {
    this.#groups = groupsOf(code)
    const template = find(this, 'template[data-part="group"]', HTMLTemplateElement)
    part(this, "code").replaceChildren(
      ...this.#groups.map((group, at) => {
        const shown = cloneOf(template)
        shown.children[0].textContent = String(at + 1)
        shown.children[1].textContent = group
        return shown
      }),
    )
    find(this, "copy-button", CopyButton).text = this.#groups.join(" ")
    part(this, "ask").textContent = say("code.ask", ASKED_NUMBERS)
  }

  /** Forgets the code: it is not shown again. */
  clear() {
    this.#groups = []
    part(this, "code").replaceChildren()
    find(this, "copy-button", CopyButton).text = ""
    this.#input.value = ""
  }

  /** @override */
  connected() {
    this.listen("click", () => print(), part(this, "print"))
  }

  /** Tells whether what was typed are the groups that were asked for, and says so where they are not. */
  isConfirmed() {
    const wanted = ASKED.map((at) => this.#groups[at]).join("")
    const isRight = wanted !== "" && plainCode(this.#input.value) === wanted
    showError(this, "code", isRight ? "" : say("code.wrong", ASKED_NUMBERS))
    if (!isRight) this.#input.focus()
    return isRight
  }

  get #input() {
    return find(this, "input", HTMLInputElement)
  }
}

const ASKED_NUMBERS = { first: ASKED[0] + 1, second: ASKED[1] + 1 }

/** @param {string} code */
function groupsOf(code) {
  const starts = Array.from({ length: Math.ceil(code.length / GROUP_SIGNS) }, (_, at) => at * GROUP_SIGNS)
  return starts.map((start) => code.slice(start, start + GROUP_SIGNS))
}

customElements.define("recovery-code", RecoveryCode)
