// Reads who invites from the fragment of the address, which no server sees.

import { MesaElement, fill, find, part } from "./base.js"
import { carryAlong } from "./carrying.js"
import { letterOf } from "./shown.js"

// Name and fingerprint. Spec: docs/spec/web-app.md, section "Pages"
const FRAGMENT = /^#([a-z][a-z0-9_-]{1,31})\.([A-Za-z0-9_-]{43})$/u

export class InvitationCard extends MesaElement {
  /** @override */
  connected() {
    this.listen("hashchange", () => this.#read(), window)
    this.#read()
  }

  /** Puts first what can be done here. @param {boolean} isKnown there is an account in this browser */
  set isKnown(isKnown) {
    const [first, second] = isKnown ? ["open", "create"] : ["create", "open"]
    part(this, first).classList.add("button--main")
    part(this, second).classList.remove("button--main")
    part(this, second).before(part(this, first))
  }

  #read() {
    const found = FRAGMENT.exec(location.hash)
    find(this, '[data-step="good"]', HTMLElement).hidden = found === null
    find(this, '[data-step="bad"]', HTMLElement).hidden = found !== null
    if (found === null) return
    fill(this, "name", found[1])
    fill(this, "letter", letterOf(found[1]))
    carryAlong(`invite/${found[1]}.${found[2]}`)
  }
}

customElements.define("invitation-card", InvitationCard)
