import { Kind } from "../../../static/mesa/crypto/messages.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import { assert, assertEqual } from "../assert.js"
import { couple } from "../peer/people.js"

export async function messagesOfOnesOwnAreEachLaterThanTheLastWhateverTheClockSays() {
  const { ada, boToAda } = await couple()
  const content = /** @type {const} */ ({ kind: Kind.TEXT, text: "hello" })
  const times = []
  for (const nowMs of [9_000, 9_000, 5_000, 10_000]) {
    const stored = await ada.store.transaction((unit) => history.write(unit, boToAda, content, nowMs))
    times.push(Number(stored.message.sentMs))
  }

  assertEqual(times, [9_000, 9_001, 9_002, 10_000])
}

export async function messageThatIsSealedAgainIsShownOnceAndReceiptedAgain() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const { number, envelope } = await ada.write(boToAda, "hello")
  await bo.inbox.takeAll([envelope])
  ada.clock.ms += 1_000
  await ada.begin(bo, boToAda)

  const again = await ada.store.transaction(async (unit) => {
    await outbox.unsealAll(unit, boToAda)
    const known = await contacts.get(unit, boToAda)
    const [device, own] = [known.devices[0], await ada.keys.signing.public()]
    const session = await sessions.choose(unit, own, known, device, ada.clock.ms)
    assert(session)
    return outbox.seal(unit, await history.get(unit, boToAda, number), device, session, ada.clock.ms)
  })
  const [entry] = await bo.inbox.takeAll([again.envelope])

  assert(entry && again.envelope.join() !== envelope.join())
  assertEqual(await bo.shown(adaToBo), ["hello"])
  assertEqual(bo.told, ["message_received"])
  const told = await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [entry]))
  assertEqual(told.delivered, [number])
}
