import { CellRejected, Malformed } from "../../../static/mesa/crypto/errors.js"
import { X25519Private, X25519Public } from "../../../static/mesa/crypto/keys.js"
import { OnionKeys } from "../../../static/mesa/crypto/onion-keys.js"
import {
  LAYERS,
  MAX_REPLAY_TAGS,
  PAD_BYTES,
  ReplayWindow,
  peel,
  prepare,
  wrap,
} from "../../../static/mesa/crypto/onion.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { CELL_BYTES, PAYLOAD_BYTES } from "../../../static/mesa/protocol/cells.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { drawing, putAll } from "./cases.js"
import { flipped } from "./traffic.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const DAY = 20_780
const PAYLOAD = Uint8Array.from({ length: PAYLOAD_BYTES }, (_, at) => at % 251)

/** Peers of a path, each with its key and the hop that leads to it. */
async function path() {
  const privates = Array.from({ length: LAYERS }, () => X25519Private.generate())
  return Promise.all(
    privates.map(async (own) => ({
      keys: new OnionKeys(DAY, own),
      key: await own.public(),
      hopId: randomBytes(8),
    })),
  )
}

/** The cell as each hop carries it, and what arrives. @param {Awaited<ReturnType<typeof path>>} peers @param {Bytes} cell */
async function carry(peers, cell) {
  const cells = []
  for (const { hopId, keys } of peers) {
    cells.push(cell)
    const peeled = await peel(cell, hopId, keys)
    if (peeled.command === "deliver") return { cells, payload: peeled.payload }
    cell = peeled.cell
  }
  throw new Error("nothing was delivered")
}

export async function cellsAreWrappedAsVectorsSay() {
  await putAll("onion", "wrap", async ({ hops, payload, ephemerals, cells }) => {
    const path = hops.map((/** @type {Record<string, string>} */ { key, hop_id }) => ({
      key: new X25519Public(fromHex(key)),
      hopId: fromHex(hop_id),
    }))
    assertEqual(toHex(await wrap(path, fromHex(payload), drawing(ephemerals))), cells[0])
  })
}

export async function cellsArePeeledAsVectorsSay() {
  await putAll("onion", "peel", async (each) => {
    const previous = each.previous && new X25519Private(fromHex(each.previous))
    const keys = new OnionKeys(DAY, new X25519Private(fromHex(each.current)), previous)
    const peeled = await peel(fromHex(each.cell), fromHex(each.hop_id), keys)
    assertEqual([peeled.command, toHex(peeled.replayTag)], [each.command, each.replay_tag])
    assertEqual(toHex(peeled.command === "forward" ? peeled.cell : peeled.payload), each.next ?? each.payload)
  })
}

export async function replaysAreRefusedAsVectorsSay() {
  await putAll("onion", "replay", ({ replay_tags }) => {
    const window = new ReplayWindow()
    for (const tag of replay_tags) window.accept(fromHex(tag))
  })
}

export async function aPayloadArrivesAtTheFourthPeer() {
  const peers = await path()

  const { cells, payload } = await carry(peers, await wrap(peers, PAYLOAD))

  assertEqual([payload, cells.length], [PAYLOAD, LAYERS])
  assertEqual(CELL_BYTES - LAYERS * PAD_BYTES, PAYLOAD_BYTES)
}

export async function noFlippedBitPassesAtAnyHop() {
  const peers = await path()
  const { cells } = await carry(peers, await wrap(peers, PAYLOAD))
  const places = [0, 31, 32, 47, 48, 63, 64, 1_000, CELL_BYTES - 65, CELL_BYTES - 64, CELL_BYTES - 1]

  for (const [hop, cell] of cells.entries())
    for (const at of places)
      await assertFails(CellRejected, () =>
        peel(flipped(cell, at, at % 8), peers[hop].hopId, peers[hop].keys),
      )
}

export async function noTwoCellsOfAPathShareEightBytes() {
  const peers = await path()
  const wrapped = [await wrap(peers, PAYLOAD), await wrap(peers, PAYLOAD)]
  const cells = (await Promise.all(wrapped.map((cell) => carry(peers, cell)))).flatMap((each) => each.cells)
  const seen = new Set()

  for (const cell of cells) {
    const hex = toHex(cell)
    const own = Array.from({ length: CELL_BYTES - 7 }, (_, at) => hex.slice(2 * at, 2 * at + 16))
    assert(own.every((each) => !seen.has(each)))
    for (const each of own) seen.add(each)
  }
}

export async function preparedKeysWrapOnePayloadAndNoSecond() {
  const peers = await path()
  const prepared = await prepare(peers)
  await assertFails(Malformed, () => prepared.wrap(PAYLOAD.subarray(1)))

  const { payload } = await carry(peers, await prepared.wrap(PAYLOAD))

  assertEqual(payload, PAYLOAD)
  await assertFails(TypeError, () => prepared.wrap(PAYLOAD))
}

export async function aPathOfAnotherLengthIsRefused() {
  const peers = await path()
  await assertFails(Malformed, () => prepare(peers.slice(1)))
  await assertFails(Malformed, () => wrap([...peers, peers[0]], PAYLOAD))
}

export async function aCellOfAnotherHopOrKeyIsRefused() {
  const [one, other, ...others] = await path()
  const cell = await wrap([one, other, ...others], PAYLOAD)

  await assertFails(CellRejected, () => peel(cell, other.hopId, one.keys))
  await assertFails(CellRejected, () => peel(cell, one.hopId, other.keys))
}

export async function aKeyOfYesterdayOpensAndAnOlderOneDoesNot() {
  const peers = await path()
  const cell = await wrap(peers, PAYLOAD)
  const [{ hopId, keys }] = peers
  const tomorrow = keys.rotated(DAY + 1)

  assertEqual(await peel(cell, hopId, tomorrow), await peel(cell, hopId, keys))
  assert(keys.rotated(DAY) === keys && keys.rotated(DAY - 1) === keys)
  await assertFails(CellRejected, () => peel(cell, hopId, tomorrow.rotated(DAY + 2)))
  await assertFails(CellRejected, () => peel(cell, hopId, keys.rotated(DAY + 2)))
}

export async function aFullWindowTakesNoMore() {
  const window = new ReplayWindow(2)

  window.accept(fromHex("01"))
  window.accept(fromHex("02"))

  await assertFails(CellRejected, () => window.accept(fromHex("03")))
  assertEqual(MAX_REPLAY_TAGS, 16_384)
}
