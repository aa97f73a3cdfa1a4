// Sockets without a network: a test is their server.

import { parse, toText } from "../../../static/mesa/protocol/frames.js"
import { TO_PEER } from "../../../static/mesa/protocol/to-peer.js"
import { TO_SERVER } from "../../../static/mesa/protocol/to-server.js"

/** @typedef {import("../../../static/mesa/protocol/frames.js").FrameToPeer} FrameToPeer */

/** One socket, as the browser shows it and as its server sees it. */
export class FakeSocket {
  readyState = 0
  bufferedAmount = 0
  isClosedByPage = false
  /** @type {any[]} frames that the page sent */
  sent = []
  /** @type {() => void} */
  onopen = () => {}
  /** @type {(event: {code: number}) => void} */
  onclose = () => {}
  /** @type {(event: {data: unknown}) => void} */
  onmessage = () => {}

  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    this.url = url
    this.protocols = protocols
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(parse(text, TO_SERVER))
  }

  close() {
    this.isClosedByPage = true
    this.readyState = 3
  }

  accept() {
    this.readyState = 1
    this.onopen()
  }

  /** @param {number} code */
  refuse(code) {
    this.readyState = 3
    this.onclose({ code })
  }

  /** @param {FrameToPeer} frame */
  say(frame) {
    this.onmessage({ data: toText(frame, TO_PEER) })
  }

  /** Types of what the page sent. */
  get types() {
    return this.sent.map((frame) => frame.type)
  }
}

/** A constructor for a session, and the sockets that it made. */
export function fakeSockets() {
  /** @type {FakeSocket[]} */
  const made = []
  class Made extends FakeSocket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      super(url, protocols)
      made.push(this)
    }
  }
  return {
    made,
    WebSocket: /** @type {new (url: string, protocols: string[]) => WebSocket} */ (
      /** @type {unknown} */ (Made)
    ),
  }
}

/** @param {Partial<FrameToPeer & {type: "welcome"}>} [about] @returns {FrameToPeer & {type: "welcome"}} */
export function welcome(about = {}) {
  return {
    type: "welcome",
    versions: ["mesa.1"],
    ice_servers: [],
    limits: { frame_bytes: 65_536, frames_per_s: 100, offers: 8, sdp_bytes: 6_000, watch: 2_048 },
    epoch: new Uint8Array(16).fill(1),
    resume: new Uint8Array(32).fill(1),
    resumed: false,
    ...about,
  }
}
