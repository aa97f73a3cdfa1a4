import { packChain, verifyChain } from "../../../static/mesa/crypto/chain.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { Kind, createNextStatement } from "../../../static/mesa/crypto/statements.js"
import { Kind as MessageKind, createMessage } from "../../../static/mesa/crypto/messages.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { ContactBlocked, Refused } from "../../../static/mesa/peer/errors.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { statementsOf, strangers, withSecondDevice } from "./chains.js"
import { DAY, Person, neighbours } from "./people.js"

/** @typedef {import("./fake-server.js").FakeServer} FakeServer */

/** Does something once while the server is asked for somebody's keys. @param {FakeServer} server @param {string} who @param {() => Promise<unknown>} act */
function meanwhile(server, who, act) {
  server.lies.set("claimBundle", async (answer, caller) => {
    if (caller === who) {
      server.lies.delete("claimBundle")
      await act()
    }
    return answer
  })
}

/** ada, who has asked bo. */
async function asked() {
  const { server, people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people
  await ada.contacts.request("bo")
  await bo.mailbox.empty()
  return { server, ada, bo, mallory }
}

/** Changes what one knows of the other. @param {Person} person @param {Person} other @param {Partial<contacts.ContactFields>} fields */
async function change(person, other, fields) {
  const { number } = await person.known(other)
  await person.store.transaction((unit) => contacts.change(unit, number, fields))
}

/** A chain whose statement of today removes a device and names another. @param {Person} person */
async function withoutThisDevice(person) {
  const other = createDevice(1)
  const added = { kind: Kind.ADD_DEVICE, signer: person.keys.deviceId, device: await other.entry() }
  const statements = [...statementsOf(person)]
  const two = await verifyChain(statements)
  statements.push(await createNextStatement(two, added, [person.keys.signing, other.signing], DAY))
  const gone = { kind: Kind.REMOVE_DEVICE, signer: other.deviceId, deviceId: person.keys.deviceId }
  statements.push(await createNextStatement(await verifyChain(statements), gone, [other.signing], DAY))
  return statements
}

export async function yesThatComesWhileAskingAgainIsNotForgotten() {
  const { server, ada, bo } = await asked()
  await bo.contacts.accept("ada")
  meanwhile(server, "ada", () => ada.mailbox.empty())
  const posts = server.count("post", "ada")

  const contact = await ada.contacts.request("bo")

  assertEqual([contact.state, server.count("post", "ada")], ["accepted", posts])
}

export async function requestThatComesWhileAskingIsAnswered() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await bo.contacts.request("ada")
  meanwhile(server, "ada", () => ada.mailbox.empty())

  assertEqual((await ada.contacts.request("bo")).state, "accepted")
  await bo.mailbox.empty()

  assertEqual((await bo.known(ada)).state, "accepted")
}

export async function yesIsNotSaidToWhoWasBlockedMeanwhile() {
  const { server, ada, bo } = await asked()
  await bo.store.transaction(async (unit) => {
    for (const { session } of await unit.select("sessions")) unit.delete("sessions", session)
  })
  meanwhile(server, "bo", () => bo.blocking.block("ada"))

  await assertFails(ContactBlocked, () => bo.contacts.accept("ada"))

  assertEqual([(await bo.known(ada)).state, server.waiting("ada")], ["asking", []])
}

export async function yesSaidTwiceAtOnceIsSaidOnce() {
  const { server, ada, bo } = await asked()

  await Promise.all([bo.contacts.accept("ada"), bo.contacts.accept("ada")])

  assertEqual([server.waiting("ada").length, bo.told], [1, ["contact_asked", "contact_added"]])
  assert((await bo.known(ada)).fields.myToken)
}

export async function oneAskedTwiceAtOnceIsOneContact() {
  const { people } = await neighbours("ada", "bo")
  const [ada] = people

  await Promise.all([ada.contacts.request("bo"), ada.contacts.request("BO")])

  assertEqual((await contacts.all(ada.store.view)).length, 1)
}

export async function oneTokenIsNeverGivenToTwo() {
  const { people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people

  await Promise.all([ada.contacts.request("bo"), ada.contacts.request("mallory")])

  const tokens = [(await ada.known(bo)).fields.myToken, (await ada.known(mallory)).fields.myToken]
  assert(tokens[0] && tokens[1] && tokens[0].join() !== tokens[1].join())
}

export async function chainOfAnotherWithOwnKeysIsNotGenuine() {
  const { ada, bo, mallory } = await asked()
  mallory.parts.account.chain = ada.chain
  const greeting = "I am ada"

  await mallory.contacts.request("bo", { greeting })
  await bo.mailbox.empty()

  assertEqual((await bo.known(ada)).fields.greeting, "")
  await assertFails(Error, () => bo.known(mallory))
}

export async function requestOfADeviceThatWasRemovedIsNotShown() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  server.user("ada").statements = await withoutThisDevice(ada)

  await bo.mailbox.empty()

  assertEqual(bo.told, [])
}

