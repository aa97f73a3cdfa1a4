// The doors to the browser's cryptography; nothing else in the app says `crypto.subtle`.
// Spec: docs/spec/encoding.md, section "Primitives"

import { fromBase64url } from "../lib/base64.js"
import { concat, fromHex } from "../lib/bytes.js"
import { label, u32 } from "./encoding.js"
import { BadSignature, NotOpened, WeakKey } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {(size: number) => Bytes} Rng */
/** @typedef {Bytes | CryptoKey} Key bytes, or a key that the browser holds and shows to no script */

export const KEY_BYTES = 32
export const SEAL_OVERHEAD_BYTES = 28

const EMPTY = new Uint8Array()
const NONCE_BYTES = 12
const ONE_NONCE = new Uint8Array(NONCE_BYTES)
const HMAC = { name: "HMAC", hash: "SHA-256" }
const KEM = "ML-KEM-768"
// What stands before the 32 bytes of a private key in PKCS#8: no shorter form is read by every browser.
const PREFIXES = {
  X25519: fromHex("302e020100300506032b656e04220420"),
  Ed25519: fromHex("302e020100300506032b657004220420"),
}

/**
 * ML-KEM, which only newer browsers have.
 *
 * @typedef {{
 *   importKey(form: string, raw: Bytes, name: string, extractable: boolean, uses: string[]): Promise<CryptoKey>
 *   encapsulateBits(name: string, key: CryptoKey): Promise<{sharedKey: ArrayBuffer, ciphertext: ArrayBuffer}>
 *   decapsulateBits(name: string, key: CryptoKey, ciphertext: Bytes): Promise<ArrayBuffer>
 * }} WithKem
 */

// Undefined where a page has no secure origin; `feature-check` says so.
const subtle = crypto.subtle
const withKem = /** @type {WithKem} */ (/** @type {unknown} */ (subtle))

/** @type {Rng} */
export const randomBytes = (size) => crypto.getRandomValues(new Uint8Array(size))

/**
 * Turns the browser's refusal of an input into one of ours; anything else is a fault and goes on.
 *
 * @param {new () => Error} Refusal
 * @returns {(error: unknown) => never}
 */
function refusedAs(Refusal) {
  return (error) => {
    const isRefused = error instanceof DOMException && ["OperationError", "DataError"].includes(error.name)
    throw isRefused ? new Refusal() : error
  }
}

/** @param {"X25519" | "Ed25519"} name @param {Bytes} raw */
export function loadPrivate(name, raw) {
  const uses = /** @type {KeyUsage[]} */ (name === "X25519" ? ["deriveBits", "deriveKey"] : ["sign"])
  return subtle.importKey("pkcs8", concat(PREFIXES[name], raw), name, true, uses)
}

/** @param {"X25519" | "Ed25519"} name @param {Bytes} raw */
export function loadPublic(name, raw) {
  return subtle.importKey("raw", raw, name, false, name === "X25519" ? [] : ["verify"])
}

/** @param {Bytes} seed */
export function loadKemPrivate(seed) {
  return withKem.importKey("raw-seed", seed, KEM, true, ["decapsulateBits"])
}

/** Bytes of the public half. @param {CryptoKey} key */
export async function publicHalf(key) {
  const { x, pub } = /** @type {{x?: string, pub?: string}} */ (await subtle.exportKey("jwk", key))
  return fromBase64url(x ?? pub ?? "")
}

/** @param {CryptoKey} own @param {CryptoKey} other @throws {WeakKey} the exchange has no contribution of `own` */
export async function agree(own, other) {
  const agreeing = subtle.deriveBits({ name: "X25519", public: other }, own, 8 * KEY_BYTES)
  const agreed = new Uint8Array(await agreeing.catch(refusedAs(WeakKey)))
  if (agreed.every((each) => each === 0)) throw new WeakKey()
  return agreed
}

/**
 * Agrees like `agree`, into a key for `derive` alone: one errand less to the browser's cryptography.
 *
 * @param {CryptoKey} own
 * @param {CryptoKey} other not of small order
 */
export function agreeToDerive(own, other) {
  return subtle.deriveKey({ name: "X25519", public: other }, own, "HKDF", false, ["deriveBits"])
}

/** @param {CryptoKey} key @param {Bytes} body */
export async function signWith(key, body) {
  return new Uint8Array(await subtle.sign("Ed25519", key, body))
}

/** @param {Promise<CryptoKey>} loading @param {Bytes} body @param {Bytes} signature @throws {BadSignature} */
export async function verifyWith(loading, body, signature) {
  // Bytes that are no point of the curve are refused by some browsers when a key is loaded, by others when it is used.
  const key = await loading.catch(refusedAs(BadSignature))
  if (!(await subtle.verify("Ed25519", key, signature, body))) throw new BadSignature()
}

/** @param {Bytes} publicKey @returns a fresh shared secret (32 bytes) and the ciphertext that carries it */
export async function encapsulateTo(publicKey) {
  const key = await withKem.importKey("raw-public", publicKey, KEM, false, ["encapsulateBits"])
  const made = await withKem.encapsulateBits(KEM, key)
  return { secret: new Uint8Array(made.sharedKey), ciphertext: new Uint8Array(made.ciphertext) }
}

