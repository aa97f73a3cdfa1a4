import { packChain, readChain, verifyChain } from "../../../static/mesa/crypto/chain.js"
import { numbersOf } from "../../../static/mesa/crypto/safety.js"
import { safetyNumber } from "../../../static/mesa/crypto/safety-number.js"
import { ContactBlocked, UsageError } from "../../../static/mesa/peer/errors.js"
import * as verifying from "../../../static/mesa/peer/verifying.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { recovered, strangers, withSecondDevice } from "./chains.js"
import { Person, friends } from "./people.js"

/** @param {Person} person @param {Person} other */
const keysOf = async (person, other) =>
  numbersOf((await person.known(other)).fields, await readChain(person.chain))

/** @param {Person} person @param {string} name @param {{seen: Uint8Array<ArrayBuffer>, digits?: string}} about */
function accept(person, name, about) {
  return verifying.acceptNewKeys(person.parts, person.contacts, name, about)
}

/** ada, to whom the server shows a stranger under bo's name, with prekeys. */
async function impostor() {
  const { server, ada, bo } = await friends()
  const stranger = await Person.make("bo")
  await stranger.comeOnline()
  const shown = stranger.server.user("bo")
  server.users.set("bo", shown)
  const { number } = await ada.known(bo)
  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, shown.statements))
  return { server, ada, bo, stranger, shown: shown.statements }
}

export async function bothSidesHaveOneSafetyNumber() {
  const { ada, bo } = await friends()

  const [ours, theirs] = [await keysOf(ada, bo), await keysOf(bo, ada)]

  assertEqual(ours.safetyNumber, theirs.safetyNumber)
  assertEqual([ours.danger, ours.shownSafetyNumber], [null, null])
}

export async function comparisonIsKept() {
  const { ada, bo } = await friends()

  const { number } = await verifying.findContact(ada.store, "Bo")
  await verifying.markVerified(ada.parts, number, (await keysOf(ada, bo)).safetyNumber)

  assertEqual((await ada.known(bo)).fields.isVerified, true)
}

export async function comparisonOfKeysThatAreNotPinnedAnyMoreIsNotKept() {
  const { ada, bo, shown } = await impostor()
  const { number } = await ada.known(bo)
  const { safetyNumber: compared } = await keysOf(ada, bo)
  await accept(ada, "bo", { seen: packChain(shown) })

  await assertFails(ContactBlocked, () => verifying.markVerified(ada.parts, number, compared))

  assertEqual((await ada.known(bo)).fields.isVerified, false)
}

export async function changedKeysAreToldWithBothNumbers() {
  const { ada, bo, shown } = await impostor()

  const told = await keysOf(ada, bo)

  const number = await safetyNumber(await readChain(ada.chain), await verifyChain(shown))
  assertEqual([told.danger, told.shownSafetyNumber], ["other_keys", number])
  assert(told.safetyNumber !== number)
}

export async function newKeysThatTheUserHasSeenArePinnedAndAskedAnew() {
  const { server, ada, bo, shown } = await impostor()

  const contact = await accept(ada, "bo", { seen: packChain(shown) })

  assertEqual([contact.state, contact.isClosed, contact.fields.isVerified], ["asked", false, false])
  assertEqual(contact.fields.chain, packChain(shown))
  assertEqual([server.waiting("bo").length, (await ada.known(bo)).fields.theirToken], [1, null])
}

export async function strangerWhoAskedBeforeTheDecisionIsAContactAfterIt() {
  const { server, ada, stranger, shown } = await impostor()
  // One server for both.
  stranger.server.users.set("ada", server.user("ada"))
  stranger.server.tokens = server.tokens
  await stranger.contacts.request("ada")
  await ada.mailbox.empty()
  assertEqual((await ada.known(stranger)).isClosed, true)

  await accept(ada, "bo", { seen: packChain(shown) })
  await stranger.mailbox.empty()
  await ada.mailbox.empty()

  const [ours, theirs] = [await ada.known(stranger), await stranger.known(ada)]
  assertEqual([ours.state, theirs.state], ["accepted", "accepted"])
  assertEqual(ours.fields.theirToken, theirs.fields.myToken)
}

export async function otherKeysThanTheUserHasSeenAreNotPinned() {
  const { ada, bo, shown } = await impostor()

  await assertFails(ContactBlocked, () => accept(ada, "bo", { seen: bo.chain }))

  const { isClosed, fields } = await ada.known(bo)
  assertEqual([isClosed, fields.chain, fields.shown], [true, bo.chain, packChain(shown)])
}

