// Says regularly that this peer is here: onion key, capabilities and the whole stock of offers.
// Spec: docs/spec/signaling.md, frame `ice_client`

import { OnionKeys, DAY_S } from "../crypto/onion-keys.js"
import { Bell, pause } from "../lib/timing.js"
import { OFFER_AGE_S } from "../protocol/link.js"
import { HEARTBEAT_S } from "../protocol/limits.js"
import { hasWebRtc, natOf, offerAgeS } from "./rtc.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

/**
 * @typedef {object} PresenceParts
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("./links.js").Links} links
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(frame: import("../protocol/frames.js").FrameToServer) => void} send
 * @property {(event: object) => void} report
 * @property {() => void} told called after each refresh
 * @property {() => boolean} forwards whether this peer carries other people's cells
 * @property {() => Promise<Bytes[]>} tickets to show for this device's guards
 */

// Offers are taken in bursts; one frame tells of all that happened within this time.
const GATHER_S = 0.01

/** This peer's entry at the server, and the onion keys behind it. */
export class Presence {
  keys
  #parts
  #bell = new Bell()
  #isDue = false
  #isWholeDue = false
  #hasTold = false
  /** @type {"unknown" | "open" | "cone"} */
  #nat = "unknown"
  #offerAgeS = OFFER_AGE_S

  /** @param {PresenceParts} parts */
  constructor(parts) {
    this.#parts = parts
    this.keys = OnionKeys.create(this.#day)
  }

  /** Sends the stock again: because an offer was taken, or (whole) the server asks to hear everything anew. */
  renewSoon(isWhole = false) {
    this.#isWholeDue ||= isWhole
    this.#isDue = true
    this.#bell.ring()
  }

  /** Keeps presence and stock fresh. @param {AbortSignal} signal */
  async run(signal) {
    const { links, clock } = this.#parts
    let renewedAt = clock.now()
    while (!signal.aborted) {
      const isTime = await this.#wait(renewedAt, signal)
      if (signal.aborted) return
      if (isTime || this.#isWholeDue) {
        links.stock.retire(clock.now())
        renewedAt = clock.now()
        this.#isWholeDue = false
      }
      links.stock.discardOld(clock.now())
      if (!links.isReady && hasWebRtc()) continue
      if (links.isReady) await links.stock.fill()
      if (!signal.aborted) await this.#tell()
    }
  }

  /** Makes one offer now: a path waits for it. */
  async offerLive() {
    const { links, send } = this.#parts
    const offer = links.isReady ? await links.stock.make() : null
    if (offer) send({ type: "offer", ...offer })
  }

  /** Waits for the next reason to speak. @param {number} renewedAt @param {AbortSignal} signal @returns {Promise<boolean>} whether the stock has got old, or the heartbeat is due */
  async #wait(renewedAt, signal) {
    const { clock } = this.#parts
    const rung = this.#bell.rung()
    if (!this.#isDue) {
      const leftS = renewedAt + Math.min(HEARTBEAT_S, this.#offerAgeS) - clock.now()
      const woken = new AbortController()
      await Promise.race([
        rung,
        pause(clock, Math.max(leftS, GATHER_S), AbortSignal.any([signal, woken.signal])),
      ])
      woken.abort()
      if (!this.#isDue) return true
    }
    await pause(clock, GATHER_S, signal)
    this.#isDue = false
    return false
  }

  async #tell() {
    const { own, links, send, report, forwards, tickets, told } = this.#parts
    this.keys = this.keys.rotated(this.#day)
    const key = (await this.keys.signed(own)).pack()
    const offers = links.stock.current()
    const last = offers.at(-1)
    if (last) {
      this.#nat = natOf(last.sdp)
      this.#offerAgeS = offerAgeS(last.sdp)
    }
    const capabilities = { forward: forwards() }
    const shown = await tickets()
    send({ type: "ice_client", onion_key: key, capabilities, nat: this.#nat, offers, tickets: shown })
    if (!this.#hasTold) report({ event: "online", offers: offers.length, forwards: capabilities.forward })
    this.#hasTold = true
    told()
  }

  get #day() {
    return Math.floor(this.#parts.clock.unixMs() / 1_000 / DAY_S)
  }
}
