import { Session } from "../../../static/mesa/crypto/sessions.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import { assert, assertEqual } from "../assert.js"
import { Person, couple } from "../peer/people.js"

/** A text of ada's, and bo's receipt for it. */
async function receipted() {
  const { ada, bo, boToAda } = await couple()
  const { number, envelope } = await ada.write(boToAda, "hello")
  const [entry] = await bo.inbox.takeAll([envelope])
  assert(entry)
  return { ada, boToAda, number, entry }
}

export async function receiptOfOneContactDeliversNothingOfAnother() {
  const { ada, boToAda, number, entry } = await receipted()
  const mallory = await ada.know(await Person.make("mallory"))

  const told = await ada.store.transaction((unit) => outbox.receipted(unit, mallory, [entry]))

  assertEqual(told, { delivered: [], false: [] })
  assert(await history.isIn(ada.store.view, boToAda, number, "undelivered"))
}

export async function receiptThatComesTwiceTellsOnce() {
  const { ada, boToAda, number, entry } = await receipted()

  const first = await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [entry, entry]))
  const second = await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [entry]))

  assertEqual([first.delivered, second.delivered], [[number], []])
  assertEqual(await ada.store.view.count("envelopes"), 0)
}

export async function receiptSaysThatTheSessionHasBegun() {
  const { ada, boToAda, entry } = await receipted()
  const hasBegun = async () => {
    const { view } = ada.store
    const [row] = await view.select("sessions")
    return Session.unpack(await view.open("sessions", row.session, row.record)).isEstablished
  }
  assertEqual(await hasBegun(), false)

  await ada.store.transaction((unit) => outbox.receipted(unit, boToAda, [entry]))

  assertEqual(await hasBegun(), true)
}
