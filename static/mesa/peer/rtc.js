// WebRTC behind five calls: offer, answer, accept, send, close. The only module that knows RTCPeerConnection.
// Spec: docs/spec/links.md

import { isTurn } from "../protocol/ice-urls.js"
import { OFFER_AGE_BEHIND_NAT_S, OFFER_AGE_S } from "../protocol/link.js"
import { SDP_BYTES } from "../protocol/fields.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").IceServer} IceServer */

/**
 * What a transport tells its link. `drained`: what waits to be sent has fallen below the low mark.
 *
 * @typedef {object} Callbacks
 * @property {() => void} opened
 * @property {() => void} closed
 * @property {(frame: Bytes | null) => void} received null: something that is no bytes
 * @property {() => void} drained
 */

/** @typedef {(callbacks: Callbacks) => Transport} MakeTransport */

const CHANNEL = { ordered: true, negotiated: true, id: 0 }
const LOW_WATER_BYTES = 256 * 1_024
const CANDIDATE = "a=candidate:"
const IS_CANDIDATE = /^\s*a\s*=\s*candidate/i
const USABLE = /^a=candidate:[^\s]+ \d+ [^\s]+ \d+ ([^\s]+) \d+ typ [a-z]+(?: [^\s]+)*$/
const LOCAL_NAME = /^[0-9a-f-]{36}\.local$/i
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const IPV6_SIGNS = /^[0-9a-f:.]+$/i
const ADDRESS_FIELD = 4
const KIND_FIELD = 7
const RELATED_FIELD = 9
const TURN_KIND = "relay" // WebRTC's word for an address at a TURN server
// A candidate without a related address, or with what stands for "not told"; nothing is bound to it.
const NOT_RELATED = ["", "0.0.0.0", "::"]

/** A description could not be made, used or answered. */
export class TransportFailed extends Error {}

/** Tells whether this browser lets pages open links at all. */
export function hasWebRtc() {
  return typeof RTCPeerConnection !== "undefined"
}

/** One connection with one data channel; the browser makes a fresh certificate for each. */
export class Transport {
  #connection
  #callbacks
  #isTurnOnly
  /** @type {RTCDataChannel | null} */
  #channel = null

  /** @param {Callbacks} callbacks @param {IceServer[]} iceServers @param {boolean} isTurnOnly @throws {TransportFailed} */
  constructor(callbacks, iceServers, isTurnOnly) {
    this.#callbacks = callbacks
    this.#isTurnOnly = isTurnOnly
    this.#connection = connect(iceServers, isTurnOnly ? TURN_KIND : "all")
    this.#connection.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(this.#connection.connectionState)) callbacks.closed()
    }
  }

  get bufferedBytes() {
    return this.#channel?.bufferedAmount ?? 0
  }

  /** The same number as long as the other end confirms nothing; null: there is nothing to confirm. */
  get unconfirmed() {
    if (this.#connection.connectionState === "disconnected") return -1
    return this.bufferedBytes || null
  }

  /** Makes an offer that holds all candidates. @returns {Promise<string>} @throws {TransportFailed} */
  offer() {
    return this.#described(async () => {
      this.#openChannel()
      await this.#connection.setLocalDescription(await this.#connection.createOffer())
    })
  }

  /** Answers an offer. @param {string} offer @returns {Promise<string>} @throws {TransportFailed} */
  answer(offer) {
    return this.#described(async () => {
      this.#openChannel()
      await this.#connection.setRemoteDescription({ type: "offer", sdp: this.#usable(offer) })
      await this.#connection.setLocalDescription(await this.#connection.createAnswer())
    })
  }

  /** Uses the answer to our offer. @param {string} answer @throws {TransportFailed} */
  async accept(answer) {
    try {
      await this.#connection.setRemoteDescription({ type: "answer", sdp: this.#usable(answer) })
    } catch (error) {
      throw new TransportFailed(undefined, { cause: error })
    }
  }

  /** Hands one frame to the channel. @param {Bytes} frame @throws {TransportFailed} the channel is not open */
  send(frame) {
    try {
      this.#channel?.send(frame)
    } catch (error) {
      throw new TransportFailed(undefined, { cause: error })
    }
  }

  close() {
    this.#channel?.close()
    this.#connection.close()
  }

  /** @param {() => Promise<void>} describe */
  async #described(describe) {
    try {
      await describe()
      await gathered(this.#connection)
      const description = this.#connection.localDescription?.sdp ?? ""
      // The policy should see to it, but an address that was sent can not be taken back.
      if (this.#isTurnOnly && !hidesAddress(description)) throw new TransportFailed()
      return shortened(description)
    } catch (error) {
      // The text comes from a stranger, and may be wrong in many ways.
      throw error instanceof TransportFailed ? error : new TransportFailed(undefined, { cause: error })
    }
  }

  /** @param {string} description */
  #usable(description) {
    return usableCandidates(description, !this.#isTurnOnly)
  }

  #openChannel() {
    const channel = this.#connection.createDataChannel("mesa", CHANNEL)
    const { opened, closed, received, drained } = this.#callbacks
    channel.binaryType = "arraybuffer"
    channel.bufferedAmountLowThreshold = LOW_WATER_BYTES
    channel.onopen = opened
    channel.onclose = closed
    channel.onmessage = ({ data }) => received(data instanceof ArrayBuffer ? new Uint8Array(data) : null)
    channel.onbufferedamountlow = drained
    this.#channel = channel
  }
}

