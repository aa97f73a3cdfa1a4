import { u32 } from "../../../static/mesa/crypto/encoding.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { concat } from "../../../static/mesa/lib/bytes.js"
import { LoginRefused, Refused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { MAX_SET_ASIDE } from "../../../static/mesa/peer/mailbox.js"
import { LeadershipLost } from "../../../static/mesa/store/errors.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { DAY, friends, neighbours } from "./people.js"

/** @typedef {import("./people.js").Person} Person */

/** The mailbox of a person's only device. @param {Person} person */
function boxOf(person) {
  const [device] = person.server.user(person.name).devices.values()
  return device.mailbox
}

/** Leaves an envelope as a post of a contact's. @param {Person} from @param {Person} to @param {Uint8Array<ArrayBuffer>} envelope */
async function leave(from, to, envelope) {
  const { devices, fields } = await from.known(to)
  const token = /** @type {any} */ (fields.theirToken)
  const add = from.store.transaction((unit) => from.parts.posts.add(unit, devices[0], envelope, { token }))
  await from.parts.posts.handOver(await add)
}

export async function postIsTakenInOnceThoughTheServerShowsItAgain() {
  const { ada, bo } = await friends()
  const { envelope } = await ada.write((await ada.known(bo)).number, "hello")
  await leave(ada, bo, envelope)
  const posts = [...boxOf(bo)]

  await bo.mailbox.empty()
  boxOf(bo).push(...posts)
  await bo.mailbox.empty()
  // Under another id it is another post with the same envelope.
  boxOf(bo).push({ id: randomBytes(16), envelope: posts[0].envelope })
  await bo.mailbox.empty()

  assertEqual(await bo.shown((await bo.known(ada)).number), ["hello"])
  assertEqual([bo.told.filter((each) => each === "message_received").length, boxOf(bo)], [1, []])
}

export async function crashBetweenCommitAndDeleteTakesNothingInTwice() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  server.refuse("deletePosts", new ServerUnreachable(), "bo")

  await assertFails(ServerUnreachable, () => bo.mailbox.empty())
  await bo.restart()
  await bo.mailbox.empty()

  assertEqual([bo.told, boxOf(bo)], [["contact_asked"], []])
}

export async function crashBeforeThePostIsNotedTakesNoRequestInTwice() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  const [post] = boxOf(bo)
  await bo.mailbox.empty()
  await bo.store.transaction(async (unit) => {
    for (const row of await unit.select("mailboxDone")) unit.delete("mailboxDone", row.post)
  })

  boxOf(bo).push(post)
  await bo.restart()
  await bo.mailbox.empty()

  assertEqual([bo.told, boxOf(bo)], [["contact_asked"], []])
}

export async function foreignPostsAreDroppedAndHarmNothing() {
  const { people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people
  await mallory.contacts.request("ada")
  // Sealed to another device, not sealed at all, and empty.
  boxOf(bo).push(...boxOf(ada), { id: randomBytes(16), envelope: randomBytes(4_145) })
  boxOf(bo).push({ id: randomBytes(16), envelope: new Uint8Array() })
  await ada.contacts.request("bo")

  await bo.mailbox.empty()

  assertEqual([bo.told, boxOf(bo)], [["contact_asked"], []])
}

export async function messageOfAStrangerIsDropped() {
  const { ada, bo } = await friends()
  const { number } = await bo.known(ada)
  const { envelope } = await ada.write((await ada.known(bo)).number, "hello")
  await leave(ada, bo, envelope)
  await bo.store.transaction((unit) => contacts.change(unit, number, { isBlocked: true }))

  await bo.mailbox.empty()

  assertEqual([await bo.shown(number), boxOf(bo)], [[], []])
}

export async function postsThatCanNotBeHandledLeaveTheServerAndAreTriedAgain() {
  const { server, people } = await neighbours("ada", "bo", "mallory")
  const [ada, bo, mallory] = people
  await ada.contacts.request("bo")
  await mallory.contacts.request("bo")
  server.refuse("claimBundle", new ServerUnreachable(), "bo")
  server.refuse("claimBundle", new Refused("throttled", 100), "bo")

  await bo.mailbox.empty()
  assertEqual([bo.told, boxOf(bo), bo.mailbox.retryInS], [[], [], 15])
  bo.clock.ms += 15_000
  server.refuse("claimBundle", new Refused("throttled", 100), "bo")
  await bo.mailbox.empty()
  assertEqual(bo.told, ["contact_asked"])
  bo.clock.ms += 100_000
  await bo.mailbox.empty()

  assertEqual([bo.told, bo.mailbox.retryInS], [["contact_asked", "contact_asked"], null])
  assertEqual(await bo.store.view.count("setAside"), 0)
}

export async function whatIsSetAsideSurvivesARestart() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  server.refuse("claimBundle", new ServerUnreachable(), "bo")
  await bo.mailbox.empty()

  await bo.restart()
  await bo.mailbox.empty()

  assertEqual(bo.told, ["contact_asked"])
}