/** @param {CryptoKey} key @param {Bytes} ciphertext */
export async function decapsulateWith(key, ciphertext) {
  return new Uint8Array(await withKem.decapsulateBits(KEM, key, ciphertext))
}

/** @param {...Uint8Array} parts */
export async function sha256(...parts) {
  return new Uint8Array(await subtle.digest("SHA-256", concat(...parts)))
}

/** HMAC-SHA256 under the domain label of `what`. @param {Key} key @param {string} what @param {Bytes} body */
export function mac(key, what, body) {
  return hmac(key, concat(label(what), body))
}

/** @param {Key} key not empty @param {Bytes} body */
export async function hmac(key, body) {
  return new Uint8Array(await subtle.sign("HMAC", await loaded(key, HMAC, "sign"), body))
}

/** Compares in constant time. @param {Uint8Array} left @param {Uint8Array} right */
export function same(left, right) {
  return left.length === right.length && left.reduce((odd, each, at) => odd | (each ^ right[at]), 0) === 0
}

/**
 * HKDF-SHA256; `chained` is the key that enters as HKDF's salt.
 *
 * @param {Key} secret
 * @param {string} what
 * @param {Bytes} [context]
 * @param {{size?: number, chained?: Bytes}} [more] size: bytes, 32 unless told
 */
export async function derive(secret, what, context = EMPTY, { size = KEY_BYTES, chained = EMPTY } = {}) {
  const key =
    secret instanceof CryptoKey
      ? secret
      : await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"])
  const way = { name: "HKDF", hash: "SHA-256", salt: chained, info: concat(label(what), context) }
  return new Uint8Array(await subtle.deriveBits(way, key, 8 * size))
}

/**
 * AES-256-GCM with a random 12-byte nonce in front; `bound` is authenticated and not sent.
 *
 * @param {Key} key
 * @param {Bytes} plaintext
 * @param {Bytes} bound
 */
export async function seal(key, plaintext, bound, rng = randomBytes) {
  const start = rng(NONCE_BYTES)
  return concat(start, await encrypt(key, start, plaintext, bound))
}

/**
 * Opens what `seal` made.
 *
 * @param {Key} key
 * @param {Bytes} sealed
 * @param {Bytes} bound
 * @throws {NotOpened} changed, or another key or another `bound`
 */
export async function unseal(key, sealed, bound) {
  if (sealed.length < SEAL_OVERHEAD_BYTES) throw new NotOpened()
  return decrypt(key, sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES), bound)
}

/** AES-256-GCM with a zero nonce: only for a key that seals one body in its life. @param {Key} key @param {Bytes} plaintext */
export function sealOnce(key, plaintext) {
  return encrypt(key, ONE_NONCE, plaintext, EMPTY)
}

/** Opens what `sealOnce` made. @param {Key} key @param {Bytes} sealed @throws {NotOpened} changed, or another key */
export function unsealOnce(key, sealed) {
  return decrypt(key, ONE_NONCE, sealed, EMPTY)
}

/** The bytes that `sealOnce` adds to a plaintext: AES-CTR from block counter 2. @param {Bytes} key @param {number} size */
export async function onceKeystream(key, size) {
  // GCM counts its blocks from 1 and spends the first on the tag.
  const way = { name: "AES-CTR", counter: concat(ONE_NONCE, u32(2)), length: 32 }
  const held = await loaded(key, way, "encrypt")
  return new Uint8Array(await subtle.encrypt(way, held, new Uint8Array(size)))
}

/** @param {Key} key @param {Bytes} start @param {Bytes} plaintext @param {Bytes} bound */
export async function encrypt(key, start, plaintext, bound) {
  const way = { name: "AES-GCM", iv: start, additionalData: bound }
  return new Uint8Array(await subtle.encrypt(way, await loaded(key, way, "encrypt"), plaintext))
}

/** @param {Key} key @param {Bytes} start @param {Bytes} sealed @param {Bytes} bound @throws {NotOpened} */
export async function decrypt(key, start, sealed, bound) {
  const way = { name: "AES-GCM", iv: start, additionalData: bound }
  const opening = subtle.decrypt(way, await loaded(key, way, "decrypt"), sealed)
  return new Uint8Array(await opening.catch(refusedAs(NotOpened)))
}

/** @param {Bytes} passphrase not empty @param {Bytes} spice @param {number} rounds */
export async function pbkdf2(passphrase, spice, rounds) {
  const key = await subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveBits"])
  const way = { name: "PBKDF2", hash: "SHA-256", salt: spice, iterations: rounds }
  return new Uint8Array(await subtle.deriveBits(way, key, 8 * KEY_BYTES))
}

/** A key for `seal` and `unseal` that no script reads out again. @param {Bytes} raw */
export function heldSealKey(raw) {
  return subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"])
}

/** A key for `mac` that no script reads out again. @param {Bytes} raw */
export function heldMacKey(raw) {
  return subtle.importKey("raw", raw, HMAC, false, ["sign"])
}

/** @param {Key} key @param {Algorithm} way @param {KeyUsage} use */
function loaded(key, way, use) {
  return key instanceof CryptoKey ? key : subtle.importKey("raw", key, way, false, [use])
}
