import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { Receiving } from "../../../static/mesa/peer/receiving.js"
import { CREDIT_EVERY, FRAGMENT_BYTES, fragments, packFragment } from "../../../static/mesa/protocol/cells.js"
import { STREAM_ID_BYTES } from "../../../static/mesa/protocol/ids.js"
import { MAX_RECEIPT_ENTRIES } from "../../../static/mesa/protocol/limits.js"
import { assert, assertEqual } from "../assert.js"
import { FakeClock, settled } from "../clock.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const HOP = new Uint8Array(8).fill(1)

/** A receiver whose commits end when the test says so. @param {{holds?: boolean}} [how] */
function makeReceiving({ holds = false } = {}) {
  const clock = new FakeClock()
  /** @type {Bytes[][]} */
  const taken = []
  /** @type {any[]} */
  const frames = []
  /** @type {(() => void)[]} */
  const commits = []
  const receiving = new Receiving({
    take: async (envelopes) => {
      taken.push(envelopes)
      if (holds) await new Promise((resolve) => commits.push(() => resolve(undefined)))
      return envelopes.map(([digest]) => ({
        digest: new Uint8Array(16).fill(digest),
        mac: new Uint8Array(16),
      }))
    },
    send: (frame) => frames.push(frame),
    clock,
    fail: (error) => {
      throw error
    },
  })
  return { receiving, clock, taken, frames, commits }
}

/** Payloads of an envelope. @param {Bytes} envelope @param {Bytes} [stream] */
const payloads = (envelope, stream = randomBytes(STREAM_ID_BYTES)) =>
  fragments(envelope, stream).map(packFragment)

export async function creditIsGivenForEveryEighthPartAndForNoOther() {
  const { receiving, clock, frames } = makeReceiving()
  const stream = randomBytes(STREAM_ID_BYTES)
  const parts = payloads(new Uint8Array(2 * CREDIT_EVERY * FRAGMENT_BYTES), stream)

  for (const part of parts.slice(0, CREDIT_EVERY - 1)) receiving.payload(HOP, part)
  await clock.advance(1)
  assertEqual(frames, [])
  receiving.payload(HOP, parts[CREDIT_EVERY - 1])
  await clock.advance(1)

  assertEqual(frames, [
    { type: "receipt", hop: HOP, entries: [], credit: { stream, index: CREDIT_EVERY - 1 } },
  ])
}

export async function receiptsUnderLoadGoInBundlesOfOneHop() {
  const { receiving, clock, frames } = makeReceiving()
  const other = new Uint8Array(8).fill(2)
  for (let at = 0; at < 2 * MAX_RECEIPT_ENTRIES; at += 1)
    receiving.payload(HOP, payloads(new Uint8Array([at]))[0])
  receiving.payload(other, payloads(new Uint8Array([199]))[0])

  await clock.advance(0)
  assert(frames.length <= 1, "a frame is followed by a pause")
  await clock.advance(1)

  const sent = frames.map(({ hop, entries }) => [
    hop[0],
    entries.map((/** @type {any} */ each) => each.digest[0]),
  ])
  assertEqual(
    sent.flatMap(([, digests]) => digests),
    [...Array.from({ length: 2 * MAX_RECEIPT_ENTRIES }, (_, at) => at), 199],
  )
  assert(frames.every(({ entries }) => entries.length <= MAX_RECEIPT_ENTRIES))
  assertEqual(sent.at(-1), [2, [199]])
}

export async function flowThatIsNotTakenIsDroppedAndNothingElse() {
  const { receiving, clock, taken, commits } = makeReceiving({ holds: true })
  receiving.payload(HOP, payloads(new Uint8Array([0]))[0])
  await settled()

  for (let count = 0; count < 1_100; count += 1) receiving.payload(HOP, payloads(new Uint8Array([1]))[0])
  while (commits.length > 0) {
    commits.shift()?.()
    await clock.advance(0)
  }

  // One that was taken at once, and as many as may wait.
  assertEqual(taken.flat().length, 1 + 1_024)
}

export async function malformedPayloadHarmsNoOther() {
  const { receiving, taken } = makeReceiving()

  receiving.payload(HOP, new Uint8Array(10))
  receiving.payload(HOP, payloads(new Uint8Array([7]))[0])
  await settled()

  assertEqual(taken, [[new Uint8Array([7])]])
}
