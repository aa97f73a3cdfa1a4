import { Envelope } from "../../../static/mesa/crypto/envelopes.js"
import { Malformed, NotOpened, Replayed } from "../../../static/mesa/crypto/errors.js"
import { HEADER_BYTES, respond } from "../../../static/mesa/crypto/handshake.js"
import { Suite } from "../../../static/mesa/crypto/identity.js"
import {
  RENEW_AFTER_MESSAGES,
  RENEW_AFTER_MS,
  Session,
  WORN_AFTER_MESSAGES,
  WORN_AFTER_MS,
  chooseSession,
} from "../../../static/mesa/crypto/sessions.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { drawing, outcomeOf, putAll } from "./cases.js"
import { NOW_MS, Person, firstEnvelope } from "./devices.js"

/** @typedef {Record<string, Session>} Sides */

const TEXT = new TextEncoder().encode("text")
const DAY_MS = 86_400_000

export async function sessionsGoOnAsVectorsSay() {
  const plays = { encrypt, decrypt, confirm }
  await putAll("handshake", "session", async ({ ada_session, bo_session, steps }) => {
    const sides = { ada: Session.unpack(fromHex(ada_session)), bo: Session.unpack(fromHex(bo_session)) }
    for (const [number, step] of steps.entries()) {
      const play = plays[/** @type {keyof typeof plays} */ (step.do)]
      assertEqual(await outcomeOf(() => play(sides, step)), step.expect, `step ${number}`)
    }
  })
}

/** @param {Sides} sides @param {Record<string, any>} step */
async function encrypt(sides, { by, plaintext, draws, envelope }) {
  const [next, made] = await sides[by].encrypt(fromHex(plaintext), drawing(draws))
  sides[by] = next
  assertEqual(toHex(made), envelope)
}

/** @param {Sides} sides @param {Record<string, any>} step */
async function decrypt(sides, { by, plaintext, draws, envelope }) {
  const [next, opened] = await sides[by].decrypt(Envelope.unpack(fromHex(envelope)), drawing(draws))
  sides[by] = next
  assertEqual(toHex(opened), plaintext)
}

/** @param {Sides} sides @param {Record<string, any>} step */
function confirm(sides, { by }) {
  sides[by] = sides[by].confirmed()
}

export async function statesAreReadAndWrittenAsVectorsSay() {
  await putAll("handshake", "state", ({ raw }) =>
    assertEqual(toHex(Session.unpack(fromHex(raw)).pack()), raw),
  )
}

/** @param {Session} session @param {Partial<Session>} change */
const changed = (session, change) => new Session({ ...session, ...change })

/** Both ends of a session that was answered. @param {Person} by @param {Person} to */
async function answered(by, to, nowMs = NOW_MS) {
  const [begun, envelope] = await firstEnvelope(by, to, { nowMs })
  const accepted = (await to.accept(envelope)).session
  const [theirs, answer] = await accepted.encrypt(TEXT)
  const [mine] = await begun.decrypt(Envelope.unpack(answer))
  return [mine, changed(theirs, { startedMs: nowMs })]
}

export async function theHeaderIsDroppedOnceThePeerHasAnswered() {
  const [ada, bo] = [new Person(), new Person()]
  const [begun, first] = await firstEnvelope(ada, bo)
  const [again, repeated] = await begun.encrypt(TEXT)
  const [, answer] = await (await bo.accept(first)).session.encrypt(TEXT)
  const [known] = await again.decrypt(Envelope.unpack(answer))
  const [, later] = await known.encrypt(TEXT)
  const [, receipted] = await again.confirmed().encrypt(TEXT)

  assertEqual([first[0], repeated[0], later[0], receipted[0]], [1, 1, 2, 2])
  assertEqual(repeated.length - later.length, HEADER_BYTES)
  assertEqual([again.isEstablished, known.isEstablished], [false, true])
}

export async function aRefusedEnvelopeChangesNothing() {
  const [ada, bo] = [new Person(), new Person()]
  const [begun, first] = await firstEnvelope(ada, bo)
  const { session } = await bo.accept(first)
  const [, other] = await firstEnvelope(ada, bo)
  const [, repeated] = await begun.encrypt(TEXT)
  const swapped = new Envelope(Envelope.unpack(other).header, Envelope.unpack(repeated).message)
  const before = toHex(session.pack())

  await assertFails(Replayed, () => session.decrypt(Envelope.unpack(first)))
  await assertFails(NotOpened, () => session.decrypt(swapped))
  await assertFails(NotOpened, () => begun.decrypt(Envelope.unpack(repeated)))
  await assertFails(Malformed, () => Envelope.unpack(repeated.slice(0, HEADER_BYTES + 80)))

  assertEqual(toHex(session.pack()), before)
  assertEqual((await session.decrypt(Envelope.unpack(repeated)))[1], TEXT)
}

