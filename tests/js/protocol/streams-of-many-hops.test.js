// The bounds of a receiver: what one hop brings costs another nothing.

import * as cells from "../../../static/mesa/protocol/cells.js"
import * as bounds from "../../../static/mesa/protocol/reassembly.js"
import { assert, assertEqual } from "../assert.js"
import { STREAM, envelope, halves, numbered } from "./example-fragments.js"

const { CREDIT_EVERY, FIRST_WINDOW, FRAGMENT_BYTES, MAX_ENVELOPE_BYTES, fragments } = cells
const { MAX_STREAMS, MAX_STREAMS_OF_ALL_HOPS, MAX_UNFINISHED_BYTES, Reassembler, STALLED_S } = bounds
const [ADA, MALLORY] = [numbered(2 ** 31 + 1), numbered(2 ** 31 + 2)]

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

export function whoHoldsAsMuchAsAnHonestSenderNeedsGivesNothingUp() {
  const [first, last] = halves()
  const reassembler = filled(bounds.FAIR_STREAMS)

  reassembler.add(first, 0.1, ADA)

  assertEqual(reassembler.add(last, 0.1, ADA).envelope, null)
  assert(reassembler.add(halves(0)[1], 0.1, numbered(0)).envelope)
}

export function whoHoldsFewLongStreamsMakesRoomLikeWhoHoldsManyShortOnes() {
  const parts = fragments(envelope(MAX_ENVELOPE_BYTES), STREAM)
  const reassembler = new Reassembler()
  const most = Math.floor(bounds.MAX_UNFINISHED_BYTES_OF_ALL_HOPS / FRAGMENT_BYTES)
  const [ofEach, ofMallory] = [FIRST_WINDOW, (bounds.FAIR_STREAMS - 1) * FIRST_WINDOW]
  for (let number = 0; number < ofMallory; number++)
    reassembler.add({ ...parts[number % ofEach], stream: numbered(Math.floor(number / ofEach)) }, 0, MALLORY)
  for (let number = 0; number < most - ofMallory; number++)
    reassembler.add(parts[number % ofEach], 0, numbered(Math.floor(number / ofEach)))

  const made = parts.map((part) => reassembler.add(part, 0.1, ADA).envelope)

  assert(made.at(-1))
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
