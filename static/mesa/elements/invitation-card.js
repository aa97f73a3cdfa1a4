// Reads who invites from the fragment of the address, which no server sees.

import { MesaElement, fill, find, part } from "./base.js"
import { carryAlong } from "./carrying.js"
import { readInvitation } from "./invitations.js"
import { letterOf } from "./shown.js"

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
    const text = location.hash.slice(1)
    const invitation = readInvitation(text)
    find(this, '[data-step="good"]', HTMLElement).hidden = invitation === null
    find(this, '[data-step="bad"]', HTMLElement).hidden = invitation !== null
    if (invitation === null) return
    fill(this, "name", invitation.username)
    fill(this, "letter", letterOf(invitation.username))
    carryAlong(`invite/${text}`)
  }
}

customElements.define("invitation-card", InvitationCard)
