import { RENEW_AFTER_MS, WORN_AFTER_MS } from "../../../static/mesa/crypto/sessions.js"
import { Kind } from "../../../static/mesa/crypto/messages.js"
import { ContactBlocked, Refused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { keepBegun } from "../../../static/mesa/peer/handshakes.js"
import { sealed } from "../../../static/mesa/peer/sealer.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import * as history from "../../../static/mesa/store/history.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Person, friends, neighbours } from "./people.js"

/** The session that a person would send on. @param {Person} person @param {Person} to */
async function atHand(person, to) {
  const contact = await person.known(to)
  return person.parts.handshakes.atHand(person.store.view, contact, contact.devices[0])
}

/** Sees to a session. @param {Person} person @param {Person} to @param {{isLastingOnly?: boolean, fromMs?: number}} [how] */
async function see(person, to, how) {
  const { number, devices } = await person.known(to)
  await person.parts.handshakes.sessionWith(number, devices[0], how)
}

export async function sessionThatIsThereNeedsNoQuestion() {
  const { server, ada, bo } = await friends()
  const asked = server.count("claimBundle")

  assert(await atHand(ada, bo))
  await see(ada, bo)

  assertEqual(server.count("claimBundle"), asked)
}

export async function sessionBeginsWhereThereIsNone() {
  const { server, ada, bo } = await friends()
  const stock = (await bo.parts.api.prekeyStock()).oneTimeKem
  bo.clock.ms = ada.clock.ms += 1
  const { sessionId } = /** @type {any} */ (await atHand(ada, bo))

  await see(ada, bo, { fromMs: ada.clock.ms })

  assertEqual((await bo.parts.api.prekeyStock()).oneTimeKem, stock - 1)
  assertEqual(server.calls.at(-2)?.args[1], (await ada.known(bo)).fields.theirToken)
  const { number } = await ada.known(bo)
  await ada.store.transaction((unit) => contacts.change(unit, number, { sessionsFromMs: ada.clock.ms }))
  assert(/** @type {any} */ (await atHand(ada, bo)).sessionId.join() !== sessionId.join())
}

export async function lastingSessionUsesNoOneTimePrekeys() {
  const { server, ada, bo } = await friends()
  const stock = await bo.parts.api.prekeyStock()
  ada.clock.ms += 1

  await see(ada, bo, { isLastingOnly: true, fromMs: ada.clock.ms })

  assertEqual(await bo.parts.api.prekeyStock(), stock)
  assertEqual(server.calls.findLast(({ what }) => what === "claimBundle")?.args[1], null)
}

export async function sessionIsRenewedWhenItIsDue() {
  const { server, ada, bo } = await friends()
  const before = await atHand(ada, bo)
  ada.clock.ms += RENEW_AFTER_MS
  assertEqual(await atHand(ada, bo), undefined)

  await see(ada, bo)

  const after = await atHand(ada, bo)
  assert(before && after && after.startedMs > before.startedMs)
  // However long the answer takes: one handshake, not one for each message.
  const asked = server.count("claimBundle")
  await see(ada, bo)
  assertEqual(server.count("claimBundle"), asked)
}

export async function wornOutSessionStandsInNobodysWay() {
  const { ada, bo } = await friends()
  ada.clock.ms += WORN_AFTER_MS
  bo.clock.ms = ada.clock.ms
  await bo.comeOnline()

  await see(ada, bo)

  assertEqual((await atHand(ada, bo))?.startedMs, ada.clock.ms)
}

export async function sessionThatCanNotBeRenewedServesOn() {
  const { server, ada, bo } = await friends()
  ada.clock.ms += RENEW_AFTER_MS
  server.refuse("claimBundle", new ServerUnreachable())

  await see(ada, bo)
  const asked = server.count("claimBundle")
  await see(ada, bo)
  assertEqual(server.count("claimBundle"), asked)
  assert(await atHand(ada, bo))

  ada.clock.ms += 600_000
  assertEqual(await atHand(ada, bo), undefined)
}

export async function wornOutSessionServesNoMore() {
  const { server, ada, bo } = await friends()
  ada.clock.ms += WORN_AFTER_MS
  server.isDown = true

  await assertFails(ServerUnreachable, () => see(ada, bo))
  assertEqual(await atHand(ada, bo), undefined)
}

/** Writes a text, and seals it as the way out does. @param {Person} person @param {Person} to @param {string} text */
async function writeAndSeal(person, to, text) {
  const { number: contact, devices } = await person.known(to)
  const content = /** @type {const} */ ({ kind: Kind.TEXT, text })
  const stored = await person.store.transaction((unit) =>
    history.write(unit, contact, content, person.clock.ms),
  )
  const seal = () => sealed(person.parts, contact, stored.number, devices[0])
  return { ...(await seal()), seal }
}

