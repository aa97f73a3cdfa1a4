// Says in words what this browser lacks, and hides what can not work without it.

import { MesaElement } from "./base.js"

/** @typedef {"secure" | "crypto" | "storage" | "webrtc"} Feature */

export class MissingFeatures extends MesaElement {
  /** @override */
  connected() {
    this.show(lacking())
  }

  /** Shows what is lacking. `webrtc` alone hides nothing: one can read, and messages wait. @param {Feature[]} names */
  show(names) {
    // Where the origin is not secure nothing else is there either, and nothing can be said of the browser.
    for (const name of isSecureContext ? names : ["secure"]) {
      const words = this.querySelector(`[data-lacks="${name}"]`)
      if (words instanceof HTMLElement) words.hidden = false
    }
    if (names.every((name) => name === "webrtc")) return
    for (const id of (this.getAttribute("for") ?? "").split(" ")) {
      const needing = document.getElementById(id)
      if (needing !== null) needing.hidden = true
    }
  }
}

/** What can be told without trying; who tries the cryptography tells of it by `show`. @returns {Feature[]} */
function lacking() {
  /** @type {Feature[]} */
  const names = []
  if (!isSecureContext) return ["secure"]
  if (typeof indexedDB === "undefined" || navigator.locks === undefined) names.push("storage")
  if (typeof RTCPeerConnection === "undefined") names.push("webrtc")
  return names
}

customElements.define("missing-features", MissingFeatures)