export async function digitsDecideForNewKeys() {
  const { ada, bo, shown } = await impostor()
  const digits = await safetyNumber(await readChain(ada.chain), await verifyChain(shown))
  const before = await safetyNumber(await readChain(ada.chain), await readChain(bo.chain))

  await assertFails(ContactBlocked, () => accept(ada, "bo", { seen: packChain(shown), digits: before }))
  assertEqual((await ada.known(bo)).isClosed, true)
  const contact = await accept(ada, "bo", { seen: packChain(shown), digits: digits.replaceAll(" ", "") })

  assertEqual([contact.fields.isVerified, contact.isClosed], [true, false])
}

export async function digitsDoNotTellTwoListsOfDevicesApart() {
  const { server, ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const [one, other] = [await withSecondDevice(bo), await withSecondDevice(bo)]
  await ada.parts.pins.serverShows(number, one)
  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, other))
  server.user("bo").statements = other
  const digits = (await keysOf(ada, bo)).safetyNumber

  await assertFails(UsageError, () => accept(ada, "bo", { seen: packChain(other), digits }))
  assertEqual((await keysOf(ada, bo)).danger, "forked")
  const contact = await accept(ada, "bo", { seen: packChain(other) })

  assertEqual([contact.state, contact.isClosed, contact.devices.length], ["accepted", false, 2])
}

export async function goodChainIsTakenWhateverWasSeen() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  await ada.parts.pins.block(number)
  assertEqual((await keysOf(ada, bo)).danger, "wrong_key")

  const contact = await accept(ada, "bo", { seen: new Uint8Array() })

  assertEqual([contact.isClosed, contact.state], [false, "accepted"])
  const { envelope } = await talk(ada, bo)
  assert((await bo.inbox.takeAll([envelope]))[0])
}

/** Writes in a session that begins anew. @param {Person} ada @param {Person} bo */
async function talk(ada, bo) {
  const { number, devices } = await ada.known(bo)
  await ada.parts.handshakes.sessionWith(number, devices[0])
  return ada.write(number, "hello")
}

export async function blockedContactsKeysAreNotAccepted() {
  const { ada, bo, shown } = await impostor()
  await ada.blocking.block("bo")

  await assertFails(UsageError, () => accept(ada, "bo", { seen: packChain(shown) }))
  assertEqual((await ada.known(bo)).fields.chain, bo.chain)
}

export async function ownChainIsJudgedAndKeptIfItGoesOnWithThisDevice() {
  const { server, ada } = await friends()
  /** @type {Uint8Array[]} */
  const kept = []
  const check = () => verifying.checkOwnIdentity(ada.parts, async (chain) => void kept.push(chain))
  assertEqual([await check(), kept], ["same", []])
  const longer = await withSecondDevice(ada)

  server.user("ada").statements = longer
  assertEqual([await check(), kept], ["extended", [packChain(longer)]])
  const [first, second] = [await strangers("ada"), longer.slice(1)]
  for (const statements of [first, second]) {
    server.user("ada").statements = statements
    assertEqual(await check(), "changed")
  }
  server.user("ada").statements = longer
  server.user("ada").statements = await recovered(ada)
  // The recovery code put another device in the place of this one.
  assertEqual([await check(), kept.length], ["changed", 1])
}

export async function ownChainThatLacksItsEndIsNotKept() {
  const { server, ada } = await friends()
  const longer = await withSecondDevice(ada)
  ada.parts.account.chain = packChain(longer)
  server.user("ada").statements = longer.slice(0, 1)
  /** @type {Uint8Array[]} */
  const kept = []

  const verdict = await verifying.checkOwnIdentity(ada.parts, async (chain) => void kept.push(chain))

  assertEqual([verdict, kept], ["rolled-back", []])
}

export async function keysOfAnotherNameAreNeverAccepted() {
  const { server, ada, bo } = await impostor()
  const mallory = await Person.make("mallory")
  server.users.set("bo", mallory.server.user("mallory"))
  await mallory.comeOnline()

  await assertFails(ContactBlocked, () => accept(ada, "bo", { seen: mallory.chain }))

  assertEqual((await ada.known(bo)).fields.chain, bo.chain)
}

export async function keysOfWhoIsBlockedMeanwhileAreNotAccepted() {
  const { server, ada, bo, shown } = await impostor()
  server.lies.set("claimBundle", async (answer) => {
    await ada.blocking.block("bo")
    return answer
  })

  await assertFails(UsageError, () => accept(ada, "bo", { seen: packChain(shown) }))

  const { fields } = await ada.known(bo)
  assertEqual([fields.chain, fields.isBlocked], [bo.chain, true])
}

export async function digitsOfAChainThatGoesOnAreThoseOfItsDevices() {
  const { server, ada, bo } = await friends()
  const longer = await withSecondDevice(bo)
  server.user("bo").statements = longer
  const digits = await safetyNumber(await readChain(ada.chain), await verifyChain(longer))

  const contact = await accept(ada, "bo", { seen: bo.chain, digits })

  assertEqual([contact.fields.isVerified, contact.devices.length], [true, 2])
}
