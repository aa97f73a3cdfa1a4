// The own invite link: to copy, to share, and as a code, which who can draw it puts in by `showCode`.

import { MesaElement, fill, find, part, show } from "./base.js"
import { CopyButton } from "./copy-button.js"

export class InviteLink extends MesaElement {
  #link = ""

  /** @param {string} link */
  set link(link) {
    this.#link = link
    fill(this, "link", link.replace(/^https?:\/\//u, ""))
    find(this, "copy-button", CopyButton).text = link
    show(this, "share", link !== "" && "share" in navigator)
  }

  /** @override */
  connected() {
    this.listen("click", () => void this.#share(), part(this, "share"))
  }

  /** @param {SVGElement} code */
  showCode(code) {
    part(this, "code").replaceChildren(code)
    show(this, "code", true)
  }

  async #share() {
    try {
      await navigator.share({ url: this.#link })
    } catch {
      // The user thought better of it.
    }
  }
}

customElements.define("invite-link", InviteLink)
