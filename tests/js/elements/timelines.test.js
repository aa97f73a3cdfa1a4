import { Timelines } from "../../../static/mesa/elements/timelines.js"
import { FakeClock } from "../clock.js"
import { assertEqual } from "../assert.js"

const [BO, OLGA] = [4, 7]

/** A message of ours in a state, as the leader tells. @param {number} number @param {any} state @param {number} [attempt] @returns {any} */
const message = (number, state, attempt = 1) => ({ number, state, attempt, outgoing: true })

function start() {
  const clock = new FakeClock()
  const timelines = new Timelines(clock)
  /** @param {number} seconds @param {number} contact @param {any} view */
  const after = async (seconds, contact, view) => {
    await clock.advance(seconds)
    timelines.note(contact, view)
  }
  /** Times in whole milliseconds. @param {number} contact */
  const of = (contact) => {
    const { number, attempt, pathMs, firstMs, totalMs } = timelines.of(contact) ?? {}
    return [number, attempt, ...[pathMs, firstMs, totalMs].map((ms) => ms && Math.round(ms))]
  }
  return { after, of }
}

export async function timesAreThoseOfWhatTheLeaderTold() {
  const { after, of } = start()

  await after(0, BO, message(1, "queued"))
  assertEqual(of(BO), [1, 1, null, null, null])
  await after(0.02, BO, message(1, "path"))
  await after(0.01, BO, message(1, "sent"))
  assertEqual(of(BO), [1, 1, 20, 30, null])
  await after(0.04, BO, message(1, "delivered"))

  assertEqual(of(BO), [1, 1, 20, 30, 70])
}

export async function anotherAttemptBeginsWithItsPath() {
  const { after, of } = start()
  await after(0, BO, message(1, "queued"))
  await after(0.02, BO, message(1, "path"))
  await after(0.01, BO, message(1, "sent"))

  await after(11, BO, message(1, "path", 2))

  assertEqual(of(BO), [1, 2, 11_030, null, null])
}

export async function eachContactHasTheLastMessageAlone() {
  const { after, of } = start()
  await after(0, BO, message(1, "queued"))
  await after(1, BO, message(2, "queued"))
  await after(0, OLGA, message(1, "queued"))

  await after(1, BO, message(1, "delivered"))
  await after(0, BO, { ...message(3, "queued"), outgoing: false })

  assertEqual(of(BO), [2, 1, null, null, null])
  assertEqual(of(OLGA), [1, 1, null, null, null])
}

export async function messageWhoseBeginningWasNotSeenHasNoTimes() {
  const { after, of } = start()

  await after(0, BO, message(1, "delivered"))

  assertEqual(of(BO)[0], undefined)
}
