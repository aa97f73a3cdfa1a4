// This peer's place in the network: socket, links, presence, and the cells that pass through or end here.
// Every `ready_to_receive` is treated alike, whichever part of a path it is for.
// Spec: docs/spec/signaling.md and docs/spec/cells.md

import { toHex } from "../lib/bytes.js"
import { pause } from "../lib/timing.js"
import { Forwarding } from "./forwarding.js"
import { Links } from "./links.js"
import { Presence } from "./presence.js"
import { Receiving } from "./receiving.js"
import { hasTurn, hasWebRtc, transportsWith } from "./rtc.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/frames.js").FrameToPeer} FrameToPeer */
/** @typedef {import("../protocol/frames.js").FrameToServer} FrameToServer */
/** @typedef {import("../protocol/parts.js").IceServer} IceServer */
/** @typedef {import("../protocol/parts.js").Order} Order */
/** @typedef {import("../protocol/parts.js").ReceiptEntry} ReceiptEntry */
/** @typedef {import("./session.js").Greeting} Greeting */

/**
 * What a network is made of.
 *
 * @typedef {object} NetworkParts
 * @property {(edges: import("./session.js").SessionEdges) => import("./session.js").Session} makeSession
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(event: object) => void} report
 * @property {(error: unknown) => void} fail this peer can not go on
 * @property {() => boolean} forwards whether this peer carries other people's cells
 * @property {import("./guards-watch.js").GuardsWatch} guards
 * @property {boolean} isTurnOnly whether other peers may see nothing of it but an address at a TURN server
 * @property {typeof transportsWith} [makeTransports]
 */

/**
 * Who takes what is not the network's own: envelopes, frames about messages, the state of the socket.
 *
 * @typedef {object} Listener
 * @property {(envelopes: Bytes[]) => Promise<(ReceiptEntry | null)[]>} take
 * @property {(frame: FrameToPeer) => void} frame
 * @property {(isOnline: boolean) => void} online
 * @property {() => void} storeLost
 */

const HOUSEKEEPING_S = 1

/** One peer among others. */
export class Network {
  session
  links
  presence
  #parts
  #listener
  #receiving
  #forwarding
  #isAnnounced = false
  /** Whether the server names a TURN server; until it says, it may. */
  mayHaveTurn = true
  /** @type {Set<string>} */
  #opened = new Set()

  /** @param {NetworkParts} parts @param {Listener} listener */
  constructor(parts, listener) {
    const { clock, fail, guards } = parts
    this.#parts = parts
    this.#listener = listener
    this.links = new Links(this.#linkReports(), clock, (link) => guards.stands(link))
    this.session = parts.makeSession({
      openLinks: () => this.links.openIds(),
      welcomed: (greeting) => this.#welcomed(greeting),
      received: (frame) => this.#received(frame),
      report: (event) => this.#report(/** @type {any} */ (event)),
    })
    const send = (/** @type {FrameToServer} */ frame) => this.session.send(frame)
    this.presence = new Presence({
      ...{ own: parts.own, links: this.links, clock, send, report: parts.report, forwards: parts.forwards },
      told: () => this.#announced(),
      tickets: () => guards.tickets(),
    })
    this.#receiving = new Receiving({ take: listener.take, send, clock, fail })
    this.#forwarding = new Forwarding(
      {
        send: (link, frame) => this.links.passOn(link, frame) !== "gone",
        deliver: (hop, payload) => this.#receiving.payload(hop, payload),
        hopFailed: (hop) => send({ type: "hop_failed", hop }),
        used: (link) => this.links.used(link),
        report: parts.report,
      },
      () => this.presence.keys,
      clock,
      fail,
    )
  }

