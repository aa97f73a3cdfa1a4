// One of the tabs of a chain that is measured: real connections, and on them Mesa's own code or none.
// Times are milliseconds since 1970, on the clock that all pages of a machine share.

import { X25519Public } from "../../static/mesa/crypto/keys.js"
import { OnionKeys } from "../../static/mesa/crypto/onion-keys.js"
import { randomBytes } from "../../static/mesa/crypto/primitives.js"
import { fromHex, toHex } from "../../static/mesa/lib/bytes.js"
import { browserClock, pause } from "../../static/mesa/lib/timing.js"
import { Forwarding } from "../../static/mesa/peer/forwarding.js"
import { Route } from "../../static/mesa/peer/route.js"
import { Transport } from "../../static/mesa/peer/rtc.js"
import { CREDIT_EVERY, LINK_FRAME_BYTES, WINDOW } from "../../static/mesa/protocol/cells.js"

/** @typedef {import("../../static/mesa/lib/bytes.js").Bytes} Bytes */
/** @typedef {"back" | "on"} Side towards the sender, towards the receiver */
/** @typedef {{isRaw: boolean, at: number, last: number, hops: string[], keys: string[]}} Part what a tab does: `keys` of the hops */

const ENVELOPE_BYTES = 500
const DAY_MS = 86_400_000
const LINKS = { back: new Uint8Array(16).fill(1), on: new Uint8Array(16).fill(2) }

const keys = OnionKeys.create(Math.floor(Date.now() / DAY_MS))
/** @type {Record<string, Transport>} */
const transports = {}
/** @type {Promise<void>[]} */
const openings = []
/** @type {number[]} */
let arrivals = []
let credits = 0
let credited = () => {}
/** @type {(frame: Bytes) => void} */
let take = () => {}
/** @type {(number: number) => Promise<Bytes>} */
let make = async () => randomBytes(LINK_FRAME_BYTES)

/** The public key of this tab's hop. */
export async function key() {
  return toHex((await keys.current.public()).raw)
}

/** @param {Side} side */
export function offer(side) {
  return transport(side).offer()
}

/** @param {Side} side @param {string} sdp */
export function answer(side, sdp) {
  return transport(side).answer(sdp)
}

/** @param {Side} side @param {string} sdp */
export function accept(side, sdp) {
  return transports[side].accept(sdp)
}

/** Waits for all connections of this tab. */
export async function opened() {
  await Promise.all(openings)
}

/** Takes its part: cells are made at 0, passed on between, and come to their end at `last`. @param {Part} part */
export function begin(part) {
  const { isRaw, at, last, hops } = part
  arrivals = []
  credits = WINDOW
  const isLast = at === last
  if (at === 0 && isRaw) make = async () => randomBytes(LINK_FRAME_BYTES)
  else if (at === 0) make = maker(part)
  // A chain may end before the last hop of its cells: there they are counted as they come.
  if (isLast && (isRaw || last < hops.length)) take = arrived
  else if (isRaw) take = (frame) => transports.on.send(frame)
  else if (at > 0) take = forwarder(part)
}

/** Sends one after another. @param {number} count @param {number} paceS @returns {Promise<number[]>} when each one was begun */
export async function sendPaced(count, paceS) {
  const times = []
  for (let number = 1; number <= count; number += 1) {
    await pause(browserClock, paceS)
    times.push(now())
    transports.on.send(await make(number))
  }
  return times
}

/** Sends what was made before as fast as credit comes back. @param {number} count */
export async function sendBurst(count) {
  const frames = []
  for (let number = 1; number <= count; number += 1) frames.push(await make(number))
  for (const frame of frames) {
    while (credits === 0) await new Promise((resolve) => (credited = () => resolve(undefined)))
    credits -= 1
    transports.on.send(frame)
  }
}

/** When each frame came. @param {number} count waits for so many @returns {Promise<number[]>} */
export async function waitFor(count) {
  while (arrivals.length < count) await pause(browserClock, 0.01)
  return arrivals
}

/** @param {Side} side */
function transport(side) {
  const { promise, resolve } = Promise.withResolvers()
  openings.push(promise)
  const received = (/** @type {Bytes | null} */ frame) => {
    if (frame?.length === LINK_FRAME_BYTES) take(frame)
    else if (transports.back && frame) transports.back.send(frame)
    else if (frame) credit(frame[0])
  }
  const callbacks = { opened: () => resolve(undefined), closed: () => {}, received, drained: () => {} }
  transports[side] = new Transport(callbacks, [], false)
  return transports[side]
}

function now() {
  return performance.timeOrigin + performance.now()
}

function arrived() {
  arrivals.push(now())
  if (arrivals.length % CREDIT_EVERY === 0) transports.back.send(new Uint8Array([CREDIT_EVERY]))
}

/** @param {number} count */
function credit(count) {
  credits += count
  credited()
}

/** @param {Part} part @returns {(number: number) => Promise<Bytes>} */
function maker({ hops, keys: publics }) {
  const layers = hops.map((hop, at) => ({ hopId: fromHex(hop), key: new X25519Public(fromHex(publics[at])) }))
  const route = new Route(LINKS.on, /** @type {any} */ (null), layers)
  return async (number) => (await route.frames(number, randomBytes(ENVELOPE_BYTES), 0, 1))[0]
}

/** @param {Part} part @returns {(frame: Bytes) => void} */
function forwarder({ at, hops }) {
  const exits = {
    send: (/** @type {Bytes} */ _link, /** @type {Bytes} */ frame) => {
      transports.on.send(frame)
      return true
    },
    deliver: arrived,
    hopFailed: () => {},
    used: () => {},
    report: () => {},
  }
  const fail = (/** @type {unknown} */ error) => {
    throw error
  }
  const forwarding = new Forwarding(exits, () => keys, browserClock, fail)
  const place = (/** @type {Side} */ side, /** @type {string | undefined} */ hop) =>
    /** @type {any} */ ({ link: LINKS[side], hop: hop ? fromHex(hop) : randomBytes(8), how: "open" })
  forwarding.order(place("back", hops[at - 1]), place("on", hops[at]), true)
  return (frame) => forwarding.receive(LINKS.back, frame)
}
