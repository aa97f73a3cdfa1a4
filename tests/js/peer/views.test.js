import { Kind } from "../../../static/mesa/crypto/messages.js"
import { clockTime, sayShortly } from "../../../static/mesa/elements/times.js"
import { contactView, messageView } from "../../../static/mesa/peer/views.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import * as showing from "../../../static/mesa/store/showing.js"
import { assertEqual } from "../assert.js"
import { couple } from "./people.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

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

export async function messageToWhoHasToBeAskedAgainWaitsForThat() {
  const { ada, boToAda } = await couple()
  await ada.write(boToAda, "hello")
  /** @param {Bytes | null} myToken */
  const saidWith = async (myToken) => {
    const contact = await ada.store.transaction((unit) =>
      contacts.change(unit, boToAda, { state: "asked", myToken }),
    )
    const [entry] = await showing.conversation(ada.store.view, boToAda, { limit: 1 })
    const { state } = await contactView(contact, contact.identity)
    const { waitsFor } = /** @type {any} */ (messageView(entry, contact, () => undefined))
    return [state, waitsFor]
  }

  assertEqual(await saidWith(new Uint8Array(32)), ["asked", "acceptance"])
  assertEqual(await saidWith(null), ["unasked", "asking"])
}

export async function messageThatMayNotGoSaysWhetherKeysOrTheUserStopIt() {
  const { ada, boToAda } = await couple()
  await ada.write(boToAda, "hello")
  /** @param {Partial<contacts.ContactFields>} fields */
  const whyOf = async (fields) => {
    const contact = await ada.store.transaction((unit) => contacts.change(unit, boToAda, fields))
    const [entry] = await showing.conversation(ada.store.view, boToAda, { limit: 1 })
    const { state, why } = /** @type {any} */ (messageView(entry, contact, () => undefined))
    return [state, why]
  }

  assertEqual(await whyOf({}), ["queued", undefined])
  assertEqual(await whyOf({ isUnsafe: true }), ["blocked", "keys"])
  assertEqual(await whyOf({ isUnsafe: false, isBlocked: true }), ["blocked", "user"])
}
