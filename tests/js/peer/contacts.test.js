import { packChain } from "../../../static/mesa/crypto/chain.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { ContactBlocked, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { UnknownUser, UsageError } from "../../../static/mesa/peer/errors.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Person, befriend, friends, neighbours } from "./people.js"

/** @param {Person} person @param {Person} other */
const stateOf = async (person, other) => (await person.known(other)).state

/** Insists that two people are contacts who reach each other. @param {Person} ada @param {Person} bo */
async function assertFriends(ada, bo) {
  assertEqual([await stateOf(ada, bo), await stateOf(bo, ada)], ["accepted", "accepted"])
  const [ours, theirs] = [(await ada.known(bo)).fields, (await bo.known(ada)).fields]
  assert(ours.theirToken && ours.myToken)
  assertEqual([ours.theirToken, ours.myToken], [theirs.myToken, theirs.theirToken])
}

export async function twoPeopleBecomeContactsByARequestAndAYes() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people

  assertEqual((await ada.contacts.request("Bo", { greeting: "hello bo" })).state, "asked")
  await bo.mailbox.empty()
  assertEqual([await stateOf(bo, ada), (await bo.known(ada)).fields.greeting], ["asking", "hello bo"])
  assertEqual((await ada.known(bo)).fields.ownGreeting, "hello bo")
  await bo.contacts.accept("ada")
  await ada.mailbox.empty()

  await assertFriends(ada, bo)
  assertEqual([ada.told, bo.told], [["contact_added"], ["contact_asked", "contact_added"]])
  assertEqual([server.waiting("ada"), server.waiting("bo")], [[], []])
}

export async function twoWhoAskEachOtherAtOnceAreContacts() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people

  await Promise.all([ada.contacts.request("bo"), bo.contacts.request("ada")])
  await Promise.all([ada.mailbox.empty(), bo.mailbox.empty()])

  await assertFriends(ada, bo)
  assertEqual([ada.told, bo.told], [["contact_added"], ["contact_added"]])
}

export async function whoAsksSomebodyWhoAskedSaysYes() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  await bo.mailbox.empty()

  assertEqual((await bo.contacts.request("ada")).state, "accepted")
  await ada.mailbox.empty()

  await assertFriends(ada, bo)
}

export async function yesThatGotLostIsSaidAgainWhenAskedAgain() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  await bo.mailbox.empty()
  await bo.contacts.accept("ada")
  for (const device of server.user("ada").devices.values()) device.mailbox = []

  await ada.contacts.request("bo")
  await bo.mailbox.empty()
  await ada.mailbox.empty()

  await assertFriends(ada, bo)
  const { number, fields } = await bo.known(ada)
  assertEqual([fields.owesYes, bo.answered], [false, [number]])
}

export async function yesThatIsOwedIsTriedAgainAndAgain() {
  const { server, ada, bo } = await friends()
  await ada.store.transaction(async (unit) =>
    contacts.change(unit, (await ada.known(bo)).number, { state: "asked" }),
  )
  await ada.contacts.request("bo")
  // A session is at hand: what fails is leaving the post, which is kept.
  server.refuse("post", new ServerUnreachable(), "bo")

  await bo.mailbox.empty()
  assertEqual(await stateOf(ada, bo), "asked")
  await bo.parts.posts.deliver()
  await ada.mailbox.empty()

  await assertFriends(ada, bo)
}

export async function requestWhoseAnswerIsLostLeavesAPostThatGoesLater() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  server.refuse("post")

  await assertFails(ServerUnreachable, () => ada.contacts.request("bo"))
  assertEqual(server.waiting("bo").length, 0)
  await ada.restart()
  await ada.parts.posts.deliver()
  await bo.mailbox.empty()

  assertEqual([await stateOf(ada, bo), await stateOf(bo, ada)], ["asked", "asking"])
}

export async function postThatTheServerTookAlreadyIsHarmlessTwice() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  server.loseAnswer("post")

  await assertFails(ServerUnreachable, () => ada.contacts.request("bo"))
  await ada.parts.posts.deliver()
  assertEqual(server.waiting("bo").length, 2)
  await bo.mailbox.empty()

  assertEqual([bo.told, server.waiting("bo")], [["contact_asked"], []])
}

