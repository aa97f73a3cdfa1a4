import { fromHex } from "../../../static/mesa/lib/bytes.js"
import * as cells from "../../../static/mesa/protocol/cells.js"
import { CellError } from "../../../static/mesa/protocol/errors.js"
import * as bounds from "../../../static/mesa/protocol/reassembly.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Random } from "../random.js"
import { casesOf, joinBytes } from "../vectors.js"

const { CREDIT_EVERY, FIRST_WINDOW, FRAGMENT_BYTES, MAX_ENVELOPE_BYTES, WINDOW, fragments } = cells
const { MAX_STREAMS, MAX_STREAMS_OF_ALL_HOPS, MAX_UNFINISHED_BYTES, Reassembler, STALLED_S } = bounds
const [ADA, MALLORY] = [numbered(2 ** 31), numbered(2 ** 31 + 1)]
const STREAM = numbered(2 ** 31 + 2)

/** @param {number} number @returns eight bytes */
function numbered(number) {
  const id = new Uint8Array(8)
  new DataView(id.buffer).setUint32(4, number)
  return id
}

/** An envelope of so many bytes. @param {number} size */
const envelope = (size, fill = 120) => new Uint8Array(size).fill(fill)

/** An envelope in two fragments. @param {number} [stream] */
const halves = (stream) =>
  fragments(envelope(FRAGMENT_BYTES + 1), stream === undefined ? STREAM : numbered(stream))

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

export function bytesOfAllHopsAreBounded() {
  const reassembler = new Reassembler(MAX_UNFINISHED_BYTES)
  const count = Math.floor(MAX_UNFINISHED_BYTES / FRAGMENT_BYTES)
  const most = bounds.MAX_UNFINISHED_BYTES_OF_ALL_HOPS
  const [first, last] = halves()
  reassembler.add(first, 0, ADA)

  for (let number = 0; number < (2 * most) / MAX_UNFINISHED_BYTES; number++)
    for (let index = 0; index < count; index++) {
      const body = envelope(FRAGMENT_BYTES)
      reassembler.add({ stream: numbered(0), index, count: count + 1, body }, 0.01, numbered(number))
      assert(reassembler.unfinishedBytes <= most)
    }

  assert(reassembler.add(last, 0.1, ADA).envelope)
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

export function whatManyOthersBringLeavesAMessageWhole() {
  const parts = fragments(envelope(70_000), STREAM)
  /** @type {((reassembler: bounds.Reassembler) => void)[]} */
  const crowds = [
    (reassembler) => {
      for (let number = 0; number < 10 * MAX_STREAMS; number++)
        reassembler.add(halves(number)[0], 0.01, MALLORY)
    },
    (reassembler) => {
      for (let number = 0; number < 2 * MAX_STREAMS_OF_ALL_HOPS; number++) {
        reassembler.add(halves(number)[0], 0.01, numbered(number >> 2))
        assert(reassembler.unfinishedStreams <= MAX_STREAMS_OF_ALL_HOPS)
      }
    },
    (reassembler) => {
      for (let number = 0; number < 160; number++)
        for (const part of parts.slice(0, FIRST_WINDOW - 2)) reassembler.add(part, 0.5, numbered(number))
    },
  ]
  for (const crowd of crowds) {
    const reassembler = new Reassembler()
    for (const part of parts.slice(0, FIRST_WINDOW)) reassembler.add(part, 0, ADA)

    crowd(reassembler)

    const made = parts.slice(FIRST_WINDOW).map((part) => reassembler.add(part, 1, ADA).envelope)
    assertEqual(made.at(-1)?.length, 70_000)
  }
}

/** Takes up all streams there may be, so many of each hop. @param {number} ofEach */
function filled(ofEach, reassembler = new Reassembler(), now = 0) {
  for (let number = 0; number < MAX_STREAMS_OF_ALL_HOPS; number++)
    reassembler.add(halves(number)[0], now, numbered(Math.floor(number / ofEach)))
  return reassembler
}

export function whatStandsStillMakesRoomForWhoComesLater() {
  const [first, last] = halves()
  const reassembler = filled(4)

  reassembler.add(first, STALLED_S, ADA)

  assert(reassembler.add(last, STALLED_S, ADA).envelope)
  assertEqual(reassembler.unfinishedStreams, MAX_STREAMS_OF_ALL_HOPS - 1)
}

export function aFragmentThatCameBeforeIsNoProgress() {
  const [first, last] = halves()
  const reassembler = filled(4, filled(4), STALLED_S - 0.1)

  reassembler.add(first, STALLED_S, ADA)

  assert(reassembler.add(last, STALLED_S, ADA).envelope)
}

export function whoHoldsMoreThanAnHonestSenderNeedsMakesRoom() {
  const [first, last] = halves()
  const reassembler = filled(2 * bounds.FAIR_STREAMS)

  reassembler.add(first, 0.1, ADA)

  assert(reassembler.add(last, 0.1, ADA).envelope)
}

export function aStreamThatIsGivenUpGetsNoCredit() {
  const parts = fragments(envelope(70_000), STREAM)
  const reassembler = new Reassembler()
  const most = Math.floor(bounds.MAX_UNFINISHED_BYTES_OF_ALL_HOPS / FRAGMENT_BYTES) - CREDIT_EVERY + 1
  const each = parts.length - 1
  for (let number = 0; number < most; number++)
    reassembler.add(parts[number % each], 0, numbered(Math.floor(number / each)))

  const gained = parts.slice(0, CREDIT_EVERY).map((part) => reassembler.add(part, 0.1, ADA).creditIndex)

  assert(gained.every((index) => index === null))
  assertEqual(reassembler.unfinishedBytes, most * FRAGMENT_BYTES)
}

export function twoHopsMayUseTheSameStreamId() {
  const [ada, mallory] = [97, 109].map((fill) => fragments(envelope(4_000, fill), STREAM))
  const reassembler = new Reassembler()
  reassembler.add(ada[0], 0, ADA)
  reassembler.add(mallory[0], 0, MALLORY)

  assertEqual(reassembler.add(ada[1], 0, ADA).envelope, envelope(4_000, 97))
  assertEqual(reassembler.add(mallory[1], 0, MALLORY).envelope, envelope(4_000, 109))
}

export function wholeEnvelopesLeaveNothingBehind() {
  const reassembler = new Reassembler()
  for (let number = 0; number < 100; number++)
    reassembler.add(fragments(envelope(1), STREAM)[0], 0, numbered(number))

  assertEqual([reassembler.unfinishedStreams, reassembler.unfinishedBytes], [0, 0])
}
