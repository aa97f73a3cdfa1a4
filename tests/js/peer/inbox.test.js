import { concat } from "../../../static/mesa/lib/bytes.js"
import { HOLD_MS } from "../../../static/mesa/peer/releasing.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { LeadershipLost } from "../../../static/mesa/store/errors.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { until } from "../clock.js"
import { couple, Person } from "./people.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

/** @param {Person} ada @param {number} contact @param {string[]} texts */
async function writeAll(ada, contact, texts) {
  const forms = []
  for (const text of texts) forms.push(await ada.write(contact, text))
  return forms.map((form) => form.envelope)
}

export async function messageIsStoredShownAndReceipted() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const { number, envelope } = await ada.write(boToAda, "hello")

  const [entry] = await bo.inbox.takeAll([envelope])
  assert(entry)
  const told = await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [entry]))

  assertEqual(await bo.shown(adaToBo), ["hello"])
  assertEqual(
    bo.events.map(({ event, sender }) => [event, sender]),
    [["message_received", "ada"]],
  )
  assertEqual(told, { delivered: [number], false: [] })
  assert(await history.isIn(ada.store.view, boToAda, number, "delivered"))
}

export async function sameEnvelopeGetsTheSameReceiptAndIsStoredOnce() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const { envelope } = await ada.write(boToAda, "hello")

  const first = await bo.inbox.takeAll([envelope])
  await bo.restart()
  const again = await bo.inbox.takeAll([envelope, envelope])

  assertEqual(again, [first[0], first[0]])
  assertEqual(await bo.shown(adaToBo), ["hello"])
}

export async function messagesAreShownInTheirOrderHoweverTheyCome() {
  const texts = Array.from({ length: 12 }, (_, at) => `message ${at}`)
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [first, ...others] = await writeAll(ada, boToAda, texts)

  await bo.inbox.takeAll([first])
  for (const envelope of others.reverse()) await bo.inbox.takeAll([envelope])

  assertEqual(await bo.shown(adaToBo), texts)
  assertEqual(bo.events.length, 12)
}

export async function messageWhosePredecessorNeverComesIsShownAfterAGap() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [first, lost, last] = await writeAll(ada, boToAda, ["first", "lost", "last"])
  await bo.inbox.takeAll([first, last])
  assertEqual(await bo.shown(adaToBo), ["first"])

  bo.clock.ms += HOLD_MS
  await bo.inbox.showOverdue()
  assertEqual(await bo.shown(adaToBo), ["first", null, "last"])
  await bo.inbox.takeAll([lost])

  assertEqual(await bo.shown(adaToBo), ["first", "last", "lost"])
  assertEqual(
    bo.events.map(({ event }) => event.slice(8)),
    ["received", "missing", "received", "received"],
  )
}

export async function heldMessagesAreFoundAgainAfterACrash() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [first, second, third] = await writeAll(ada, boToAda, ["first", "second", "third"])
  await bo.inbox.takeAll([first, third])

  await bo.restart()
  await bo.inbox.takeAll([second])

  assertEqual(await bo.shown(adaToBo), ["first", "second", "third"])
}

export async function leaderThatLostItsPlaceStoresNothingAndGivesNoReceipt() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const { envelope } = await ada.write(boToAda, "hello")
  const old = bo.inbox
  await bo.restart()

  await assertFails(LeadershipLost, () => old.takeAll([envelope]))
  assertEqual(bo.events, [])

  const [entry] = await bo.inbox.takeAll([envelope])
  assert(entry)
  assertEqual(await bo.shown(adaToBo), ["hello"])
}

export async function leaderThatLosesItsPlaceAfterACommitEnds() {
  const { ada, bo, boToAda } = await couple()
  const { envelope } = await ada.write(boToAda, "hello")
  const { database } = bo
  const commit = database.commit.bind(database)
  database.commit = (changes, epoch) => commit(changes, epoch).then(() => database.close())

  await bo.inbox.takeAll([envelope])
  await until(() => bo.failures.length > 0)

  assert(bo.failures[0] instanceof LeadershipLost)
}

export async function changedEnvelopeHasNoReceiptAndHarmsNothing() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [first, second] = await writeAll(ada, boToAda, ["first", "second"])
  await bo.inbox.takeAll([first])
  const changed = second.slice()
  changed[changed.length - 1] ^= 1

  assertEqual(await bo.inbox.takeAll([changed, concat(second, second), new Uint8Array(3)]), [
    null,
    null,
    null,
  ])
  const [entry] = await bo.inbox.takeAll([second])

  assert(entry)
  assertEqual(await bo.shown(adaToBo), ["first", "second"])
  assertEqual(bo.unreadable.length > 0, true)
}

export async function nobodyElseMaySend() {
  const { ada, bo, boToAda } = await couple()
  const stranger = await Person.make("mallory")
  const boToMallory = await stranger.know(bo)
  await stranger.begin(bo, boToMallory)
  const { envelope } = await stranger.write(boToMallory, "hello")
  const mine = await ada.write(boToAda, "hello")

  assertEqual(await bo.inbox.takeAll([envelope]), [null])
  assertEqual(bo.events, [])
  assert((await bo.inbox.takeAll([mine.envelope]))[0])
}

export async function blockedContactIsHeardNoMore() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [first, second] = await writeAll(ada, boToAda, ["first", "second"])
  assert((await bo.inbox.takeAll([first]))[0])

  await bo.store.transaction((unit) => contacts.change(unit, adaToBo, { isBlocked: true }))

  assertEqual(await bo.inbox.takeAll([first, second]), [null, null])
  assertEqual(await bo.shown(adaToBo), ["first"])
}

export async function falseReceiptDeliversNothing() {
  const { ada, bo, boToAda } = await couple()
  const { number, envelope } = await ada.write(boToAda, "hello")
  const [entry] = await bo.inbox.takeAll([envelope])
  assert(entry)
  const forged = { ...entry, mac: new Uint8Array(16) }

  const told = await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [forged]))

  assertEqual(told, { delivered: [], false: [number] })
  assert(await history.isIn(ada.store.view, boToAda, number, "undelivered"))
}

export async function ownMessageIsWrittenOnceUnderItsId() {
  const { ada, boToAda } = await couple()
  const id = crypto.getRandomValues(new Uint8Array(16))
  const content = /** @type {const} */ ({ kind: 1, text: "hello" })

  const stored = await ada.store.transaction((unit) => history.write(unit, boToAda, content, 1, id))

  assertEqual(await history.numberOf(ada.store.view, boToAda, id), stored.number)
  assertEqual(await history.numberOf(ada.store.view, boToAda, new Uint8Array(16)), undefined)
}