/** Makes transports that use exactly these ICE servers, and if so no way beside TURN. @param {IceServer[]} iceServers @param {boolean} isTurnOnly @returns {MakeTransport} */
export function transportsWith(iceServers, isTurnOnly) {
  return (callbacks) => new Transport(callbacks, iceServers, isTurnOnly)
}

/** Tells whether there is a TURN server that would let this peer in. @param {IceServer[]} iceServers */
export function hasTurn(iceServers) {
  return iceServers.some(({ urls, credential }) => credential !== null && urls.some(isTurn))
}

/** What our own description says of our network: whether the address others see is one of this machine's. @param {string} description @returns {"unknown" | "open" | "cone"} */
export function natOf(description) {
  const found = candidatesOf(description)
  const hosts = found.filter((each) => each[KIND_FIELD] === "host").map((each) => each[ADDRESS_FIELD])
  const seen = found.filter((each) => each[KIND_FIELD] === "srflx").map((each) => each[ADDRESS_FIELD])
  if (seen.length === 0) return "unknown"
  return seen.every((each) => hosts.includes(each)) ? "open" : "cone"
}

/** How long an offer of ours stays good: a NAT before us forgets soon what nobody answers. @param {string} description */
export function offerAgeS(description) {
  const nat = natOf(description)
  // Who knows a TURN server, but not how it is seen from outside, may have a NAT before it all the same.
  const hasTurnCandidate = candidatesOf(description).some((each) => each[KIND_FIELD] === TURN_KIND)
  return nat === "cone" || (nat === "unknown" && hasTurnCandidate) ? OFFER_AGE_BEHIND_NAT_S : OFFER_AGE_S
}

/** Tells whether a description names addresses at a TURN server alone; one without any leads nowhere. @param {string} description */
function hidesAddress(description) {
  const found = candidatesOf(description)
  return (
    found.length > 0 &&
    found.every((each) => each[KIND_FIELD] === TURN_KIND && NOT_RELATED.includes(each[RELATED_FIELD] ?? ""))
  )
}

/** Drops the last candidates of a machine with very many addresses, until the description fits a frame. @param {string} description @throws {TransportFailed} */
export function shortened(description) {
  const lines = description.split("\r\n")
  while (JSON.stringify(lines.join("\r\n")).length - 2 > SDP_BYTES) {
    const last = lines.findLastIndex((line) => line.startsWith(CANDIDATE))
    if (last < 0) throw new TransportFailed()
    lines.splice(last, 1)
  }
  return lines.join("\r\n")
}

/** Drops candidates that do not name an IP address: any name would be looked up in DNS. @param {string} description @param {boolean} withLocal whether names stay that browsers write in place of an address */
export function usableCandidates(description, withLocal) {
  const lines = description.split(/\r\n|\r|\n/).filter(Boolean)
  const isUsable = (/** @type {string} */ line) => {
    // Strictly: what is read here and what the browser reads must be one text.
    const address = USABLE.exec(line)?.[1] ?? ""
    return isIpAddress(address) || (withLocal && LOCAL_NAME.test(address))
  }
  const kept = lines.filter((line) => !IS_CANDIDATE.test(line) || isUsable(line))
  return kept.map((line) => `${line}\r\n`).join("")
}

/** @param {string} address */
function isIpAddress(address) {
  return IPV4.test(address) || (IPV6_SIGNS.test(address) && URL.canParse(`http://[${address}]`))
}

/** @param {string} description */
function candidatesOf(description) {
  return description
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith(CANDIDATE))
    .map((line) => line.split(/\s+/))
}

/** @param {RTCPeerConnection} connection @returns {Promise<void>} when it has found all of its candidates */
function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => {
      if (connection.iceGatheringState === "complete" || connection.signalingState === "closed") resolve()
    }
    connection.addEventListener("icegatheringstatechange", look)
    connection.addEventListener("signalingstatechange", look)
    look()
  })
}

/** @param {IceServer[]} iceServers @param {RTCIceTransportPolicy} iceTransportPolicy @throws {TransportFailed} */
function connect(iceServers, iceTransportPolicy) {
  try {
    return new RTCPeerConnection({ iceServers: iceServers.map(asRtcServer), iceTransportPolicy })
  } catch (error) {
    // The server's addresses are none, or the browser has as many connections as it allows (ended ones count for a while).
    throw new TransportFailed(undefined, { cause: error })
  }
}

/** @param {IceServer} server @returns {RTCIceServer} */
function asRtcServer({ urls, username, credential }) {
  return credential === null ? { urls } : { urls, username: username ?? "", credential }
}
