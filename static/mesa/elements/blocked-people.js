// Whom the user has blocked, strangers too. Says `contact:unblock` {number}.

import { MesaElement, clone, fill, find, part } from "./base.js"
import { shownName } from "./shown.js"

/** @typedef {{number: number, name: string}} Blocked */

export class BlockedPeople extends MesaElement {
  /** @param {Blocked[]} people */
  set people(people) {
    this.hidden = people.length === 0
    part(this, "people").replaceChildren(...people.map((each) => this.#makeRow(each)))
  }

  /** @param {Blocked} person */
  #makeRow({ number, name }) {
    const row = clone("blocked-person")
    fill(row, "name", shownName(name))
    fill(row, "whom", shownName(name))
    find(row, "button", HTMLButtonElement).addEventListener("click", () =>
      this.tell("contact:unblock", { number }),
    )
    return row
  }
}

customElements.define("blocked-people", BlockedPeople)
