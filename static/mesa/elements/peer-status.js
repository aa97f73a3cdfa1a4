// One line on what this device does in the network.

import { MesaElement, fill, setIcon } from "./base.js"
import { say } from "./texts.js"

/** @typedef {import("./views.js").PeerView} PeerView */

const ICONS = {
  offline: "away",
  connecting: "queued",
  waiting: "queued",
  online: "delivered",
  forwarding: "routed",
  stopped: "block",
}

export class PeerStatus extends MesaElement {
  /** @param {PeerView} view */
  set view(view) {
    const guards = say("peer.guards", { count: view.guards })
    const links = say("peer.links", { count: view.links })
    fill(this, "words", say(`peer.${view.state}`, { found: view.found, guards, links }))
    setIcon(this, ICONS[view.state])
    this.firstElementChild?.classList.toggle(
      "peer-status--waiting",
      ["offline", "stopped", "waiting"].includes(view.state),
    )
  }
}

customElements.define("peer-status", PeerStatus)
