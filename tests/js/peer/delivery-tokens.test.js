import { sha256 } from "../../../static/mesa/crypto/primitives.js"
import { toHex } from "../../../static/mesa/lib/bytes.js"
import { FULL } from "../../../static/mesa/peer/delivery-tokens.js"
import { Refused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Person } from "./people.js"

/** @param {Person} person @param {number} contact */
function give(person, contact) {
  return person.store.transaction((unit) => person.parts.tokens.give(unit, contact))
}

/** @param {Person} person @param {number} contact */
function end(person, contact) {
  return person.store.transaction((unit) => person.parts.tokens.end(unit, contact))
}

/** Numbers of live and of deleted tokens at the server. @param {Person} person */
const counts = ({ server }) => server.tokens.map((each) => each.size)

export async function tokensAreMadeLiveInBatchesBeforeAnybodyGetsOne() {
  const ada = await Person.make("ada")
  await assertFails(Refused, () => give(ada, 7))

  await ada.parts.tokens.provide()
  const token = await give(ada, 7)
  await ada.parts.tokens.provide()

  assertEqual([token.length, counts(ada), ada.server.count("addTokens")], [32, [FULL, 0], 1])
  assertEqual(ada.server.tokens[0].get(toHex(await sha256(token))), "ada")
}

export async function orderOfDigestsTellsNothing() {
  const ada = await Person.make("ada")
  await ada.parts.tokens.provide()

  const digests = ada.server.calls.find(({ what }) => what === "addTokens")?.args[0].map(toHex)

  assertEqual(digests, [...digests].sort())
}

export async function stockIsRefilledWhenItIsLow() {
  const ada = await Person.make("ada")
  await ada.parts.tokens.refill()
  for (let contact = 1; contact <= FULL / 2; contact += 1) await give(ada, contact)
  await ada.parts.tokens.refill()
  assertEqual(counts(ada), [FULL, 0])

  await give(ada, 100)
  await ada.parts.tokens.refill()

  assertEqual(counts(ada), [FULL + FULL / 2 + 1, 0])
}

export async function tokenThatIsTakenBackEndsAtTheServer() {
  const ada = await Person.make("ada")
  await ada.parts.tokens.provide()
  const [first, second] = [await give(ada, 1), await give(ada, 2)]

  await end(ada, 1)
  ada.server.isDown = true
  await assertFails(ServerUnreachable, () => ada.parts.tokens.withdraw())
  await ada.restart()
  ada.server.isDown = false
  await ada.parts.tokens.withdraw()
  await ada.parts.tokens.withdraw()

  const [live, deleted] = ada.server.tokens
  assert(live.has(toHex(await sha256(second))) && deleted.has(toHex(await sha256(first))))
  assertEqual([deleted.size, ada.server.count("deleteTokens")], [1, 2])
}

export async function tokensWhoseAnswerGotLostAreGivenToNobody() {
  const ada = await Person.make("ada")
  ada.server.loseAnswer("addTokens")
  await assertFails(ServerUnreachable, () => ada.parts.tokens.provide())
  await assertFails(Refused, () => give(ada, 1))

  await ada.parts.tokens.provide()

  assertEqual(counts(ada), [FULL, FULL])
}

export async function manyWhoNeedATokenAtOnceMakeOneBatch() {
  const ada = await Person.make("ada")

  await Promise.all([ada.parts.tokens.provide(), ada.parts.tokens.provide(), ada.parts.tokens.refill()])

  assertEqual(ada.server.count("addTokens"), 1)
}

export async function rowsTellNoDigestOfTheServers() {
  const ada = await Person.make("ada")
  await ada.parts.tokens.provide()
  const known = [...ada.server.tokens[0].keys()]

  const rows = await ada.store.view.select("tokens")

  assert(rows.every((row) => !known.includes(toHex(row.digest))))
  assertEqual(rows.length, FULL)
}
