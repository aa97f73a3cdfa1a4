// Joins what this device does in the network, and what the user has chosen for it, to the peer.

import { browserClock, pause } from "../lib/timing.js"
import { NEEDED } from "../peer/forwarder-count.js"
import { find } from "./base.js"
import { drawCode } from "./code-drawing.js"
import { ForwarderWait } from "./forwarder-wait.js"
import { ForwardingMeter, SHOWN_S } from "./forwarding-meter.js"
import { InviteLink } from "./invite-link.js"
import { NoticeList } from "./notice-list.js"
import { PeerStatus } from "./peer-status.js"
import { SettingsPanel } from "./settings-panel.js"
import { on, whole } from "./wiring.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */
/** @typedef {import("./notice-list.js").NoticeKind} NoticeKind */

const LOOK_EVERY_S = 5
const METER_EVERY_S = 1
/** What the user says to the leader by the button of a notice. @type {Partial<Record<NoticeKind, [string, ...unknown[]]>>} */
const SAID = { guards_limit: ["allowGuard"], not_persistent: ["change", "knows_storage_risk", true] }

/** What the device does, second by second while somebody looks. */
export class StatusWiring {
  #windows
  #view = ""
  #isOffline = !navigator.onLine
  /** Nothing runs behind any window; why is said at the head of the page. */
  #isStopped = false
  /** What was last heard of the peer. */
  #peer = { isOpen: false, forwards: false, found: 0, guards: 0, links: 0 }
  /** @type {number[]} */
  #rates = []
  /** @type {number | null} */
  #carried = null

  /** @param {Windows} windows */
  constructor(windows) {
    this.#windows = windows
    on("app:view", ({ view }) => this.#go(view))
    on("settings:change", (change) => this.#change(change))
    on("notice:act", ({ kind }) => this.#act(kind))
    addEventListener("offline", () => this.#drawOffline(true))
    addEventListener("online", () => void whole(this.look()))
    void this.#keepLooking()
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
    const notices = find(document, "notice-list", NoticeList)
    if (event.event === "session_closed") this.#drawOffline(true)
    if (event.event === "session_opened") this.#drawOffline(false)
    if (event.event === "failed") this.#stop()
    if (event.event === "disk_full") notices.show("storage_full")
    if (event.event === "guards_limit") notices.show("guards_limit")
    if (event.event === "guard_taken") notices.hide("guards_limit")
    if (event.event === "no_turn_server") notices.show("no_turn")
    if (["session_closed", "online", "link_opened", "link_closed", "own_keys"].includes(event.event))
      void whole(this.look())
  }

  catchUp() {
    void whole(this.look())
  }

  /** Shows whose account it is, and what was chosen. */
  async begin() {
    if (this.#isOffline) this.#drawOffline(true)
    const account = await this.#windows.call("account")
    const link = `${location.origin}/invite/#${account.name}.${account.fingerprint}`
    find(document, "settings-panel", SettingsPanel).account = { ...account, link }
    await this.#showSettings()
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
    // What it asks the server may fail; what stops the page is said by others.
    const status = await this.#windows.call("status").catch(() => null)
    if (!status) return
    this.#isStopped = false
    const { forwarders, carried, hasOtherKeys, ...peer } = status
    this.#peer = { ...peer, found: Math.min(NEEDED, forwarders) }
    // A browser that says it is online may be wrong about that; one whose session is open is not.
    this.#drawOffline(peer.isOpen ? !navigator.onLine : this.#isOffline)
    this.#measure(peer.forwards, carried)
    const notices = find(document, "notice-list", NoticeList)
    if (!hasOtherKeys) notices.hide("own_keys")
    else if (!notices.shows("own_keys")) notices.show("own_keys")
  }

  #stop() {
    this.#isStopped = true
    this.#peer.isOpen = false
    this.#drawOffline(this.#isOffline)
  }

  /** @param {boolean} isOffline */
  #drawOffline(isOffline) {
    const notices = find(document, "notice-list", NoticeList)
    if (!isOffline) notices.hide("offline")
    else if (!notices.shows("offline")) notices.show("offline")
    this.#isOffline = isOffline
    const { isOpen, forwards, found, guards, links } = this.#peer
    const ready = forwards ? "forwarding" : "online"
    const open = found < NEEDED ? "waiting" : ready
    const connected = isOffline ? "offline" : isOpen ? open : "connecting"
    const state = this.#isStopped ? "stopped" : connected
    find(document, "peer-status", PeerStatus).view = { state, found, guards, links }
    for (const each of document.querySelectorAll("forwarder-wait")) {
      if (each instanceof ForwarderWait) each.view = { found, online: isOpen && !isOffline }
    }
  }

  /** What a notice offers. @param {NoticeKind} kind */
  async #act(kind) {
    if (kind === "no_turn") location.hash = "#settings"
    const said = SAID[kind]
    if (!said) return
    const notices = find(document, "notice-list", NoticeList)
    // First: what is said once counts once.
    notices.hide(kind)
    try {
      await this.#windows.call(...said)
    } catch (error) {
      notices.show(kind)
      throw error
    }
  }

  /** @param {string} view */
  async #go(view) {
    this.#view = view
    // Another window, or another device, may have changed them.
    if (view === "settings") await this.#showSettings()
  }

  async #showSettings() {
    const panel = find(document, "settings-panel", SettingsPanel)
    panel.values = await this.#windows.call("settings")
    // Only the server knows; without it nothing is offered to be changed.
    const visibility = await this.#windows.call("visibility").catch(() => null)
    if (visibility) panel.values = { visibility }
  }

  /** @param {{name: string, value: unknown}} change */
  async #change({ name, value }) {
    const panel = find(document, "settings-panel", SettingsPanel)
    try {
      await this.#windows.call("change", name, value)
      panel.values = { [name]: value }
      if (name === "relay_only" && !value) find(document, "notice-list", NoticeList).hide("no_turn")
      // Less than a second: no rate of the meter.
      this.#carried = null
      await this.look()
    } catch (error) {
      panel.restore()
      throw error
    }
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