export async function nobodyAsksThemselvesOrNobody() {
  const { people } = await neighbours("ada")
  const [ada] = people

  await assertFails(UsageError, () => ada.contacts.request("ADA"))
  await assertFails(UsageError, () => ada.contacts.request("bo", { greeting: "a".repeat(501) }))
  await assertFails(UnknownUser, () => ada.contacts.request("bo"))
  await assertFails(UnknownUser, () => ada.contacts.accept("bo"))
}

export async function invitationFindsAHiddenUserAndNobodyElse() {
  const { server, people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people
  server.user("bo").isHidden = true
  const { fingerprint } = (await ada.store.transaction(async (unit) => contacts.add(unit, about(bo))))
    .identity
  await ada.store.transaction(async (unit) => unit.delete("contacts", (await ada.known(bo)).number))

  await assertFails(UnknownUser, () => ada.contacts.request("bo"))
  await assertFails(UnknownUser, () => ada.contacts.request("bo", { fingerprint: randomBytes(32) }))
  await assertFails(ContactBlocked, () => ada.contacts.request("mallory", { fingerprint }))
  assertEqual((await ada.contacts.request("bo", { fingerprint })).state, "asked")
  assert(mallory)
}

export async function invitationFromSomebodyElseOfThatNameIsRefused() {
  const { ada, bo } = await friends()
  const { fingerprint } = (await ada.known(bo)).identity
  const calls = ada.server.calls.length

  await assertFails(ContactBlocked, () => ada.contacts.request("bo", { fingerprint: randomBytes(32) }))
  assertEqual(ada.server.calls.length, calls)
  assertEqual((await ada.contacts.request("bo", { fingerprint })).state, "accepted")
}

/** @param {Person} person */
function about(person) {
  return { userName: person.name, chain: person.chain }
}

export async function requestInAnothersNameIsDropped() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  const liar = await Person.make("ada")
  liar.server = server
  await liar.restart()

  await liar.contacts.request("bo")
  await bo.mailbox.empty()

  await assertFails(Error, () => bo.known(ada))
  assertEqual([bo.told, server.waiting("bo")], [[], []])
}

export async function requestThatCanNotBeCheckedIsSetAside() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  server.refuse("claimBundle", new ServerUnreachable(), "bo")

  await bo.mailbox.empty()
  assertEqual([bo.told, server.waiting("bo").length], [[], 0])
  bo.clock.ms += 60_000
  await bo.mailbox.empty()

  assertEqual(bo.told, ["contact_asked"])
}

export async function chainOfAnotherNameIsNotPinned() {
  const { server, people } = await neighbours("ada", "bo", "mallory")
  const [ada, , mallory] = people
  server.lies.set("claimBundle", (answer) => ({ ...answer, statements: server.user("mallory").statements }))

  await assertFails(ContactBlocked, () => ada.contacts.request("bo"))
  server.lies.set("claimBundle", (answer) => ({ ...answer, statements: [randomBytes(40)] }))
  await assertFails(ContactBlocked, () => ada.contacts.request("bo"))

  assertEqual([server.count("post"), await contacts.all(ada.store.view)], [0, []])
  assertEqual(packChain(server.user("mallory").statements), mallory.chain)
}

export async function contactsGetTokensOfTheirOwn() {
  const { people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people

  await befriend(ada, bo)
  await befriend(ada, mallory)

  const tokens = [(await ada.known(bo)).fields.myToken, (await ada.known(mallory)).fields.myToken]
  assert(tokens[0] && tokens[1] && tokens[0].join() !== tokens[1].join())
}

export async function messagesGoBothWaysOnceUsersAreContacts() {
  const { ada, bo } = await friends()
  const [boToAda, adaToBo] = [(await ada.known(bo)).number, (await bo.known(ada)).number]

  const { envelope } = await ada.write(boToAda, "hello")
  assert((await bo.inbox.takeAll([envelope]))[0])
  const answer = await bo.write(adaToBo, "hello ada")
  assert((await ada.inbox.takeAll([answer.envelope]))[0])

  assertEqual(await ada.shown(boToAda), ["hello", "hello ada"])
  assertEqual(await bo.shown(adaToBo), ["hello", "hello ada"])
}
