// Joins what this device does in the network, and what the user has chosen for it, to the peer.

import { browserClock, pause } from "../lib/timing.js"
import { find } from "./base.js"
import { drawCode } from "./code-drawing.js"
import { ForwarderWait } from "./forwarder-wait.js"
import { ForwardingMeter } from "./forwarding-meter.js"
import { InviteLink } from "./invite-link.js"
import { NoticeList } from "./notice-list.js"
import { PeerStatus } from "./peer-status.js"
import { SettingsPanel } from "./settings-panel.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */

const NEEDED = 3
const SHOWN_S = 60
const LOOK_EVERY_S = 5
const METER_EVERY_S = 1

/** What the device does, second by second while somebody looks. */
export class StatusWiring {
  #windows
  #view = ""
  /** @type {number[]} */
  #rates = []
  /** @type {number | null} */
  #carried = null

  /** @param {Windows} windows */
  constructor(windows) {
    this.#windows = windows
    const on = (/** @type {string} */ type, /** @type {(detail: any) => unknown} */ act) =>
      document.addEventListener(type, (event) => void act(/** @type {CustomEvent} */ (event).detail))
    on("app:view", ({ view }) => (this.#view = view))
    on("settings:change", ({ name, value }) => this.#windows.call("change", name, value))
    on("account:log-out", () => this.#windows.call("logOut"))
    void this.#keepLooking()
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
    const notices = find(document, "notice-list", NoticeList)
    if (event.event === "session_closed") notices.show("offline")
    if (event.event === "session_opened") notices.hide("offline")
    if (event.event === "disk_full") notices.show("storage_full")
    if (event.event === "own_keys") notices.show("own_keys")
    if (event.event === "guards_limit") notices.show("guards_limit")
    if (["session_closed", "online", "link_opened", "link_closed"].includes(event.event)) void this.look()
  }

  catchUp() {
    void this.look()
  }

  /** Shows whose account it is, and what was chosen. */
  async begin() {
    const account = await this.#windows.call("account")
    const link = `${location.origin}/invite/#${account.name}.${account.fingerprint}`
    find(document, "settings-panel", SettingsPanel).account = { ...account, link }
    find(document, "settings-panel", SettingsPanel).values = await this.#windows.call("settings")
    for (const each of document.querySelectorAll("invite-link")) {
      if (!(each instanceof InviteLink)) continue
      each.link = link
      each.showCode(drawCode(link))
    }
    for (const each of document.querySelectorAll("forwarder-wait")) {
      if (each instanceof ForwarderWait) each.account = account.name
    }
    await this.look()
  }

  /** Draws how things stand. */
  async look() {
    const status = await this.#windows.call("status").catch(() => null)
    if (!status) return
    const { isOpen, forwards, links, carried } = status
    const found = Math.min(NEEDED, status.forwarders)
    const ready = forwards ? "forwarding" : "online"
    const state = !isOpen ? "connecting" : found < NEEDED ? "waiting" : ready
    find(document, "peer-status", PeerStatus).view = { state, found, guards: status.guards, links }
    for (const each of document.querySelectorAll("forwarder-wait")) {
      if (each instanceof ForwarderWait) each.view = { found, online: isOpen }
    }
    this.#measure(forwards, carried)
  }

  /** @param {boolean} forwards @param {number} carried */
  #measure(forwards, carried) {
    if (this.#carried !== null) this.#rates = [...this.#rates, carried - this.#carried].slice(-SHOWN_S)
    this.#carried = carried
    find(document, "forwarding-meter", ForwardingMeter).view = {
      forwards,
      rates: this.#rates,
      total: carried,
    }
  }

  async #keepLooking() {
    for (;;) {
      const isMeter = this.#view === "settings"
      if (!isMeter) this.#carried = null
      await pause(browserClock, isMeter ? METER_EVERY_S : LOOK_EVERY_S)
      if (document.visibilityState === "visible") await this.look()
    }
  }
}
