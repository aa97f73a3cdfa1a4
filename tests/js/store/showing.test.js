import { HOLD_MS } from "../../../static/mesa/peer/releasing.js"
import * as held from "../../../static/mesa/store/held.js"
import * as history from "../../../static/mesa/store/history.js"
import * as showing from "../../../static/mesa/store/showing.js"
import { assertEqual } from "../assert.js"
import { Person, couple } from "../peer/people.js"

const TEXTS = ["one", "two", "three", "four", "five"]

/** bo, to whom ada has written. @param {string[]} texts */
async function written(texts) {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const envelopes = []
  for (const text of texts) envelopes.push((await ada.write(boToAda, text)).envelope)
  return { ada, bo, adaToBo, envelopes }
}

/** @param {Person} person @param {number} contact @param {{before?: number, limit: number}} which */
async function page({ store }, contact, which) {
  const entries = await showing.conversation(store.view, contact, which)
  const texts = entries.map(({ message }) => message && /** @type {any} */ (message.content).text)
  return { texts, first: entries[0]?.place }
}

export async function conversationIsReadFromItsEndWithNoMessageTwiceAndNoneLeftOut() {
  const { bo, adaToBo, envelopes } = await written(TEXTS)
  await bo.inbox.takeAll(envelopes)

  const last = await page(bo, adaToBo, { limit: 2 })
  const before = await page(bo, adaToBo, { before: last.first, limit: 2 })
  const first = await page(bo, adaToBo, { before: before.first, limit: 2 })

  assertEqual(
    [first, before, last].flatMap(({ texts }) => texts),
    TEXTS,
  )
  assertEqual((await page(bo, adaToBo, { before: first.first, limit: 2 })).texts, [])
}

export async function messagesAreUnreadUntilTheyWereShown() {
  const { bo, adaToBo, envelopes } = await written(TEXTS)
  const other = await bo.know(await Person.make("mallory"))
  await bo.inbox.takeAll(envelopes)
  const { first } = await page(bo, adaToBo, { limit: 2 })
  const unread = () => Promise.all([adaToBo, other].map((each) => showing.unread(bo.store.view, each)))
  assertEqual(await unread(), [5, 0])

  await bo.store.transaction((unit) => showing.showed(unit, other, Infinity))
  assertEqual(await unread(), [5, 0])
  await bo.store.transaction((unit) => showing.showed(unit, adaToBo, /** @type {number} */ (first)))
  assertEqual(await unread(), [1, 0])
  await bo.store.transaction((unit) => showing.showed(unit, adaToBo, Infinity))

  assertEqual(await unread(), [0, 0])
}

export async function gapIsToldOnceAndLeftForNoMessageThatCame() {
  const { bo, adaToBo, envelopes } = await written(["first", "lost", "last"])
  await bo.inbox.takeAll([envelopes[0], envelopes[2]])
  bo.clock.ms += HOLD_MS
  await bo.inbox.showOverdue()
  await bo.inbox.showOverdue()
  assertEqual(await bo.shown(adaToBo), ["first", null, "last"])

  const [row] = await bo.store.view.select("messages", { range: IDBKeyRange.only([adaToBo, 1]) })
  const left = await bo.store.transaction((unit) => history.leaveGap(unit, adaToBo, row.message))

  assertEqual(left, null)
  assertEqual((await bo.shown(adaToBo)).length, 3)
}

export async function whatWaitsIsCountedUntilItIsShown() {
  const { bo, adaToBo, envelopes } = await written(["first", "second", "third"])
  await bo.inbox.takeAll([envelopes[0], envelopes[2]])
  assertEqual(await held.holding(bo.store.view), [adaToBo])

  await bo.inbox.takeAll([envelopes[1]])

  assertEqual([await held.holding(bo.store.view), await bo.store.view.count("waits")], [[], 0])
}

export async function tooManyOrTooLargeMessagesThatWaitAreTooMuch() {
  const bo = await Person.make("bo")
  /** @param {number} messages @param {number} bytes */
  const isOverfull = (messages, bytes) =>
    bo.store.transaction(async (unit) => {
      unit.put("held", { contact: 1, messages, bytes })
      return held.isOverfull(unit, 1)
    })

  assertEqual(await isOverfull(held.MAX_HELD, held.MAX_HELD_BYTES), false)
  assertEqual(
    [await isOverfull(held.MAX_HELD + 1, 0), await isOverfull(1, held.MAX_HELD_BYTES + 1)],
    [true, true],
  )
}
