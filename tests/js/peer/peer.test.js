import { Peer } from "../../../static/mesa/peer/peer.js"
import { StoreFull } from "../../../static/mesa/store/errors.js"
import * as history from "../../../static/mesa/store/history.js"
import { assert, assertEqual } from "../assert.js"
import { until } from "../clock.js"
import { couple } from "./people.js"

/** @typedef {import("./people.js").Person} Person */
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
    isTurnOnly: false,
    report: (/** @type {any} */ { event, state }) => void told.push(state ?? event),
    fail: (error) => failures.push(error),
  })
  assert(edges)
  return { peer, edges, told, failures }
}

/** Lets a database take no changes that match. @param {Person} person @param {(changes: any[]) => boolean} matches */
function fill({ database }, matches) {
  const commit = database.commit.bind(database)
  database.commit = async (changes, epoch) => {
    if (matches(changes)) throw new StoreFull()
    return commit(changes, epoch)
  }
}

export async function fullDiskAtOneReceiptStopsNoFrameAfterIt() {
  const { ada, bo, boToAda } = await couple()
  const { peer, edges, told, failures } = peerOf(ada)
  const { number, envelope } = await ada.write(boToAda, "hello")
  const entries = await bo.inbox.takeAll([envelope])
  await peer.delivery.resume()
  await peer.delivery.online(true)
  await until(() => ada.server.count("startTransaction") > 0)
  const [tx] = ada.server.calls.filter(({ what }) => what === "startTransaction")[0].args
  const receipt = /** @type {any} */ ({ type: "receipt", tx, entries, credit: null })
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
