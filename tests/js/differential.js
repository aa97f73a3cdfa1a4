// The page's side of tests that compare it with the agent: bytes come and go as hex.

import { fingerprintOf } from "../../static/mesa/crypto/direct.js"
import { Reader } from "../../static/mesa/crypto/encoding.js"
import { Envelope } from "../../static/mesa/crypto/envelopes.js"
import { CryptoError } from "../../static/mesa/crypto/errors.js"
import { DeviceEntry, DeviceKeys } from "../../static/mesa/crypto/identity.js"
import { X25519Private, X25519Public } from "../../static/mesa/crypto/keys.js"
import { Message } from "../../static/mesa/crypto/messages.js"
import { OnionKeys, SignedOnionKey } from "../../static/mesa/crypto/onion-keys.js"
import { peel, wrap } from "../../static/mesa/crypto/onion.js"
import { PrivatePrekey, verifyBundle } from "../../static/mesa/crypto/prekeys.js"
import { Ratchet } from "../../static/mesa/crypto/ratchet.js"
import { Session, acceptSession, beginSession } from "../../static/mesa/crypto/sessions.js"
import { fromHex, toHex } from "../../static/mesa/lib/bytes.js"
import { drawing } from "./crypto/cases.js"

/** @typedef {Record<string, any>} Given */

const randomly = (/** @type {string[] | null} */ draws) => (draws ? drawing(draws) : undefined)
const maybe = (/** @type {string | null} */ hex) => (hex === null ? null : fromHex(hex))

const CALLS = {
  /** @param {Given} given */
  async begin({ keys, suite, entry, signed, kem, one_time, today, now_ms }) {
    const own = DeviceKeys.unpack(fromHex(keys), suite)
    const handed = { signed: fromHex(signed), kem: maybe(kem), oneTime: maybe(one_time) }
    const bundle = await verifyBundle(DeviceEntry.read(new Reader(fromHex(entry))), handed, today)
    return { session: toHex((await beginSession(own, bundle, { nowMs: now_ms })).pack()) }
  },

  /** @param {Given} given */
  async accept({ keys, suite, prekeys, envelope, now_ms, draws }) {
    const own = DeviceKeys.unpack(fromHex(keys), suite)
    /** @type {PrivatePrekey[]} */
    const held = prekeys.map((/** @type {string} */ raw) => PrivatePrekey.unpack(fromHex(raw)))
    const find = (/** @type {number} */ kind, /** @type {number} */ prekeyId) =>
      held.find((each) => each.kind === kind && each.prekeyId === prekeyId)
    const opened = Envelope.unpack(fromHex(envelope))
    const how = { nowMs: now_ms, rng: randomly(draws) }
    const accepted = await acceptSession(own, opened, find, how)
    const { session, plaintext, spent } = accepted
    return { session: toHex(session.pack()), plaintext: toHex(plaintext), spent }
  },

  /** @param {Given} given */
  async encrypt({ session, plaintext, draws }) {
    const [next, envelope] = await Session.unpack(fromHex(session)).encrypt(
      fromHex(plaintext),
      randomly(draws),
    )
    return { session: toHex(next.pack()), envelope: toHex(envelope) }
  },

  /** @param {Given} given */
  async decrypt({ session, envelope, draws }) {
    const opened = Envelope.unpack(fromHex(envelope))
    const [next, plaintext] = await Session.unpack(fromHex(session)).decrypt(opened, randomly(draws))
    return { session: toHex(next.pack()), plaintext: toHex(plaintext) }
  },

  /** @param {Given} given */
  async wrap({ hops, payload, draws }) {
    const path = hops.map((/** @type {Given} */ { key, hop_id }) => ({
      key: new X25519Public(fromHex(key)),
      hopId: fromHex(hop_id),
    }))
    return { cell: toHex(await wrap(path, fromHex(payload), randomly(draws))) }
  },

  /** @param {Given} given */
  async peel({ cell, hop_id, private: own }) {
    const peeled = await peel(
      fromHex(cell),
      fromHex(hop_id),
      new OnionKeys(0, new X25519Private(fromHex(own))),
    )
    const { command, replayTag } = peeled
    const rest = peeled.command === "forward" ? peeled.cell : peeled.payload
    return { command, rest: toHex(rest), replay_tag: toHex(replayTag) }
  },

  /** @param {Given} given */
  message: ({ raw }) => ({ packed: toHex(Message.unpack(fromHex(raw)).pack()) }),

  /** @param {Given} given */
  envelope: ({ raw }) => ({ packed: toHex(Envelope.unpack(fromHex(raw)).pack()) }),

  /** @param {Given} given */
  session: ({ raw }) => ({ packed: toHex(Session.unpack(fromHex(raw)).pack()) }),

  /** @param {Given} given */
  ratchet: ({ raw }) => ({ packed: toHex(Ratchet.unpack(fromHex(raw)).pack()) }),

  /** @param {Given} given */
  onion_key: ({ raw }) => ({ packed: toHex(SignedOnionKey.unpack(fromHex(raw)).pack()) }),

  /** @param {Given} given */
  fingerprint: ({ text }) => ({ fingerprint: toHex(fingerprintOf(text)) }),
}

/**
 * Does one thing after the other; what is refused gives its error's name.
 *
 * @param {[keyof typeof CALLS, Given][]} wanted
 */
export async function answers(wanted) {
  const given = []
  for (const [name, args] of wanted) given.push(await answer(name, args))
  return given
}

/** @param {keyof typeof CALLS} name @param {Given} args @returns {Promise<Given>} */
async function answer(name, args) {
  try {
    return await CALLS[name](args)
  } catch (error) {
    if (error instanceof CryptoError) return { refused: error.name }
    throw error
  }
}
