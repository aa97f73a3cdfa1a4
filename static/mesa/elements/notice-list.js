// What concerns all of the page, above it: shown once each, until it no longer holds.
// Says `notice:act` {kind} when its button is pressed.

import { MesaElement, clone, fill, part, setIcon } from "./base.js"
import { hasText, say } from "./texts.js"

/** @typedef {"newer_version" | "clock" | "not_persistent" | "storage_full" | "damaged" | "offline" | "other_tab" | "logged_out" | "own_keys" | "guards_limit" | "no_turn" | "refused" | "broken"} NoticeKind */

/** @type {Record<NoticeKind, {icon: string, look: "" | "waiting" | "danger"}>} */
const LOOKS = {
  newer_version: { icon: "retry", look: "" },
  clock: { icon: "queued", look: "danger" },
  not_persistent: { icon: "warning", look: "waiting" },
  storage_full: { icon: "warning", look: "danger" },
  damaged: { icon: "warning", look: "danger" },
  offline: { icon: "away", look: "waiting" },
  other_tab: { icon: "chats", look: "" },
  logged_out: { icon: "lock", look: "waiting" },
  own_keys: { icon: "unverified", look: "danger" },
  guards_limit: { icon: "warning", look: "waiting" },
  no_turn: { icon: "warning", look: "danger" },
  refused: { icon: "warning", look: "danger" },
  broken: { icon: "warning", look: "danger" },
}

export class NoticeList extends MesaElement {
  /** @override */
  connected() {
    this.listenToActs((kind) => this.tell("notice:act", { kind }))
  }

  /** @param {NoticeKind} kind @param {import("./texts.js").Values} [values] */
  show(kind, values = {}) {
    this.hide(kind)
    const item = clone("notice")
    item.dataset.kind = kind
    if (LOOKS[kind].look !== "") item.classList.add(`notice--${LOOKS[kind].look}`)
    setIcon(item, LOOKS[kind].icon)
    fill(item, "title", say(`notice.${kind}.title`, values))
    fill(item, "text", say(`notice.${kind}.text`, values))
    if (hasText(`notice.${kind}.act`)) part(item, "acts").append(makeButton(kind))
    else part(item, "acts").remove()
    this.append(item)
  }

  /** @param {NoticeKind} kind */
  hide(kind) {
    this.#of(kind)?.remove()
  }

  /** @param {NoticeKind} kind */
  shows(kind) {
    return this.#of(kind) !== null
  }

  /** @param {NoticeKind} kind */
  #of(kind) {
    return this.querySelector(`[data-kind="${kind}"]`)
  }
}

/** @param {NoticeKind} kind */
function makeButton(kind) {
  const button = document.createElement("button")
  button.type = "button"
  button.className = "button"
  button.dataset.act = kind
  button.textContent = say(`notice.${kind}.act`)
  return button
}

customElements.define("notice-list", NoticeList)
