import { OnionKeys } from "../../../static/mesa/crypto/onion-keys.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { equal, toHex } from "../../../static/mesa/lib/bytes.js"
import { Forwarding } from "../../../static/mesa/peer/forwarding.js"
import { Receiving } from "../../../static/mesa/peer/receiving.js"
import { Route } from "../../../static/mesa/peer/route.js"
import { assert, assertEqual } from "../assert.js"
import { FakeClock, until } from "../clock.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

/** @param {number} _at @param {Bytes} _frame @returns {boolean} */
function passAll(_at, _frame) {
  return true
}

/** Three forwarders and a receiver, joined by links that are calls; `tap` sees every frame and may hold it back. */
async function makePath({ tap = passAll } = {}) {
  const clock = new FakeClock()
  const links = Array.from({ length: 4 }, () => randomBytes(16))
  const hops = Array.from({ length: 4 }, () => randomBytes(8))
  const keys = hops.map(() => OnionKeys.create(1))
  /** @type {Bytes[]} */
  const envelopes = []
  /** @type {any[]} */
  const frames = []
  /** @type {Bytes[]} */
  const failed = []
  const fail = (/** @type {unknown} */ error) => {
    throw error
  }
  const receiving = new Receiving({
    take: async (taken) => {
      envelopes.push(...taken)
      return taken.map(() => ({ digest: new Uint8Array(16), mac: new Uint8Array(16) }))
    },
    send: (frame) => frames.push(frame),
    clock,
    fail,
  })
  /** @type {Forwarding[]} */
  const peers = hops.map((_, at) => {
    const exits = {
      send: (/** @type {Bytes} */ link, /** @type {Bytes} */ frame) => {
        assert(equal(link, links[at + 1]))
        if (tap(at, frame)) peers[at + 1].receive(link, frame)
        return true
      },
      deliver: (/** @type {Bytes} */ hop, /** @type {Bytes} */ payload) => receiving.payload(hop, payload),
      hopFailed: (/** @type {Bytes} */ hop) => failed.push(hop),
      used: () => {},
      report: () => {},
    }
    return new Forwarding(exits, () => keys[at], clock, fail)
  })
  /** @param {number} at @param {boolean} [hasWayOut] */
  const order = (at, hasWayOut = true) => {
    const place = (/** @type {number} */ index) =>
      /** @type {any} */ ({
        link: links[index] ?? randomBytes(16),
        hop: hops[index] ?? randomBytes(8),
        how: "open",
      })
    peers[at].order(place(at), place(at + 1), hasWayOut)
  }
  const layers = await Promise.all(
    hops.map(async (hopId, at) => ({ hopId, key: await keys[at].current.public() })),
  )
  const route = new Route(links[0], /** @type {any} */ (null), layers)
  return { clock, links, hops, peers, order, route, envelopes, frames, failed }
}

/** @param {Awaited<ReturnType<typeof makePath>>} path @param {Bytes} envelope @param {number} [number] */
async function send({ route, peers, links }, envelope, number = 1) {
  for (const frame of await route.frames(number, envelope, 0, Infinity)) peers[0].receive(links[0], frame)
}

export async function envelopeComesOutWholeBehindThreeForwarders() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)
  const envelope = randomBytes(30_000)

  await send(path, envelope)
  await until(() => path.envelopes.length === 1)

  assertEqual(path.envelopes[0], envelope)
  // What ends at a peer it did not carry for others.
  assertEqual(
    path.peers.map((peer) => peer.carried),
    [8, 8, 8, 0],
  )
}

export async function receiptsAndCreditNameTheHopTheyCameBy() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)

  await send(path, randomBytes(60_000))
  await until(() => path.envelopes.length === 1)
  await path.clock.advance(1)

  assert(path.frames.some((frame) => frame.credit !== null))
  assertEqual(path.frames.flatMap((frame) => frame.entries).length, 1)
  for (const frame of path.frames) assertEqual(frame.hop, path.hops[3])
}

export async function cellsOfOnePathStayInTheirOrder() {
  /** @type {Map<number, string[]>} */
  const seen = new Map([0, 1, 2].map((at) => [at, []]))
  const tap = (/** @type {number} */ at) => {
    seen.get(at)?.push("cell")
    return true
  }
  const path = await makePath({ tap })
  for (const at of [0, 1, 2, 3]) path.order(at)
  const texts = Array.from({ length: 40 }, (_, at) => new Uint8Array([at, 1]))

  const frames = []
  for (const [at, text] of texts.entries()) frames.push(...(await path.route.frames(at, text, 0, Infinity)))
  // At once, so that many are peeled side by side.
  for (const frame of frames) path.peers[0].receive(path.links[0], frame)
  await until(() => path.envelopes.length === 40)

  assertEqual(path.envelopes, texts)
  assertEqual(
    [...seen.values()].map((each) => each.length),
    [40, 40, 40],
  )
}

