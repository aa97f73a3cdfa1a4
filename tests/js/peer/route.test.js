import { X25519Private } from "../../../static/mesa/crypto/keys.js"
import { OnionKeys } from "../../../static/mesa/crypto/onion-keys.js"
import { HEADER_BYTES, LAYERS, peel } from "../../../static/mesa/crypto/onion.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { concat, toHex } from "../../../static/mesa/lib/bytes.js"
import { Route } from "../../../static/mesa/peer/route.js"
import { FRAGMENT_BYTES, unpackFragment, unpackLinkFrame } from "../../../static/mesa/protocol/cells.js"
import { assertEqual } from "../assert.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const DAY = 20_780
const MANY = 15

/** A route and the peers it leads over. */
async function way() {
  const peers = Array.from({ length: LAYERS }, () => ({
    own: X25519Private.generate(),
    hopId: randomBytes(8),
  }))
  const layers = await Promise.all(peers.map(async ({ own, hopId }) => ({ hopId, key: await own.public() })))
  const route = new Route(randomBytes(16), /** @type {any} */ (null), layers)
  return { route, peers: peers.map(({ own, hopId }) => ({ hopId, keys: new OnionKeys(DAY, own) })) }
}

/** What a link frame carries to the end of its path. @param {Awaited<ReturnType<typeof way>>["peers"]} peers @param {Bytes} frame */
async function carried(peers, frame) {
  let { cell } = unpackLinkFrame(frame)
  for (const { hopId, keys } of peers) {
    const peeled = await peel(cell, hopId, keys)
    if (peeled.command === "deliver") return unpackFragment(peeled.payload)
    cell = peeled.cell
  }
  throw new Error("nothing was delivered")
}

export async function everyCellOfAMessageArrivesUnderKeysOfItsOwn() {
  const { route, peers } = await way()
  const long = randomBytes(MANY * FRAGMENT_BYTES)
  const short = randomBytes(100)

  const frames = []
  for (const [number, envelope] of [short, long, short].entries())
    frames.push(await route.frames(number, envelope, 0, MANY))
  const again = await route.frames(2, short, 0, 1)

  const bodies = []
  for (const each of frames) {
    const parts = await Promise.all(each.map((frame) => carried(peers, frame)))
    bodies.push(concat(...parts.map(({ body }) => body)))
  }
  assertEqual(bodies, [short, long, short])
  const all = [...frames.flat(), ...again]
  const headers = all.map((frame) => toHex(unpackLinkFrame(frame).cell.subarray(0, HEADER_BYTES)))
  assertEqual(new Set(headers).size, MANY + 3)
}
