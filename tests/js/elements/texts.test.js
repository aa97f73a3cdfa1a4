import { TextMissing, hasText, say, sayDuration } from "../../../static/mesa/elements/texts.js"
import { lookOf } from "../../../static/mesa/elements/message-states.js"
import { dateOf, sayDay, sayShortly } from "../../../static/mesa/elements/times.js"
import { assert, assertEqual, assertFails } from "../assert.js"

const NOON = new Date(2025, 9, 15, 12).getTime()
const DAY = 86_400_000

export function valuesAreWrittenIntoTheText() {
  assertEqual(say("state.waiting_contact", { name: "bo" }), "Waiting for bo to come online")
  assertEqual(say("meter.rate", { count: 12_345 }), "12,345 cells a second")
}

export function countChoosesTheForm() {
  assertEqual(
    [1, 0, 2].map((count) => say("thread.unread", { count })),
    ["1 new message", "0 new messages", "2 new messages"],
  )
  assert(hasText("thread.unread") && !hasText("thread.nothing"))
}

export async function missingTextOrValueIsAnError() {
  await assertFails(TextMissing, () => say("no.such.key"))
  await assertFails(TextMissing, () => say("state.waiting_contact"))
}

export function valuesAreNotReadAsPlaces() {
  assertEqual(say("message.you", { text: "{text} $& {count}" }), "You: {text} $& {count}")
}

export function durationsAreShort() {
  assertEqual([0, 58.4, 999, 1_240, 61_000].map(sayDuration), ["0 ms", "58 ms", "999 ms", "1.2 s", "61 s"])
}

export function everyStateOfAMessageHasWords() {
  const view = { number: 1, text: "", outgoing: true, time: 0 }
  const said = [
    lookOf({ ...view, state: "queued" }, "bo"),
    lookOf({ ...view, state: "waiting", waitsFor: "contact" }, "bo"),
    lookOf({ ...view, state: "waiting", waitsFor: "acceptance" }, "bo"),
    lookOf({ ...view, state: "waiting", waitsFor: "asking" }, "bo"),
    lookOf({ ...view, state: "waiting", waitsFor: "forwarders", forwarders: 2 }, "bo"),
    lookOf({ ...view, state: "waiting", waitsFor: "path" }, "bo"),
    lookOf({ ...view, state: "path", attempt: 1 }, "bo"),
    lookOf({ ...view, state: "sent", attempt: 2 }, "bo"),
    lookOf({ ...view, state: "delivered" }, "bo"),
    lookOf({ ...view, state: "blocked", why: "keys" }, "bo"),
    lookOf({ ...view, state: "blocked", why: "user" }, "bo"),
    lookOf({ ...view, state: "failed", why: "too_long" }, "bo"),
  ].map((look) => look.words)
  assertEqual(said[4], "Waiting for forwarders, 2 of 3")
  assertEqual(said[7], "On its way, attempt 2")
  assertEqual(new Set(said).size, said.length)
}

export function onlyWhatHasArrivedLooksSo() {
  const view = { number: 1, text: "", outgoing: true, time: 0 }
  /** @type {import("../../../static/mesa/elements/views.js").StateWord[]} */
  const states = ["queued", "waiting", "path", "sent", "delivered", "blocked", "failed"]
  assertEqual(
    states.filter((state) => lookOf({ ...view, state }, "bo").arrived),
    ["delivered"],
  )
}

export function daysHaveNames() {
  assertEqual(sayDay(NOON, NOON), "Today")
  assertEqual(sayDay(NOON - DAY, NOON), "Yesterday")
  assertEqual(sayDay(NOON - 2 * DAY, NOON), "Monday 13 October")
  assertEqual(sayShortly(NOON - 2 * DAY, NOON), "Mon")
  assert(sayDay(NOON - 400 * DAY, NOON).includes("2024"))
}

export function messageFromTheFutureHasADate() {
  assert(!["Today", "Yesterday"].includes(sayDay(NOON + DAY, NOON)))
  assertEqual(dateOf(NOON), "2025-10-15")
}
