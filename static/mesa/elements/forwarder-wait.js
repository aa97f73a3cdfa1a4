// How many forwarders are there, what that means, and who one is.

import { NEEDED } from "../peer/forwarder-count.js"
import { MesaElement, fill, find, part } from "./base.js"
import { fillPips } from "./message-item.js"
import { shownName } from "./shown.js"
import { say } from "./texts.js"

export class ForwarderWait extends MesaElement {
  /** @param {string} name */
  set account(name) {
    fill(this, "greeting", say("forwarders.greeting", { name: shownName(name) }))
  }

  /** @param {{found: number, online: boolean}} view */
  set view({ found, online }) {
    const isReady = found >= NEEDED
    this.dataset.found = String(found)
    fill(this, "you", say(online ? "forwarders.online" : "forwarders.offline"))
    for (const [at, stop] of [...this.querySelectorAll("[data-stop]")].entries()) {
      stop.classList.toggle("path__stop--open", at >= found)
      find(stop, ".path__time", HTMLElement).textContent = say(
        at < found ? "forwarders.found" : "forwarders.missing",
      )
    }
    fillPips(find(this, ".pips", HTMLElement), found)
    part(this, "count").classList.toggle("first-run__count--found", isReady)
    fill(this, "words", isReady ? say("forwarders.ready") : say("forwarders.waiting", { found }))
    fill(
      this,
      "why",
      isReady ? say("forwarders.why_ready") : say("forwarders.why", { count: NEEDED - found }),
    )
  }
}

customElements.define("forwarder-wait", ForwarderWait)