export async function nothingMoreIsSetAsideThanThereIsPlaceFor() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await bo.store.transaction(async (unit) => {
    for (let at = 0; at < MAX_SET_ASIDE; at += 1) {
      const post = Uint8Array.of(at, 1)
      const noise = concat(u32(DAY), randomBytes(8))
      unit.put("setAside", { post, record: await unit.seal("setAside", post, noise) })
    }
  })
  await ada.contacts.request("bo")
  server.refuse("claimBundle", new ServerUnreachable(), "bo")

  await bo.mailbox.empty()
  assertEqual([boxOf(bo).length, bo.told], [1, []])
  // What was set aside is looked at after the mailbox; then there is place again.
  await bo.mailbox.empty()

  assertEqual([boxOf(bo), bo.told, await bo.store.view.count("setAside")], [[], ["contact_asked"], 0])
}

export async function rowsOfTheMailboxTellNoDayAndNoId() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  const ids = boxOf(bo).map((post) => post.id)
  server.refuse("claimBundle", new ServerUnreachable(), "bo")
  await bo.mailbox.empty()

  const rows = [await bo.store.view.select("mailboxDone"), await bo.store.view.select("setAside")].flat()

  assertEqual(rows.length, 2)
  for (const row of rows) {
    assertEqual(Object.keys(row).sort(), ["post", "record"])
    assert(ids.every((id) => id.join() !== row.post.join()))
  }
}

export async function whatWasTakenInIsForgottenAfterThreeWeeks() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  await bo.mailbox.empty()
  bo.clock.ms += 21 * 86_400_000
  await bo.mailbox.empty()
  assertEqual(await bo.store.view.count("mailboxDone"), 1)

  bo.clock.ms += 86_400_000
  await bo.mailbox.empty()

  assertEqual(await bo.store.view.count("mailboxDone"), 0)
}

export async function endOfTheLoginEndsTheRound() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  server.refuse("claimBundle", new LoginRefused(), "bo")

  await assertFails(LoginRefused, () => bo.mailbox.empty())

  assertEqual(boxOf(bo).length, 1)
}

export async function requestInAnAcceptedSessionIsAnsweredByItself() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const asked = bo.told.length

  const { post } = await ada.contacts.handToken(number)
  await ada.parts.posts.handOver(post)
  await bo.mailbox.empty()
  await ada.mailbox.empty()

  assertEqual([(await bo.known(ada)).fields.owesYes, bo.told.length, boxOf(ada)], [false, asked, []])
  assertEqual((await bo.known(ada)).fields.theirToken, (await ada.known(bo)).fields.myToken)
}

export async function requestIsLeftAtTheServerUntilItIsStored() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await ada.contacts.request("bo")
  const old = bo.mailbox
  await bo.restart()

  await assertFails(LeadershipLost, () => old.empty())
  assertEqual(boxOf(bo).length, 1)
  await bo.mailbox.empty()

  assertEqual([bo.told, boxOf(bo)], [["contact_asked"], []])
}