export async function sessionsAreDueAndWornAfterMessagesOrTime() {
  const [session] = await firstEnvelope(new Person(Suite.CLASSICAL), new Person())
  const due = changed(session, { messages: RENEW_AFTER_MESSAGES })
  const worn = changed(session, { messages: WORN_AFTER_MESSAGES })

  assertEqual([RENEW_AFTER_MESSAGES, RENEW_AFTER_MS], [500, 7 * DAY_MS])
  assertEqual([WORN_AFTER_MESSAGES, WORN_AFTER_MS], [5_000, 28 * DAY_MS])
  assert(!session.needsRenewal(NOW_MS + RENEW_AFTER_MS - 1) && session.needsRenewal(NOW_MS + RENEW_AFTER_MS))
  assert(due.needsRenewal(NOW_MS) && !changed(due, { messages: 499 }).needsRenewal(NOW_MS))
  assert(!session.isWornOut(NOW_MS + WORN_AFTER_MS - 1) && session.isWornOut(NOW_MS + WORN_AFTER_MS))
  assert(worn.isWornOut(NOW_MS) && !changed(worn, { messages: 4_999 }).isWornOut(NOW_MS))
}

export async function bothSidesChooseTheSameSession() {
  const [ada, bo] = [new Person(), new Person()]
  const keys = await Promise.all([ada, bo].map(({ device }) => device.signing.public()))
  const sessions = [
    await answered(ada, bo),
    await answered(ada, bo, NOW_MS + 5),
    (await answered(bo, ada, NOW_MS + 2)).reverse(),
    (await answered(bo, ada, NOW_MS + 7)).reverse(),
  ]
  const isAdaLower = toHex(keys[0].raw) < toHex(keys[1].raw)

  const chosen = [0, 1].map((side) =>
    chooseSession(
      keys[side],
      sessions.map((ends) => ends[side]),
      NOW_MS + 10,
    ),
  )

  assertEqual(chosen[0]?.sessionId, chosen[1]?.sessionId)
  assertEqual(chosen[0]?.sessionId, sessions[isAdaLower ? 1 : 3][0].sessionId)
}

export async function answeredGoesBeforeFreshAndFreshBeforeDue() {
  const [ada, bo] = [new Person(), new Person()]
  const own = await ada.device.signing.public()
  const [known] = await answered(ada, bo)
  const [due] = [changed(known, { messages: RENEW_AFTER_MESSAGES, startedMs: NOW_MS + 1 })]
  const [fresh] = await firstEnvelope(ada, bo, { nowMs: NOW_MS + 2 })

  assert(chooseSession(own, [], NOW_MS) === undefined)
  assert(chooseSession(own, [fresh, known], NOW_MS) === known)
  assert(chooseSession(own, [due, known], NOW_MS) === known)
  assert(chooseSession(own, [fresh, due], NOW_MS) === due)
  assert(chooseSession(own, [fresh], NOW_MS) === fresh)
}

export async function ofTwoThatBeganTogetherTheHigherIdGoesFirst() {
  const [ada, bo] = [new Person(), new Person()]
  const own = await ada.device.signing.public()
  const sessions = [(await answered(ada, bo))[0], (await answered(ada, bo))[0]]
  const higher = sessions.toSorted((one, other) =>
    toHex(one.sessionId) < toHex(other.sessionId) ? 1 : -1,
  )[0]

  for (const both of [sessions, sessions.toReversed()]) assert(chooseSession(own, both, NOW_MS) === higher)
}

export async function aResponderThatWaitsIsNoCandidate() {
  const [ada, bo] = [new Person(), new Person()]
  const { header, sessionId } = Envelope.unpack((await firstEnvelope(ada, bo))[1])
  assert(header)
  const [session] = await answered(bo, ada)
  const waiting = changed(session, { ratchet: await respond(bo.device, header, sessionId, bo.find) })

  assert(chooseSession(await bo.device.signing.public(), [waiting], NOW_MS) === undefined)
}
