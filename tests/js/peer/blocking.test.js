import { Desk } from "../../../static/mesa/peer/desk.js"
import { ContactBlocked, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { UnknownUser, UsageError } from "../../../static/mesa/peer/errors.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { friends, neighbours } from "./people.js"

/** ada, who has asked bo. */
async function asked() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  await bo.mailbox.empty()
  return { server, ada, bo }
}

/** Has the next message begin a session, with a bundle of the server's. @param {import("./people.js").Person} person */
function forgetSessions({ store }) {
  return store.transaction(async (unit) => {
    for (const { session } of await unit.select("sessions")) unit.delete("sessions", session)
  })
}

export async function requestThatIsIgnoredShowsNoMore() {
  const { ada, bo } = await asked()

  await bo.blocking.ignore("Ada")
  await bo.blocking.ignore("ada")
  await ada.contacts.request("bo")
  await bo.mailbox.empty()

  assertEqual(bo.told, ["contact_asked", "user_ignored"])
  assertEqual((await bo.known(ada)).state, "asking")
}

export async function ignoredRequestCanBeAcceptedLater() {
  const { ada, bo } = await asked()
  await bo.blocking.ignore("ada")

  await bo.contacts.accept("ada")
  await ada.mailbox.empty()

  assertEqual([(await ada.known(bo)).state, (await bo.known(ada)).fields.isIgnored], ["accepted", false])
}

export async function onlyRequestsAreIgnored() {
  const { bo } = await friends()

  await assertFails(UnknownUser, () => bo.blocking.ignore("ada"))
  await assertFails(UnknownUser, () => bo.blocking.ignore("mallory"))
}

export async function tokenOfWhoIsBlockedEnds() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)

  const contact = await bo.blocking.block("ada")

  assertEqual([contact.fields.isBlocked, contact.fields.myToken], [true, null])
  assertEqual([bo.delivery, server.tokens[1].size], [[["stop", number]], 1])
  assertEqual(bo.told.at(-1), "user_blocked")
  // Nobody is told: a post of ada's is taken, and reaches nobody.
  const post = await ada.store.transaction(async (unit) => {
    const { devices, fields } = await ada.known(bo)
    const token = /** @type {any} */ (fields.theirToken)
    return ada.parts.posts.add(unit, devices[0], new Uint8Array(100), { token })
  })
  await ada.parts.posts.handOver(post)
  assertEqual(server.waiting("bo"), [])
}

export async function blockHoldsThoughTheServerHearsOfItLater() {
  const { server, ada, bo } = await friends()
  server.isDown = true

  await assertFails(ServerUnreachable, () => bo.blocking.block("ada"))
  assert((await bo.known(ada)).isClosed)
  server.isDown = false
  await bo.blocking.block("ada")

  assertEqual([server.tokens[1].size, bo.told.filter((each) => each === "user_blocked").length], [1, 1])
}

export async function whoIsBlockedIsNeitherHeardNorAsked() {
  const { server, ada, bo } = await asked()
  await bo.blocking.block("ada")
  const questions = server.count("claimBundle", "bo")

  await ada.contacts.request("bo")
  await bo.mailbox.empty()

  assertEqual([bo.told, server.count("claimBundle", "bo")], [["contact_asked", "user_blocked"], questions])
  await assertFails(ContactBlocked, () => bo.contacts.accept("ada"))
  await assertFails(ContactBlocked, () => bo.contacts.request("ada"))
}

export async function contactThatIsLetInAgainGetsANewToken() {
  const { server, ada, bo } = await friends()
  const before = (await ada.known(bo)).fields.theirToken
  const { number } = await bo.known(ada)
  await bo.blocking.block("ada")

  const { fields } = await bo.blocking.unblock("ada")
  await ada.mailbox.empty()
  await bo.mailbox.empty()

  const after = (await ada.known(bo)).fields.theirToken
  assertEqual([after, fields.isBlocked], [fields.myToken, false])
  assert(before && after && before.join() !== after.join())
  assertEqual(bo.delivery, [
    ["stop", number],
    ["watch", fields.theirToken],
    ["goOn", number],
  ])
  assertEqual([server.waiting("ada"), server.waiting("bo")], [[], []])
}

