import { equal } from "../../../static/mesa/lib/bytes.js"
import { Peer } from "../../../static/mesa/peer/peer.js"
import { StoreFull } from "../../../static/mesa/store/errors.js"
import * as history from "../../../static/mesa/store/history.js"
import { assert, assertEqual } from "../assert.js"
import { until } from "../clock.js"
import { couple, Person } from "./people.js"

/** @typedef {import("../../../static/mesa/peer/session.js").SessionEdges} SessionEdges */

/** A peer whose socket is the test's. @param {Person} person */
function peerOf(person) {
  const { account, api, store, clock } = person.parts
  let edges = /** @type {SessionEdges | null} */ (null)
  /** @type {string[]} */
  const told = []
  /** @type {unknown[]} */
  const failures = []
  const peer = new Peer({
    ...{ api, store, clock },
    account: { ...account, device: person.keys },
    makeSession: (asked) => {
      edges = asked
      return /** @type {any} */ ({ send: () => {}, run: async () => {}, flush: async () => {} })
    },
    guards: /** @type {any} */ ({ tickets: async () => [], stands: () => false, online: () => {} }),
    forwards: () => false,
    isTurnOnly: () => false,
    report: (/** @type {any} */ { event, state }) => void told.push(state ?? event),
    fail: (error) => failures.push(error),
  })
  assert(edges)
  return { peer, edges, told, failures }
}

/** Has no space on the disk for as long as that is so. @param {Person} person @param {() => boolean} isFull */
function fill({ database }, isFull) {
  const commit = database.commit.bind(database)
  database.commit = async (changes, epoch) => {
    if (isFull()) throw new StoreFull()
    return commit(changes, epoch)
  }
}

/** The transaction that was asked for to reach a contact. @param {Person} person @param {Person} other */
async function txTo(person, other) {
  const { theirToken } = (await person.known(other)).fields
  assert(theirToken)
  const isTo = (/** @type {any} */ { what, args }) =>
    what === "startTransaction" && equal(args[1], theirToken)
  await until(() => person.server.calls.some(isTo))
  return person.server.calls.find(isTo)?.args[0]
}

export async function fullDiskAtOneReceiptStopsNoFrameAfterIt() {
  const { ada, bo, boToAda } = await couple()
  const { peer, edges, told, failures } = peerOf(ada)
  const { number, envelope } = await ada.write(boToAda, "hello")
  const entries = await bo.inbox.takeAll([envelope])
  await peer.delivery.resume()
  await peer.delivery.online(true)
  const receipt = /** @type {any} */ ({ type: "receipt", tx: await txTo(ada, bo), entries, credit: null })
  let isFull = true
  fill(ada, () => isFull)

  edges.received(receipt)
  await until(() => told.includes("disk_full"))
  isFull = false
  edges.received(receipt)
  await until(() => told.includes("delivered"))

  assert(await history.isIn(ada.store.view, boToAda, number, "delivered"))
  assertEqual(failures, [])
}

export async function contactWhoseKeysAreAskedForMakesNoOtherWait() {
  const { ada, bo, boToAda } = await couple()
  const olga = await Person.make("olga", ada.server)
  const olgaToAda = await ada.know(olga)
  await ada.begin(olga, olgaToAda)
  await ada.write(olgaToAda, "hello")
  const { envelope } = await ada.write(boToAda, "hello")
  const entries = await bo.inbox.takeAll([envelope])
  const { peer, edges, told, failures } = peerOf(ada)
  await peer.delivery.resume()
  await peer.delivery.online(true)
  const [toOlga, toBo] = [await txTo(ada, olga), await txTo(ada, bo)]
  ada.server.lies.set("claimBundle", () => new Promise(() => {}))

  edges.received(/** @type {any} */ ({ type: "path_ready", tx: toOlga, attempt: 1, device: toOlga }))
  edges.received(/** @type {any} */ ({ type: "receipt", tx: toBo, entries, credit: null }))
  await until(() => told.includes("delivered"))

  assertEqual([ada.server.count("claimBundle"), failures], [1, []])
}