export async function messagesGoOutAfterAMonthOfSilence() {
  const { server, ada, bo } = await friends()
  bo.clock.ms = ada.clock.ms += WORN_AFTER_MS
  await bo.comeOnline()
  const asked = server.count("claimBundle")

  const forms = [await writeAndSeal(ada, bo, "hello"), await writeAndSeal(ada, bo, "again")]
  await bo.inbox.takeAll(forms.map((form) => form.envelope))

  assertEqual(await bo.shown((await bo.known(ada)).number), ["hello", "again"])
  assertEqual(server.count("claimBundle"), asked + 1)
}

export async function formWithoutAReceiptForThreeDaysIsSealedInANewSession() {
  const { server, ada, bo } = await friends()
  const before = await writeAndSeal(ada, bo, "hello")
  const asked = server.count("claimBundle")
  bo.clock.ms = ada.clock.ms += 3 * 86_400_000

  const after = await before.seal()

  assert(after.envelope.join() !== before.envelope.join())
  assertEqual(server.count("claimBundle"), asked + 1)
  assertEqual(server.calls.findLast(({ what }) => what === "claimBundle")?.args[1], null)
  await bo.inbox.takeAll([after.envelope, before.envelope])
  assertEqual(await bo.shown((await bo.known(ada)).number), ["hello"])
}

export async function oneOfManyWhoNeedASessionBeginsIt() {
  const { server, ada, bo } = await friends()
  const { number } = await ada.known(bo)
  ada.clock.ms += 1
  const fromMs = ada.clock.ms
  await ada.store.transaction((unit) => contacts.change(unit, number, { sessionsFromMs: fromMs }))
  const asked = server.count("claimBundle")

  await Promise.all([see(ada, bo), see(ada, bo), see(ada, bo)])

  assertEqual(server.count("claimBundle"), asked + 1)
}

export async function prekeysOfALiarAreRefusedAndToldOnce() {
  const { server, people } = await neighbours("ada", "bo", "mallory")
  const [ada] = people
  const [[, mallorys]] = [...server.user("mallory").devices]
  server.lies.set("claimBundle", (answer) => ({
    ...answer,
    devices: answer.devices.map((/** @type {any} */ each) => ({ ...each, lastResort: mallorys.lastResort })),
  }))

  const error = await assertFails(Refused, () => ada.contacts.request("bo"))
  await assertFails(Refused, () => ada.contacts.request("bo"))

  assertEqual(error.code, "bad_prekeys")
  assertEqual(ada.events, [{ event: "false_claim", what: "prekeys", to: "bo", number: null }])
  assertEqual(server.count("post"), 0)
}

export async function prekeysThatAreTooOldAreNobodysLie() {
  const { people } = await neighbours("ada", "bo")
  const [ada] = people
  ada.clock.ms += 100 * 86_400_000

  await assertFails(Refused, () => ada.contacts.request("bo"))

  assertEqual(ada.events, [])
}

export async function deviceWithoutPrekeysIsRefused() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada] = people
  for (const device of server.user("bo").devices.values()) device.signed = null

  const error = await assertFails(Refused, () => ada.contacts.request("bo"))

  assertEqual(error.code, "no_prekeys")
}

export async function sessionWithADeviceThatWentMeanwhileIsNotKept() {
  const { ada, bo } = await friends()
  const contact = await ada.known(bo)
  const session = await ada.parts.handshakes.beginWith(contact, contact.devices[0])
  const mallory = await Person.make("mallory")
  await ada.store.transaction((unit) => contacts.change(unit, contact.number, { chain: mallory.chain }))

  const error = await assertFails(Refused, () =>
    ada.store.transaction((unit) => keepBegun(unit, contact.number, session)),
  )

  assertEqual(error.code, "no_device")
}

export async function nothingBeginsWithOtherKeysThanThePinned() {
  const { server, ada, bo } = await friends()
  const mallory = await Person.make("bo")
  server.user("bo").statements = mallory.server.user("bo").statements
  ada.clock.ms += 1

  await assertFails(ContactBlocked, () => see(ada, bo, { fromMs: ada.clock.ms }))

  assertEqual(ada.told.at(-1), "contact_unsafe")
  assert((await ada.known(bo)).isClosed)
}

export async function deviceOfSuite2IsRefusedIfTheUserWants() {
  const { ada, bo } = await friends()
  const { number, devices } = await ada.known(bo)
  const weak = devices[0].withSuite(2)
  await ada.store.transaction(async (unit) => sessions.refuseSuite2(unit, true))

  const error = await assertFails(Refused, () => ada.parts.handshakes.sessionWith(number, weak))

  assertEqual(error.code, "weak_device")
  assertEqual(await ada.parts.handshakes.atHand(ada.store.view, await ada.known(bo), weak), undefined)
}
