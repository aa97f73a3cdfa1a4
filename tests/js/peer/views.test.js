import { Kind } from "../../../static/mesa/crypto/messages.js"
import { lookOf } from "../../../static/mesa/elements/message-states.js"
import { clockTime, sayShortly } from "../../../static/mesa/elements/times.js"
import { messageView } from "../../../static/mesa/peer/views.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import * as showing from "../../../static/mesa/store/showing.js"
import { assert, assertEqual } from "../assert.js"
import { couple } from "./people.js"

/** What bo is shown of a message for which ada's device has made up a time. @param {(now: number) => bigint} made */
async function shownAt(made) {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const now = ada.clock.unixMs()
  const { envelope } = await ada.store.transaction(async (unit) => {
    const stored = await history.write(unit, boToAda, { kind: Kind.TEXT, text: "hello" }, now)
    stored.message.sentMs = made(now)
    const known = await contacts.get(unit, boToAda)
    const session = await sessions.choose(unit, await ada.keys.signing.public(), known, known.devices[0], now)
    return outbox.seal(unit, stored, known.devices[0], /** @type {any} */ (session), now)
  })
  await bo.inbox.takeAll([envelope])
  const { view } = bo.store
  const [entry] = await showing.conversation(view, adaToBo, { limit: 1 })
  const { time } = messageView(entry, await contacts.get(view, adaToBo), () => undefined)
  return { time: Number(time), now: bo.clock.unixMs() }
}

export async function messageThatSaysItComesFromTheFutureShowsWhenItCame() {
  const { time, now } = await shownAt(() => (1n << 64n) - 1n)

  assertEqual(time, now)
  assertEqual([clockTime(time), sayShortly(time, now)], [clockTime(now), clockTime(now)])
}

export async function messageShowsWhenItsSenderSaysItWasSent() {
  const { time, now } = await shownAt((sent) => BigInt(sent) - 60_000n)

  assertEqual(time, now - 60_000)
}

export async function whatIsMissingHasNoTime() {
  const { bo, adaToBo } = await couple()
  const gap = await bo.store.transaction((unit) => history.leaveGap(unit, adaToBo, new Uint8Array(32)))

  const contact = await contacts.get(bo.store.view, adaToBo)
  const view = messageView(/** @type {history.Entry} */ (gap), contact, () => undefined)

  assertEqual(view, { number: 1, text: null, outgoing: false, time: null, state: "received", missing: true })
}

export async function messageToOneWhomTheUserBlockedSpeaksOfNoKeys() {
  const { ada, boToAda } = await couple()
  await ada.write(boToAda, "hello")
  const { view } = ada.store
  const [entry] = await showing.conversation(view, boToAda, { limit: 1 })
  const blocked = await ada.store.transaction((unit) => contacts.change(unit, boToAda, { isBlocked: true }))

  const shown = /** @type {any} */ (messageView(entry, blocked, () => undefined))

  const { words } = lookOf(shown, "bo")

  assert(!words.includes("key has changed"), words)
}
