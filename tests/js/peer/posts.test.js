import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { openPost } from "../../../static/mesa/crypto/sealing.js"
import { toBase64url } from "../../../static/mesa/lib/base64.js"
import { Refused, ServerUnreachable, UnknownUser } from "../../../static/mesa/peer/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { neighbours } from "./people.js"

/** @typedef {import("./people.js").Person} Person */

/** Keeps a post for somebody's device. @param {Person} from @param {Person} to @param {Uint8Array<ArrayBuffer>} [envelope] */
async function add(from, to, envelope = randomBytes(100)) {
  const device = await to.keys.entry()
  return from.store.transaction((unit) => from.parts.posts.add(unit, device, envelope, { userName: to.name }))
}

/** How many posts are kept. @param {Person} person */
const kept = (person) => person.store.view.count("posts")

export async function postIsSealedBeforeItIsKeptAndLeftOnce() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  const envelope = randomBytes(100)
  const post = await add(ada, bo, envelope)

  await Promise.all([ada.parts.posts.handOver(post), ada.parts.posts.deliver()])

  const [left, ...more] = server.waiting("bo")
  assertEqual([await openPost(bo.keys, left.envelope), more, await kept(ada)], [envelope, [], 0])
}

export async function postThatNobodyTakesWaitsForTheNextTime() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  const post = await add(ada, bo)
  server.isDown = true

  await assertFails(ServerUnreachable, () => ada.parts.posts.handOver(post))
  await ada.restart()
  server.isDown = false
  await ada.parts.posts.deliver()

  assertEqual([server.waiting("bo").length, await kept(ada)], [1, 0])
}

export async function postThatIsRefusedForNowHasAPause() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await add(ada, bo)
  server.refuse("post", new Refused("mailbox_full", 60))

  await ada.parts.posts.deliver()
  assertEqual([ada.parts.posts.retryInS, await kept(ada)], [60, 1])
  await ada.parts.posts.deliver()
  assertEqual(server.count("post"), 1)
  ada.clock.ms += 60_000
  await ada.parts.posts.deliver()

  assertEqual([server.waiting("bo").length, ada.parts.posts.retryInS, await kept(ada)], [1, null, 0])
}

export async function pausesGrowWithEachRefusal() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await add(ada, bo)

  for (const seconds of [15, 30, 60, 120]) {
    server.refuse("post", new Refused("throttled"))
    await ada.parts.posts.deliver()
    assertEqual(ada.parts.posts.retryInS, seconds)
    ada.clock.ms += seconds * 1_000
  }
}

export async function postThatTheServerWillNeverTakeIsGivenUpAndStopsNoOther() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  for (let count = 0; count < 3; count += 1) await add(ada, bo)
  server.refuse("post", new UnknownUser())
  server.refuse("post", new Refused("invalid"))

  await ada.parts.posts.deliver()

  assertEqual([server.waiting("bo").length, await kept(ada)], [1, 0])
}

export async function rowsOfPostsTellNeitherNameNorDevice() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await add(ada, bo)

  const [row] = await ada.store.view.select("posts")

  assertEqual(Object.keys(row).sort(), ["post", "record"])
  const shown = new TextDecoder("latin1").decode(row.record)
  // Words long enough that random bytes do not spell them.
  for (const word of ["userName", toBase64url(bo.keys.deviceId).slice(0, 8)])
    assert(!shown.includes(word), word)
}
