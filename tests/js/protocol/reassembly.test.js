import { fromHex } from "../../../static/mesa/lib/bytes.js"
import * as cells from "../../../static/mesa/protocol/cells.js"
import { CellError } from "../../../static/mesa/protocol/errors.js"
import * as bounds from "../../../static/mesa/protocol/reassembly.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Random } from "../random.js"
import { casesOf, joinBytes } from "../vectors.js"
import { STREAM, envelope, halves, numbered } from "./example-fragments.js"

const { CREDIT_EVERY, FIRST_WINDOW, FRAGMENT_BYTES, MAX_ENVELOPE_BYTES, WINDOW, fragments } = cells
const { MAX_STREAMS, MAX_UNFINISHED_BYTES, Reassembler } = bounds

export async function tracesOfThePageAreFollowed() {
  for (const { name, steps } of await casesOf("cells", "reassembly")) {
    const reassembler = new Reassembler()
    for (const { payload, now, hop, ...expected } of steps) {
      const whole = expected.envelope && { envelope: joinBytes(expected.envelope) }
      assertEqual(taken(reassembler, joinBytes(payload), now, hop), { ...expected, ...whole }, name)
    }
  }
}

/**
 * What came of one step's payload, in the words of the vectors.
 *
 * @param {bounds.Reassembler} reassembler
 * @param {import("../../../static/mesa/lib/bytes.js").Bytes} payload
 * @param {number} now
 * @param {string} [hop]
 */
function taken(reassembler, payload, now, hop) {
  try {
    const fragment = cells.unpackFragment(payload)
    const { envelope, creditIndex } = reassembler.add(fragment, now, hop ? fromHex(hop) : undefined)
    return {
      result: "ok",
      ...(envelope && { envelope }),
      ...(creditIndex !== null && { credit: creditIndex }),
    }
  } catch (error) {
    assert(error instanceof CellError)
    return { result: error.name }
  }
}

export function fragmentsInAnyOrderMakeTheEnvelopeAgain() {
  const random = new Random(5)
  for (let round = 0; round < 25; round++) {
    const whole = random.bytes(1 + random.below(MAX_ENVELOPE_BYTES))
    const reassembler = new Reassembler()

    const made = random
      .shuffled(fragments(whole, STREAM))
      .map((fragment) => reassembler.add(cells.unpackFragment(cells.packFragment(fragment)), 0).envelope)

    assertEqual(made.pop(), whole)
    assert(made.every((each) => each === null))
  }
}

export async function lossReorderingAndRepeatsNeverMakeAWrongEnvelope() {
  const random = new Random(6)
  for (let round = 0; round < 20; round++) {
    const wholes = [0, 1, 2, 3].map((number) => envelope((2 + random.below(4)) * FRAGMENT_BYTES, 65 + number))
    const cut = wholes.map((whole, number) => fragments(whole, numbered(number)))
    const held = wholes.map(() => new Set())
    const reassembler = new Reassembler()

    for (let step = 0; step < 120; step++) {
      const number = random.below(4)
      const fragment = random.pick(cut[number])
      if (held[number].has(fragment.index) && random.below(2)) {
        const forged = { ...fragment, body: envelope(fragment.body.length, 63) }
        await assertFails(CellError, () => reassembler.add(forged, 1))
        continue
      }
      held[number].add(fragment.index)
      const made = reassembler.add(fragment, 1).envelope
      assertEqual(made !== null, held[number].size === cut[number].length)
      if (made) assertEqual(made, wholes[number])
      if (made) held[number].clear()
    }
  }
}

export function aSenderThatKeepsTheWindowAlwaysGetsCreditToGoOn() {
  const random = new Random(7)
  for (let count = FIRST_WINDOW + 1; count < 20; count++) {
    const waiting = fragments(envelope(count * FRAGMENT_BYTES), STREAM)
    const reassembler = new Reassembler()
    /** @type {cells.Fragment[]} */
    const onTheWay = []
    let [allowed, made] = [FIRST_WINDOW, 0]

    while (!made) {
      while (waiting.length > 0 && waiting[0].index < allowed) onTheWay.push(waiting.splice(0, 1)[0])
      const [fragment] = onTheWay.splice(random.below(onTheWay.length), 1)
      const progress = reassembler.add(fragment, 0)
      made = progress.envelope?.length ?? 0
      if (progress.creditIndex !== null) allowed = progress.creditIndex + WINDOW
    }

    assertEqual(made, count * FRAGMENT_BYTES)
  }
}

export function creditComesAtMostOnceInEightFragmentsAndNotForShortStreams() {
  const given = (/** @type {number} */ size) => {
    const reassembler = new Reassembler()
    const credits = fragments(envelope(size), STREAM).map((each) => reassembler.add(each, 0).creditIndex)
    return credits.filter((index) => index !== null)
  }

  assertEqual(given(MAX_ENVELOPE_BYTES), [CREDIT_EVERY - 1, 2 * CREDIT_EVERY - 1])
  assertEqual(given(CREDIT_EVERY * FRAGMENT_BYTES), [])
}

export function streamsAndBytesOfOneHopAreBounded() {
  const reassembler = new Reassembler(MAX_UNFINISHED_BYTES / 8)
  for (let number = 0; number <= MAX_STREAMS; number++) reassembler.add(halves(number)[0], 0)
  assertEqual(reassembler.unfinishedStreams, MAX_STREAMS)

  for (let number = 0; number < 20; number++)
    for (const fragment of fragments(envelope(MAX_UNFINISHED_BYTES / 8), numbered(100 + number)).slice(
      0,
      -1,
    )) {
      reassembler.add(fragment, 1)
      assert(reassembler.unfinishedBytes <= MAX_UNFINISHED_BYTES)
    }
}

export function theStreamLongestWithoutANewFragmentGivesWay() {
  const [first, second, last] = fragments(envelope(3 * FRAGMENT_BYTES), numbered(0))
  const reassembler = new Reassembler()
  reassembler.add(first, 0)
  for (let number = 1; number < MAX_STREAMS; number++) reassembler.add(halves(number)[0], 1)
  reassembler.add(second, 2)

  reassembler.add(halves(MAX_STREAMS)[0], 3)

  assert(reassembler.add(last, 4).envelope)
  assertEqual(reassembler.add(halves(1)[1], 5).envelope, null)
}

export function aSilentStreamIsForgotten() {
  const [first, last] = halves()
  const reassembler = new Reassembler()
  reassembler.add(first, 0)

  assertEqual(reassembler.add(last, bounds.STREAM_IDLE_S + 0.1).envelope, null)
}

export async function aStreamOverTheSizeOfAnEnvelopeIsRefused() {
  const count = Math.ceil(MAX_ENVELOPE_BYTES / FRAGMENT_BYTES) + 1
  const fragment = { stream: STREAM, index: count - 1, count, body: envelope(3) }

  await assertFails(CellError, () => new Reassembler().add(fragment, 0))
}

export function wholeEnvelopesLeaveNothingBehind() {
  const reassembler = new Reassembler()
  for (let number = 0; number < 100; number++)
    reassembler.add(fragments(envelope(1), STREAM)[0], 0, numbered(number))

  assertEqual([reassembler.unfinishedStreams, reassembler.unfinishedBytes], [0, 0])
}
