import { Reader } from "../../../static/mesa/crypto/encoding.js"
import { Envelope, OVERHEAD_BYTES } from "../../../static/mesa/crypto/envelopes.js"
import { UnknownPrekey } from "../../../static/mesa/crypto/errors.js"
import { HEADER_BYTES, respond } from "../../../static/mesa/crypto/handshake.js"
import { DeviceEntry, DeviceKeys, Suite } from "../../../static/mesa/crypto/identity.js"
import { PrivatePrekey, verifyBundle } from "../../../static/mesa/crypto/prekeys.js"
import { acceptSession, beginSession } from "../../../static/mesa/crypto/sessions.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { drawing, outcomeOf, putAll } from "./cases.js"
import { NOW_MS, Person, firstEnvelope } from "./devices.js"
import { flipped } from "./traffic.js"

/** @typedef {import("../vectors.js").Case} Case */

/** @param {string | null} hex */
const maybe = (hex) => (hex === null ? null : fromHex(hex))

export async function sessionsBeginAsVectorsSay() {
  await putAll("handshake", "initiate", async (each) => {
    const own = DeviceKeys.unpack(fromHex(each.device_keys), each.suite)
    const entry = DeviceEntry.read(new Reader(fromHex(each.entry)))
    const handed = { signed: fromHex(each.signed), kem: maybe(each.kem), oneTime: maybe(each.one_time) }
    const bundle = await verifyBundle(entry, handed, each.today)
    const rng = drawing(each.draws)
    const encapsulate = async () => ({
      secret: fromHex(each.kem_secret),
      ciphertext: fromHex(each.kem_ciphertext),
    })

    const begun = await beginSession(own, bundle, { nowMs: NOW_MS, rng, encapsulate })
    const [session, envelope] = await begun.encrypt(fromHex(each.plaintext), rng)

    assertEqual(toHex(session.header?.pack() ?? new Uint8Array()), each.header)
    assertEqual(toHex(session.ratchet.state.bound), each.transcript)
    assertEqual(toHex(envelope), each.envelope)
  })
}

export async function sessionsAreTakenUpAsVectorsSay() {
  await putAll("handshake", "respond", async (each) => {
    const own = DeviceKeys.unpack(fromHex(each.device_keys), each.suite)
    const find = findAmong(each)
    const envelope = Envelope.unpack(fromHex(each.envelope))
    assertEqual(toHex(envelope.pack()), each.envelope)

    const { session, plaintext, spent } = await acceptSession(own, envelope, find, { nowMs: NOW_MS })

    assert(envelope.header)
    const { state } = await respond(own, envelope.header, envelope.sessionId, find)
    assertEqual([state.bound, state.root].map(toHex), [each.transcript, each.secret])
    assertEqual([toHex(plaintext), toHex(session.peer.pack())], [each.plaintext, each.initiator])
    assertEqual(spent, each.spent)
  })
}

/** @param {Case} each */
function findAmong({ prekeys }) {
  /** @type {PrivatePrekey[]} */
  const held = prekeys.map((/** @type {string} */ raw) => PrivatePrekey.unpack(fromHex(raw)))
  return (/** @type {number} */ kind, /** @type {number} */ prekeyId) =>
    held.find((prekey) => prekey.kind === kind && prekey.prekeyId === prekeyId)
}

export async function realKeysAgreeInEverySuite() {
  for (const mine of [Suite.HYBRID, Suite.CLASSICAL])
    for (const theirs of [Suite.HYBRID, Suite.CLASSICAL])
      for (const isFirstContact of [false, true]) {
        const [ada, bo] = [new Person(mine), new Person(theirs)]
        const [session, envelope] = await firstEnvelope(ada, bo, { isFirstContact })
        const accepted = await bo.accept(envelope)

        assertEqual(new TextDecoder().decode(accepted.plaintext), "hello")
        assertEqual(session.header?.suite, mine === theirs ? mine : Suite.CLASSICAL)
        assertEqual(session.header?.isReplayable, isFirstContact)
        assertEqual(envelope.length, OVERHEAD_BYTES + "hello".length)
      }
}

export async function noFlippedBitOfAFirstEnvelopePasses() {
  const [ada, bo] = [new Person(), new Person()]
  const [, envelope] = await firstEnvelope(ada, bo)
  for (let at = 0; at < envelope.length; at += at > 130 && at < HEADER_BYTES ? 41 : 1)
    assert((await outcomeOf(() => bo.accept(flipped(envelope, at, at % 8)))) !== "ok", `bit of byte ${at}`)
}

export async function noFirstEnvelopeCutShortPasses() {
  const [ada, bo] = [new Person(), new Person()]
  const [, envelope] = await firstEnvelope(ada, bo)
  for (let size = 0; size < envelope.length; size += size < HEADER_BYTES ? 53 : 1)
    assert((await outcomeOf(() => bo.accept(envelope.slice(0, size)))) !== "ok", `${size} bytes`)
}

export async function oneTimePrekeysAreNamedForDeletionAndLastResortOnesAreNot() {
  const [ada, bo] = [new Person(), new Person()]
  const [, envelope] = await firstEnvelope(ada, bo)
  const [, first] = await firstEnvelope(ada, bo, { isFirstContact: true })

  assertEqual((await bo.accept(envelope)).spent, [bo.oneTimeKem.prekeyId, bo.oneTime.prekeyId])
  assertEqual((await bo.accept(first)).spent, [])
}

export async function aSpentPrekeyTakesNoSecondSession() {
  const [ada, bo] = [new Person(), new Person()]
  const [, envelope] = await firstEnvelope(ada, bo)
  const { spent } = await bo.accept(envelope)

  bo.held = bo.held.filter(({ prekeyId }) => !spent.includes(prekeyId))

  await assertFails(UnknownPrekey, () => bo.accept(envelope))
}

export async function twoSessionsWithTheSamePeerShareNothing() {
  const [ada, bo] = [new Person(), new Person()]
  const bundle = await bo.bundle()
  const one = await beginSession(ada.device, bundle, { nowMs: NOW_MS })
  const other = await beginSession(ada.device, bundle, { nowMs: NOW_MS })

  for (const name of /** @type {const} */ (["sessionId", "bound", "root"]))
    assert(toHex(one.ratchet.state[name]) !== toHex(other.ratchet.state[name]))
}