export async function contactStaysBlockedIfItCanNotGetAToken() {
  const { server, ada, bo } = await friends()
  await bo.blocking.block("ada")
  await forgetSessions(bo)
  server.isDown = true

  await assertFails(ServerUnreachable, () => bo.blocking.unblock("ada"))

  assert((await bo.known(ada)).fields.isBlocked)
}

export async function strangerWhoIsLetInAgainMayAskAgain() {
  const { ada, bo } = await asked()
  await bo.blocking.block("ada")
  const posts = ada.server.count("post", "bo")

  await bo.blocking.unblock("ada")
  assertEqual([ada.server.count("post", "bo"), bo.told.at(-1)], [posts, "user_unblocked"])
  await assertFails(UsageError, () => bo.blocking.unblock("ada"))

  const { state, fields } = await bo.known(ada)
  assertEqual([state, fields.isBlocked], ["asking", false])
  await bo.contacts.accept("ada")
  assertEqual((await bo.known(ada)).state, "accepted")
}

export async function whoWasAskedIsAskedAgainAfterAnUnblocking() {
  const { ada, bo } = await asked()
  const { number } = await ada.known(bo)
  const parts = { shared: ada.parts, peer: ada, tell: () => {} }
  const desk = new Desk(/** @type {any} */ (parts))
  const stateOf = async () => /** @type {any} */ (await desk.call("contact", [number])).state
  assertEqual(await stateOf(), "asked")
  await ada.blocking.block("bo")
  // This yes can reach nobody.
  await bo.contacts.accept("ada")

  await ada.blocking.unblock("bo")
  await ada.mailbox.empty()
  assertEqual(await stateOf(), "unasked")

  await desk.call("decide", [number, "ask"])
  assertEqual(await stateOf(), "asked")
  await bo.mailbox.empty()
  await ada.mailbox.empty()
  assertEqual([await stateOf(), ada.told.at(-1)], ["accepted", "contact_added"])
}

export async function contactWithChangedKeysIsLetInWithoutAToken() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  await bo.blocking.block("ada")
  await bo.store.transaction((unit) => contacts.change(unit, number, { isUnsafe: true }))
  const posts = server.count("post")

  const contact = await bo.blocking.unblock("ada")

  assertEqual([contact.state, contact.isClosed, server.count("post")], ["asked", true, posts])
}

export async function blockThatComesWhileAnUnblockingAsksTheServerStays() {
  const { server, bo } = await friends()
  await bo.blocking.block("ada")
  await forgetSessions(bo)
  server.lies.set("claimBundle", async (answer) => {
    await bo.blocking.block("ada")
    return answer
  })

  await assertFails(ContactBlocked, () => bo.blocking.unblock("ada"))
  const { fields } = await bo.known(/** @type {any} */ ({ name: "ada" }))
  assertEqual([fields.isBlocked, fields.myToken, server.waiting("ada")], [true, null, []])

  server.lies.clear()
  await bo.blocking.unblock("ada")
  assertEqual(bo.told.filter((each) => each === "user_unblocked").length, 1)
}

export async function whatWaitsGoesOnThoughTheNewTokenLeavesLater() {
  const { server, bo } = await friends()
  const { number } = await bo.known(/** @type {any} */ ({ name: "ada" }))
  await bo.blocking.block("ada")
  server.refuse("post", new ServerUnreachable(), "bo")

  await bo.blocking.unblock("ada").catch(() => {})

  const { isBlocked } = (await bo.known(/** @type {any} */ ({ name: "ada" }))).fields
  const isToldOf = bo.told.at(-1) === "user_unblocked"
  const goesOn = bo.delivery.some(([what, contact]) => what === "goOn" && contact === number)
  // All of it, or nothing.
  assertEqual([isToldOf, goesOn], [!isBlocked, !isBlocked])
}
