// Sealing one text to a key: RFC 9180 in base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
// Spec: docs/spec/sealing.md, section "Key schedule"

import { concat } from "../lib/bytes.js"
import { label, u16, u8, utf8 } from "./encoding.js"
import { NotOpened, WeakKey } from "./errors.js"
import { X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES, decrypt, encrypt, hmac } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

const EMPTY = new Uint8Array()
// HMAC pads a key with zeros: what stands for no key.
const NO_KEY = new Uint8Array(KEY_BYTES)
const STANDARD = utf8("HPKE-v1")
const KEM_SUITE = concat(utf8("KEM"), u16(0x20))
const WHOLE_SUITE = concat(utf8("HPKE"), u16(0x20), u16(1), u16(2))
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals to the holder of `to`: encapsulated key (32 bytes) and ciphertext.
 *
 * @param {X25519Public} to
 * @param {string} what
 * @param {Bytes} context
 * @param {Bytes} plaintext
 */
export async function hpkeSeal(to, what, context, plaintext, ephemeral = X25519Private.generate()) {
  const [shared, own] = await Promise.all([ephemeral.exchange(to), ephemeral.public()])
  const made = await schedule(
    { shared, encapsulated: own.raw, receiver: to.raw },
    concat(label(what), context),
  )
  return concat(own.raw, await encrypt(made.key, made.start, plaintext, EMPTY))
}

/**
 * Opens what `hpkeSeal` made.
 *
 * @param {X25519Private} own
 * @param {string} what
 * @param {Bytes} context
 * @param {Bytes} sealed
 * @throws {NotOpened} changed, or for another key or context
 */
export async function hpkeOpen(own, what, context, sealed) {
  if (sealed.length < KEY_BYTES + TAG_BYTES) throw new NotOpened()
  const encapsulated = sealed.slice(0, KEY_BYTES)
  const [shared, receiver] = await Promise.all([agreed(own, encapsulated), own.public()])
  const made = await schedule({ shared, encapsulated, receiver: receiver.raw }, concat(label(what), context))
  return decrypt(made.key, made.start, sealed.slice(KEY_BYTES), EMPTY)
}

/** @param {X25519Private} own @param {Bytes} encapsulated */
async function agreed(own, encapsulated) {
  try {
    return await own.exchange(new X25519Public(encapsulated))
  } catch (error) {
    throw error instanceof WeakKey ? new NotOpened() : error
  }
}

/**
 * What both ends come to: the key of the one text, and where its nonces start.
 *
 * @param {{shared: Bytes, encapsulated: Bytes, receiver: Bytes}} exchange
 * @param {Bytes} info
 */
export async function schedule({ shared, encapsulated, receiver }, info) {
  const early = await extract(KEM_SUITE, NO_KEY, "eae_prk", shared)
  const secret = await expand(KEM_SUITE, early, "shared_secret", concat(encapsulated, receiver), KEY_BYTES)
  const nothing = await extract(WHOLE_SUITE, NO_KEY, "psk_id_hash", EMPTY)
  const context = concat(u8(0), nothing, await extract(WHOLE_SUITE, NO_KEY, "info_hash", info))
  const late = await extract(WHOLE_SUITE, secret, "secret", EMPTY)
  const key = await expand(WHOLE_SUITE, late, "key", context, KEY_BYTES)
  return { secret, key, start: await expand(WHOLE_SUITE, late, "base_nonce", context, NONCE_BYTES) }
}

/** @param {Bytes} suite @param {Bytes} chained @param {string} what @param {Bytes} secret */
function extract(suite, chained, what, secret) {
  return hmac(chained, concat(STANDARD, suite, utf8(what), secret))
}

/** @param {Bytes} suite @param {Bytes} key @param {string} what @param {Bytes} info @param {number} size */
async function expand(suite, key, what, info, size) {
  // No output here is longer than one block of HKDF.
  return (await hmac(key, concat(u16(size), STANDARD, suite, utf8(what), info, u8(1)))).slice(0, size)
}
