import { Desk } from "../../../static/mesa/peer/desk.js"
import { ContactBlocked, UsageError } from "../../../static/mesa/peer/errors.js"
import { StoreFull } from "../../../static/mesa/store/errors.js"
import { assertEqual, assertFails } from "../assert.js"
import { friends } from "./people.js"

/** ada's desk, where messages are accepted when the test lets them. */
async function desk() {
  const { ada, bo } = await friends()
  const sent = Promise.withResolvers()
  /** @type {object[]} */
  const told = []
  const network = {
    session: { isOpen: true },
    guards: { tickets: async () => [] },
    links: { count: 0 },
    carried: 0,
  }
  const peer = {
    network,
    contacts: ada.contacts,
    blocking: ada.blocking,
    delivery: { send: () => sent.promise },
  }
  const parts = {
    shared: ada.parts,
    peer,
    tell: (/** @type {object} */ event) => told.push(event),
    settings: { forwards: true },
    hasOtherKeys: () => false,
  }
  return { ada, bo, desk: new Desk(/** @type {any} */ (parts)), told, accept: () => sent.resolve(1) }
}

export async function whoLooksAtTheStatusAsksTheServerNothing() {
  const { ada, desk: own } = await desk()
  let asked = 0
  Object.assign(ada.parts.api, { forwarders: async () => (asked += 1) })
  Object.assign(ada.clock, { isHasty: false })
  own.report({ event: "session_opened" })

  for (let look = 0; look < 10; look += 1) await own.call("status", [])

  assertEqual(asked, 1)
}

export async function whatWasSaidOfTheStorageIsPutOffForGood() {
  const { desk: own } = await desk()
  const settings = async () => /** @type {any} */ (await own.call("settings", [])).knows_storage_risk
  assertEqual(await settings(), false)

  await own.call("change", ["knows_storage_risk", true])

  assertEqual(await settings(), true)
}

export async function whoLooksForTheirOwnNameIsToldSo() {
  const { ada, desk: own } = await desk()
  /** @type {string[]} */
  const asked = []
  Object.assign(ada.parts.api, { users: async (/** @type {string} */ name) => (asked.push(name), []) })

  await assertFails(UsageError, () => own.call("search", ["Ada"]))

  assertEqual(await own.call("search", ["Bo"]), [])
  assertEqual(asked, ["ada", "bo"])
}

const ID = "00".repeat(16)

export async function sendingTakesTheDraftAway() {
  const { ada, bo, desk: own, accept } = await desk()
  const { number } = await ada.known(bo)
  await own.call("draft", [number, "hel"])

  accept()
  await own.call("send", [number, "hello", ID])

  assertEqual(/** @type {any} */ (await own.call("conversation", [number])).draft, "")
}

export async function draftThatWasWrittenWhileAMessageWasAcceptedStays() {
  const { ada, bo, desk: own, accept } = await desk()
  const { number } = await ada.known(bo)
  await own.call("draft", [number, "hel"])

  const sending = own.call("send", [number, "hello", ID])
  await own.call("draft", [number, "and then"])
  accept()
  await sending

  assertEqual(/** @type {any} */ (await own.call("conversation", [number])).draft, "and then")
}

export async function comparisonCountsForTheKeysOnTheScreenAlone() {
  const { ada, bo, desk: own } = await desk()
  const { number } = await ada.known(bo)
  const seen = /** @type {any} */ (await own.call("contact", [number]))

  const others = { ...seen, safetyNumber: "1".repeat(60) }
  await assertFails(ContactBlocked, () => own.call("decide", [number, "verify", others]))
  assertEqual((await ada.known(bo)).fields.isVerified, false)

  await own.call("decide", [number, "verify", seen])
  assertEqual((await ada.known(bo)).fields.isVerified, true)
}

export async function chatThatIsOpenedShowsTheDraftThatWasKeptBefore() {
  const { ada, bo, desk: own } = await desk()
  const { number } = await ada.known(bo)
  await own.call("draft", [number, "hel"])

  // A store that is busy, as when much comes in.
  let goOn = () => {}
  void ada.store.transaction(() => new Promise((resolve) => (goOn = () => resolve(undefined))))
  const kept = own.call("draft", [number, "hello"])
  setTimeout(() => goOn(), 100)
  const opened = /** @type {any} */ (await own.call("conversation", [number]))
  await kept

  assertEqual(opened.draft, "hello")
}

export async function messageThatWasAcceptedIsNotSaidToBeRefused() {
  const { ada, bo, desk: own, accept } = await desk()
  const { number } = await ada.known(bo)
  await own.call("draft", [number, "hel"])
  Object.assign(ada.database, {
    commit: async () => {
      throw new StoreFull()
    },
  })

  accept()

  assertEqual(await own.call("send", [number, "hello", ID]), 1)
}

export async function listsHearThatMessagesWereSeen() {
  const { ada, bo, desk: own, told } = await desk()
  const { number } = await ada.known(bo)
  const hers = (await bo.known(ada)).number
  await bo.begin(ada, hers)
  await ada.inbox.takeAll([(await bo.write(hers, "hello")).envelope])
  const unread = async () => {
    const { rows } = /** @type {any} */ (await own.call("list", []))
    return rows.map((/** @type {any} */ row) => row.unread)
  }
  assertEqual(await unread(), [1])

  await own.call("showed", [number, 1])
  await own.call("showed", [number, 1])

  assertEqual(told, [{ event: "contact_changed", contact: number }])
  assertEqual(await unread(), [0])
}
