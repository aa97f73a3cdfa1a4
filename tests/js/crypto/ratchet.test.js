import { derive, randomBytes, unseal } from "../../../static/mesa/crypto/primitives.js"
import { X25519Private, X25519Public } from "../../../static/mesa/crypto/keys.js"
import { NotOpened, NotReady, Replayed, TooFarAhead } from "../../../static/mesa/crypto/errors.js"
import { MAX_COUNT, MAX_SKIP, Ratchet } from "../../../static/mesa/crypto/ratchet.js"
import { MAX_KEPT_KEYS } from "../../../static/mesa/crypto/ratchet-state.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { drawing, outcomeOf, putAll } from "./cases.js"
import { flipped } from "./traffic.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const TEXT = new TextEncoder().encode("text")

export async function conversationsGoAsVectorsSay() {
  await putAll("ratchet", "conversation", async (each) => {
    const [sessionId, bound, secret, prekey] = [each.session_id, each.transcript, each.secret, each.prekey]
    const signed = new X25519Private(fromHex(prekey))
    const start = /** @type {const} */ ([fromHex(sessionId), fromHex(bound), fromHex(secret)])
    /** @type {Record<string, Ratchet>} */
    const sides = {
      initiator: await Ratchet.begin(...start, await signed.public(), drawing(each.initiator_draws)),
      responder: Ratchet.accept(...start, signed),
    }
    for (const [number, step] of each.steps.entries()) {
      const before = toHex(sides[step.by].pack())
      const outcome = await outcomeOf(() => (step.do === "encrypt" ? encrypt : decrypt)(sides, step))
      assertEqual(outcome, step.expect, `step ${number}`)
      assertEqual(toHex(sides[step.by].pack()) !== before, step.expect === "ok", `state of step ${number}`)
    }
  })
}

/** @param {Record<string, Ratchet>} sides @param {Record<string, any>} step */
async function encrypt(sides, { by, plaintext, draws = [], message }) {
  const [next, made] = await sides[by].encrypt(fromHex(plaintext), drawing(draws))
  sides[by] = next
  assertEqual(toHex(made), message)
}

/** @param {Record<string, Ratchet>} sides @param {Record<string, any>} step */
async function decrypt(sides, { by, plaintext, draws, message }) {
  const [next, opened] = await sides[by].decrypt(fromHex(message), drawing(draws))
  sides[by] = next
  assertEqual(toHex(opened), plaintext)
}

export async function singleStepsGoAsVectorsSay() {
  await putAll("ratchet", "root", async ({ root, own, peer, next, chain }) => {
    const shared = await new X25519Private(fromHex(own)).exchange(new X25519Public(fromHex(peer)))
    const more = { size: 64, chained: fromHex(root) }
    assertEqual(toHex(await derive(shared, "ratchet-root", undefined, more)), next + chain)
  })
  await putAll("ratchet", "chain", async ({ chain, next, key, plaintext, sealed }) => {
    const more = { size: 64, chained: fromHex(chain) }
    assertEqual(toHex(await derive(fromHex("01"), "ratchet-chain", undefined, more)), next + key)
    assertEqual(toHex(await unseal(fromHex(key), fromHex(sealed), new Uint8Array())), plaintext)
  })
}

export async function statesAreReadAndWrittenAsVectorsSay() {
  await putAll("ratchet", "state", ({ raw }) => assertEqual(toHex(Ratchet.unpack(fromHex(raw)).pack()), raw))
}

/** Initiator and responder of one session. @returns {Promise<[Ratchet, Ratchet]>} */
async function pair() {
  const start = /** @type {const} */ ([randomBytes(16), randomBytes(32), randomBytes(32)])
  const prekey = X25519Private.generate()
  return [await Ratchet.begin(...start, await prekey.public()), Ratchet.accept(...start, prekey)]
}

/** @param {Ratchet} state @param {number} count @returns {Promise<[Ratchet, Bytes[]]>} */
async function encryptMany(state, count) {
  const messages = []
  for (let number = 0; number < count; number += 1) {
    const [next, message] = await state.encrypt(TEXT)
    messages.push(message)
    state = next
  }
  return [state, messages]
}

export async function noFlippedBitAndNoMessageCutShortPasses() {
  const [initiator, responder] = await pair()
  const [, message] = await initiator.encrypt(TEXT)
  const before = toHex(responder.pack())

  for (let at = 0; at < message.length; at += 1) {
    assert((await outcomeOf(() => responder.decrypt(flipped(message, at, at % 8)))) !== "ok")
    assert((await outcomeOf(() => responder.decrypt(message.slice(0, at)))) !== "ok")
  }
  assertEqual(toHex(responder.pack()), before)
  assertEqual((await responder.decrypt(message))[1], TEXT)
}

export async function anotherTranscriptOpensNothing() {
  const [initiator, responder] = await pair()
  const [, message] = await initiator.encrypt(TEXT)

  const other = new Ratchet({ ...responder.state, bound: new Uint8Array(32) })

  await assertFails(NotOpened, () => other.decrypt(message))
}

export async function mostMessagesThatMayBeSkippedStillOpen() {
  const [initiator, responder] = await pair()
  const [, messages] = await encryptMany(initiator, MAX_SKIP + 2)

  await assertFails(TooFarAhead, () => responder.decrypt(messages[MAX_SKIP + 1]))
  const [later] = await responder.decrypt(messages[MAX_SKIP])
  assertEqual((await later.decrypt(messages[0]))[1], TEXT)
}

export async function oldestSkippedKeysGoFirst() {
  const [initiator, responder] = await pair()
  const [, messages] = await encryptMany(initiator, 2_701)
  let state = responder

  for (const at of [900, 1_800, 2_700]) [state] = await state.decrypt(messages[at])

  assertEqual(state.state.skipped.size, MAX_KEPT_KEYS)
  await assertFails(Replayed, () => state.decrypt(messages[0]))
  assertEqual((await state.decrypt(messages[899]))[1], TEXT)
  assertEqual(Ratchet.unpack(state.pack()).pack(), state.pack())
}

export async function aFullChainTakesNoMore() {
  const [initiator] = await pair()
  const full = new Ratchet({ ...initiator.state, sent: MAX_COUNT })

  assert(initiator.maySend && !full.maySend)
  await assertFails(NotReady, () => full.encrypt(TEXT))
}

export async function of20EncryptionsFromOneStateOnlyOneOpens() {
  const [initiator, responder] = await pair()
  const made = await Promise.all(Array.from({ length: 20 }, () => initiator.encrypt(TEXT)))
  const messages = made.map(([, message]) => message)

  const [state] = await responder.decrypt(messages[0])

  assertEqual(new Set(messages.map((each) => toHex(each.slice(57, 69)))).size, 20)
  for (const message of messages) await assertFails(Replayed, () => state.decrypt(message))
}

export async function aSenderSetBackToAnOlderStateNeverRepeatsANonce() {
  const [initiator] = await pair()
  const stored = initiator.pack()

  const [, one] = await initiator.encrypt(TEXT)
  const [, other] = await Ratchet.unpack(stored).encrypt(TEXT)

  assertEqual(one.slice(16, 57), other.slice(16, 57))
  assert(toHex(one.slice(57, 69)) !== toHex(other.slice(57, 69)))
}
