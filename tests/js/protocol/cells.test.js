import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import * as cells from "../../../static/mesa/protocol/cells.js"
import { CellError } from "../../../static/mesa/protocol/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Random } from "../random.js"
import { casesOf, joinBytes } from "../vectors.js"

const STREAM = fromHex("0102030405060708")
const { FRAGMENT_BYTES, PAYLOAD_BYTES } = cells

/**
 * Holds a reader to the cases of one check.
 *
 * @param {string} check
 * @param {(each: import("../vectors.js").Case) => void} hold
 */
async function holdTo(check, hold) {
  for (const each of await casesOf("cells", check))
    if (each.expect === "ok") hold(each)
    else assertEqual((await assertFails(CellError, () => hold(each))).name, each.expect, each.name)
}

export async function everyCheckOfThePageIsTriedSomewhere() {
  const tried = ["link-frame", "payload", "direct-cell", "fragments", "reassembly"]

  assertEqual(new Set((await casesOf("cells")).map((each) => each.check)), new Set(tried))
}

export async function linkFramesOfThePageAreReadOrRefused() {
  await holdTo("link-frame", ({ raw, ...each }) => {
    const { hop, cell } = cells.unpackLinkFrame(joinBytes(raw))
    assertEqual([toHex(hop), cell], [each.hop, joinBytes(each.cell)])
    assertEqual(cells.packLinkFrame(hop, cell), joinBytes(raw))
  })
}

export async function payloadsOfThePageAreReadOrRefused() {
  await holdTo("payload", ({ raw, stream, index, count, body }) => {
    const fragment = cells.unpackFragment(joinBytes(raw))
    assertEqual(fragment, { stream: joinBytes(stream), index, count, body: joinBytes(body) })
    assertEqual(cells.packFragment(fragment), joinBytes(raw))
  })
}

export async function directCellsOfThePageAreReadOrRefused() {
  await holdTo("direct-cell", ({ raw, payload }) => {
    assertEqual(cells.directPayload(joinBytes(raw)), joinBytes(payload))
    assertEqual(cells.directCell(joinBytes(payload)), joinBytes(raw))
  })
}

export async function envelopesOfThePageAreCutOrRefused() {
  await holdTo("fragments", ({ envelope, stream, payloads }) => {
    const cut = cells.fragments(joinBytes(envelope), joinBytes(stream))
    assertEqual(cut.map(cells.packFragment), payloads.map(joinBytes))
  })
}

export async function aLinkFrameOfWrongPartsIsNeverWritten() {
  const sizes = [
    [7, 4_096],
    [9, 4_096],
    [8, 4_095],
    [8, 4_097],
    [9, 4_095],
  ]
  for (const [hop, cell] of sizes)
    await assertFails(CellError, () => cells.packLinkFrame(new Uint8Array(hop), new Uint8Array(cell)))
  await assertFails(CellError, () => cells.directCell(new Uint8Array(PAYLOAD_BYTES + 1)))
}

export async function aFragmentOfWrongPartsIsNeverWritten() {
  const good = { stream: STREAM, index: 0, count: 1, body: fromHex("01") }
  const full = new Uint8Array(FRAGMENT_BYTES)
  const wrong = [
    { stream: STREAM.subarray(1) },
    { count: 0 },
    { count: 4_097 },
    { index: 1, body: full },
    { index: -1, body: full },
    { body: fromHex("") },
    { body: new Uint8Array(FRAGMENT_BYTES + 1) },
    { count: 2 },
  ]

  for (const each of wrong) await assertFails(CellError, () => cells.packFragment({ ...good, ...each }))
}

export function aPartOfALargerBufferIsReadAsItself() {
  const raw = cells.packFragment({ stream: STREAM, index: 0, count: 1, body: fromHex("0102") })
  const cell = cells.directPayload(concat(fromHex("ff"), cells.directCell(raw)).subarray(1))

  assertEqual(cells.unpackFragment(cell), { stream: STREAM, index: 0, count: 1, body: fromHex("0102") })
}

export function payloadsThatAreReadAreWrittenBackToTheSameBytes() {
  const random = new Random(4)
  let read = 0
  for (let round = 0; round < 400; round++) {
    const raw = new Uint8Array(PAYLOAD_BYTES)
    raw.set(random.bytes(8))
    // Small numbers in the header, so that many are right.
    for (let at = 8; at < 14; at++) raw[at] = at % 2 ? random.below(4) : random.below(20) && 0
    raw.set(random.bytes(random.below(4)), 14)
    read += isWrittenBack(raw) ? 1 : 0
  }

  assert(read > 20, `${read} read`)
}

/** @param {import("../../../static/mesa/lib/bytes.js").Bytes} raw */
function isWrittenBack(raw) {
  let fragment
  try {
    fragment = cells.unpackFragment(raw)
  } catch (error) {
    assert(error instanceof CellError)
    return false
  }
  assertEqual(cells.packFragment(fragment), raw)
  return true
}