export async function requestOfARemovedDeviceIsNotShownThoughTheServerHidesTheRemoval() {
  const { ada, bo } = await asked()
  const { number } = await bo.known(ada)
  await bo.parts.pins.serverShows(number, await withoutThisDevice(ada))

  await ada.contacts.request("bo", { greeting: "again" })
  await bo.mailbox.empty()

  assertEqual((await bo.known(ada)).fields.greeting, "")
}

export async function requestWithAForkOfThePinnedChainBlocks() {
  const { server, ada, bo } = await asked()
  const [one, other] = [await withSecondDevice(ada), await withSecondDevice(ada)]
  await bo.parts.pins.serverShows((await bo.known(ada)).number, one)
  server.user("ada").statements = other
  ada.parts.account.chain = packChain(other)

  await ada.contacts.request("bo", { greeting: "again" })
  await bo.mailbox.empty()

  const { isClosed, fields } = await bo.known(ada)
  assertEqual([isClosed, fields.greeting, fields.shown], [true, "", packChain(other)])
  assertEqual(bo.told.at(-1), "contact_unsafe")
}

export async function requestWithMoreThanTheServerShowsIsPinnedAsItCame() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  ada.parts.account.chain = packChain(await withSecondDevice(ada))

  await ada.contacts.request("bo")
  await bo.mailbox.empty()

  assertEqual([bo.told, (await bo.known(ada)).devices.length], [["contact_asked"], 2])
}

export async function requestUnderANameThatNoServerGivesIsDropped() {
  const { server, people } = await neighbours("bo")
  const [bo] = people
  const liar = await Person.make("аda", server)

  await liar.contacts.request("bo")
  await bo.mailbox.empty()

  assertEqual([bo.told, server.waiting("bo"), server.count("claimBundle", "bo")], [[], [], 0])
}

export async function somebodyElseOfAKnownNameWhoAsksBlocks() {
  const { server, ada, bo } = await asked()
  const other = await Person.make("ada", server)
  assert(other.chain.join() !== ada.chain.join())

  await other.contacts.request("bo", { greeting: "hello again" })
  await bo.mailbox.empty()

  const { isClosed, fields } = await bo.known(ada)
  assertEqual([isClosed, fields.greeting, fields.shown], [true, "", other.chain])
}

export async function openRequestIsAnsweredOnlyWithTheKeysThatAsked() {
  const { server, ada, bo } = await asked()
  await bo.store.transaction(async (unit) => {
    for (const { session } of await unit.select("sessions")) unit.delete("sessions", session)
  })
  server.user("ada").statements = await strangers("ada")

  await assertFails(ContactBlocked, () => bo.contacts.accept("ada"))

  assertEqual([(await bo.known(ada)).state, server.waiting("ada")], ["asking", []])
}

export async function whoGaveNoTokenCanNotBeAnswered() {
  const { ada, bo } = await asked()
  await change(bo, ada, { theirToken: null })

  await assertFails(ContactBlocked, () => bo.contacts.accept("ada"))

  assertEqual((await bo.known(ada)).state, "asking")
}

export async function stockOfTokensThatOthersEmptiedMeanwhileIsSaid() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada] = people
  meanwhile(server, "ada", () =>
    ada.store.transaction(async (unit) => {
      for (const { digest } of await unit.select("tokens")) unit.delete("tokens", digest)
    }),
  )

  const error = await assertFails(Refused, () => ada.contacts.request("bo"))

  assertEqual([error.code, await contacts.all(ada.store.view)], ["no_token", []])
}

export async function requestOfWhoIsBlockedWhileItIsCheckedChangesNothing() {
  const { server, ada, bo } = await asked()
  const { fields } = await bo.known(ada)
  await ada.contacts.request("bo", { greeting: "again" })
  meanwhile(server, "bo", () => bo.blocking.block("ada"))

  await bo.mailbox.empty()

  const after = (await bo.known(ada)).fields
  assertEqual([after.greeting, after.theirToken, after.isBlocked], [fields.greeting, fields.theirToken, true])
  assertEqual(bo.told, ["contact_asked", "user_blocked"])
}

export async function yesOfAStrangerIsNoRequest() {
  const { server, people } = await neighbours("bo", "mallory")
  const [bo, mallory] = people
  const device = await bo.keys.entry()
  const bundle = await mallory.parts.api.claimBundle("bo", null, null)
  const session = await mallory.parts.handshakes.begin(bundle, device)
  const yes = /** @type {const} */ ({
    kind: MessageKind.CONTACT_ACCEPT,
    chain: mallory.chain,
    token: randomBytes(32),
  })
  const message = createMessage(yes, { nowMs: mallory.clock.unixMs() })
  const [, envelope] = await session.encrypt(message.pack())
  const post = await mallory.store.transaction((unit) =>
    mallory.parts.posts.add(unit, device, envelope, { userName: "bo" }),
  )
  await mallory.parts.posts.handOver(post)
  assertEqual(server.waiting("bo").length, 1)

  await bo.mailbox.empty()

  assertEqual([bo.told, await contacts.all(bo.store.view), server.waiting("bo")], [[], [], []])
}
