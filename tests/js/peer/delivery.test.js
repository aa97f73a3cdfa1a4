import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { uuidText } from "../../../static/mesa/lib/uuid.js"
import { Delivery } from "../../../static/mesa/peer/delivery.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import * as history from "../../../static/mesa/store/history.js"
import { assertEqual } from "../assert.js"
import { until } from "../clock.js"
import { Person } from "./people.js"

/** The delivery of a person. @param {Person} person */
function deliveryOf(person) {
  const { store, handshakes, pins, api, clock } = person.parts
  /** @type {string[]} */
  const told = []
  const delivery = new Delivery(
    {
      ...{ store, handshakes, pins, api, clock },
      chance: { newTx: () => crypto.randomUUID(), jitter: () => 0 },
      tickets: async () => [],
      sendCell: () => true,
      sendFrame: () => {},
      report: (/** @type {any} */ { state }) => void told.push(state),
      fail: (error) => person.failures.push(error),
    },
    new AbortController().signal,
  )
  return { delivery, told }
}

export async function messageThatIsWrittenWhileTheYesComesInIsCarried() {
  const [ada, bo] = await Promise.all([Person.make("ada"), Person.make("bo")])
  const number = await ada.know(bo, { state: "asked", theirToken: null })
  const { delivery, told } = deliveryOf(ada)
  const yes = { state: /** @type {const} */ ("accepted"), theirToken: randomBytes(32) }

  // As when the yes is taken in: the unit before that of the message.
  const came = ada.store
    .transaction((unit) => contacts.change(unit, number, yes))
    .then(() => delivery.goOn(number))
  await Promise.all([delivery.send("bo", "hello"), came])
  await until(() => told.length > 0)

  assertEqual([told, ada.failures], [["queued"], []])
}

export async function messageThatWaitsForTheYesIsToldOf() {
  const [ada, bo] = await Promise.all([Person.make("ada"), Person.make("bo")])
  await ada.know(bo, { state: "asked", theirToken: null })
  const { delivery, told } = deliveryOf(ada)
  const chosen = randomBytes(16)

  await delivery.send("bo", "hello", chosen)
  await delivery.send("bo", "hello", chosen)

  assertEqual(told, ["queued"])
}

export async function messageIdIsAUuid4WhateverTheWindowChose() {
  const [ada, bo] = await Promise.all([Person.make("ada"), Person.make("bo")])
  const boToAda = await ada.know(bo)
  const { delivery } = deliveryOf(ada)
  const chosen = new Uint8Array(16).fill(255)

  const number = await delivery.send("bo", "hello", chosen)
  const again = await delivery.send("bo", "hello", chosen)

  const { message } = await history.get(ada.store.view, boToAda, number)
  assertEqual(uuidText(message.messageId), "ffffffff-ffff-4fff-bfff-ffffffffffff")
  assertEqual(again, number)
}