export async function noTwoHopsOfACellShareEightBytes() {
  /** @type {Bytes[]} */
  const crossed = []
  const tap = (/** @type {number} */ _at, /** @type {Bytes} */ frame) => crossed.push(frame) > 0
  const path = await makePath({ tap })
  for (const at of [0, 1, 2, 3]) path.order(at)
  await send(path, new Uint8Array(100))
  await until(() => path.envelopes.length === 1)

  const pieces = crossed.map((frame) => {
    const found = new Set()
    for (let at = 0; at + 8 <= frame.length; at += 1) found.add(toHex(frame.subarray(at, at + 8)))
    return found
  })

  assertEqual(crossed.length, 3)
  for (const [at, one] of pieces.entries()) {
    for (const other of pieces.slice(at + 1))
      assertEqual(
        [...one].filter((each) => other.has(each)),
        [],
      )
  }
}

export async function cellThatComesAgainIsDroppedInSilence() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)
  const [frame] = await path.route.frames(1, new Uint8Array([1]), 0, 1)

  for (let time = 0; time < 3; time += 1) path.peers[0].receive(path.links[0], frame)
  await send(path, new Uint8Array([2]), 2)
  await until(() => path.envelopes.length === 2)

  assertEqual(path.envelopes, [new Uint8Array([1]), new Uint8Array([2])])
}

export async function changedCellAndForeignLinkAreDroppedInSilence() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)
  const frames = await path.route.frames(1, randomBytes(10_000), 0, Infinity)
  frames[0][100] ^= 1

  path.peers[0].receive(path.links[0], frames[0])
  path.peers[0].receive(randomBytes(16), frames[1])
  await send(path, new Uint8Array([2]), 2)
  await until(() => path.envelopes.length === 1)

  assertEqual(path.envelopes, [new Uint8Array([2])])
  assertEqual(path.failed, [])
}

export async function cellsWaitForTheirOrder() {
  let crossed = 0
  const tap = (/** @type {number} */ at) => (crossed += Number(at === 1)) >= 0
  const path = await makePath({ tap })
  for (const at of [0, 1, 3]) path.order(at)
  await send(path, randomBytes(10_000))
  await until(() => crossed === 3)
  assertEqual(path.envelopes, [])

  path.order(2)
  await until(() => path.envelopes.length === 1)
}

export async function hopWithoutAWayOutIsToldOnce() {
  const path = await makePath()
  path.order(0, false)
  assertEqual(path.failed, [path.hops[1]])

  path.peers[0].linkLost(path.links[1])

  assertEqual(path.failed, [path.hops[1]])
}

export async function forgottenHopGoesOnOnlyAfterAnotherOrder() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)
  await path.clock.advance(9)
  await send(path, new Uint8Array([1]), 1)
  await until(() => path.envelopes.length === 1)
  await path.clock.advance(9)
  await send(path, new Uint8Array([2]), 2)
  await until(() => path.envelopes.length === 2)

  await path.clock.advance(11)
  for (const peer of path.peers) peer.expire()
  for (const at of [1, 2, 3]) path.order(at)
  await send(path, new Uint8Array([3]), 3)
  path.order(0)
  await send(path, new Uint8Array([4]), 4)
  await until(() => path.envelopes.length === 4)
  assertEqual(path.envelopes.slice(2), [new Uint8Array([3]), new Uint8Array([4])])
}

export async function onePathCanNotFillTheTab() {
  const path = await makePath()
  for (const at of [0, 1, 2, 3]) path.order(at)
  const frames = []
  for (let number = 0; number < 100; number += 1) {
    frames.push(...(await path.route.frames(number, new Uint8Array([number]), 0, 1)))
  }

  for (const frame of frames) path.peers[0].receive(path.links[0], frame)
  await until(() => path.envelopes.length >= 64)
  await send(path, new Uint8Array([100]), 100)
  await until(() => path.envelopes.at(-1)?.[0] === 100)

  assertEqual(path.envelopes.length, 65)
}