  /** Goes online, and stays so until the signal. @param {AbortSignal} signal */
  start(signal) {
    for (const loop of [this.session.run(signal), this.presence.run(signal), this.#keepHouse(signal)]) {
      loop.catch(this.#parts.fail)
    }
  }

  /** Ends all links, so that neighbours need no timeout to notice. */
  close() {
    this.#parts.guards.online(false)
    this.links.closeAll()
  }

  get guards() {
    return this.#parts.guards
  }

  /** How many cells of others this peer has passed on. */
  get carried() {
    return this.#forwarding.carried
  }

  /** Tells the server soon what has changed: whether this peer forwards. */
  renew() {
    this.presence.renewSoon()
  }

  /** @returns {import("./link-end.js").LinkReports} */
  #linkReports() {
    const { guards, report } = this.#parts
    return {
      up: (link) => {
        this.session.send({ type: "link_up", link })
        this.#do(guards.linkUp(link))
        this.#opened.add(toHex(link))
        report({ event: "link_opened", link })
      },
      down: (link) => {
        this.session.send({ type: "link_down", link })
        this.#forwarding.linkLost(link)
      },
      gone: (link) => {
        guards.linkGone(link)
        // Many a link ends before it opens: nobody was told of it.
        if (this.#opened.delete(toHex(link))) report({ event: "link_closed", link })
      },
      answer: (link, sdp) => this.session.send({ type: "answer", link, sdp }),
      received: (link, frame) => this.#forwarding.receive(link, frame),
    }
  }

  /** @param {FrameToPeer} frame */
  #received(frame) {
    switch (frame.type) {
      case "ice_servers":
        return this.#use(frame.ice_servers)
      case "guard":
        return this.#do(this.#guard(frame))
      case "offer_wanted":
        return this.#do(this.presence.offerLive())
      case "ready_to_receive":
        return this.#readyToReceive(frame)
      case "answer":
        return this.links.answer(frame.link, frame.sdp)
      case "link_drop":
        return this.links.drop(frame.link)
      case "snapshot":
        this.#forwarding.keepOnly(frame.hops)
    }
    this.#listener.frame(frame)
  }

  /** @param {Greeting} greeting */
  #welcomed({ welcome, isForgotten, isNewStore }) {
    this.#use(welcome.ice_servers)
    if (isForgotten) {
      this.links.dropAll()
      this.#forwarding.clear()
    }
    if (isNewStore) this.#listener.storeLost()
    this.#isAnnounced = false
    this.presence.renewSoon(true)
  }

  /** Makes links with these ICE servers from now on. @param {IceServer[]} servers */
  #use(servers) {
    const { isTurnOnly, makeTransports = transportsWith, report } = this.#parts
    // Without links a user can read, and what is written waits.
    if (!hasWebRtc()) return
    this.mayHaveTurn = hasTurn(servers)
    if (isTurnOnly && !this.mayHaveTurn) return report({ event: "no_turn_server" })
    this.links.use(makeTransports(servers, isTurnOnly))
  }

  /** Begins to send only now: a transaction from a peer that the server can not reach would wait. */
  #announced() {
    if (this.#isAnnounced) return
    this.#isAnnounced = true
    this.#parts.guards.online(true)
    this.#listener.online(true)
  }

  /** @param {FrameToPeer & {type: "ready_to_receive"}} frame */
  #readyToReceive(frame) {
    this.#follow(frame.in)
    const hasWayOut = this.#follow(frame.out, frame.in.link)
    this.#forwarding.order(frame.in, frame.out, hasWayOut)
  }

  /** @param {FrameToPeer & {type: "guard"}} frame */
  async #guard(frame) {
    // The ticket first: what comes with one that is not on the disk is not done.
    const name = await this.#parts.guards.take(frame.ticket)
    if (!name) return
    for (const order of [frame.in, frame.out]) {
      // The other one is filler: no link of this peer has its id.
      if (this.#follow(order)) await this.#parts.guards.hold(name, order.link)
    }
  }

  /** @param {Promise<unknown>} work */
  #do(work) {
    work.catch(this.#parts.fail)
  }

  /** @param {Order} order @param {Bytes} [beside] */
  #follow(order, beside) {
    const hasLink = this.links.follow(order, beside)
    if (order.how === "taken") this.presence.renewSoon()
    return hasLink
  }

  /** @param {{event: string}} event of the socket */
  #report(event) {
    if (event.event === "session_closed") {
      this.#parts.guards.online(false)
      this.#listener.online(false)
    }
    this.#parts.report(event)
  }

  /** @param {AbortSignal} signal */
  async #keepHouse(signal) {
    while (!signal.aborted) {
      await pause(this.#parts.clock, HOUSEKEEPING_S, signal)
      this.#forwarding.expire()
      this.links.keepHouse()
      await this.#parts.guards.tick()
    }
  }
}
