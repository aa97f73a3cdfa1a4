// Keys with a type each: what is public is checked once, when it is made; what is private is never shown.
// Spec: docs/spec/encoding.md, sections "Primitives" and "Receiver must reject"

import { concat, toHex } from "../lib/bytes.js"
import { exactly, label } from "./encoding.js"
import { WeakKey } from "./errors.js"
import {
  KEY_BYTES,
  agree,
  agreeToDerive,
  decapsulateWith,
  encapsulateTo,
  loadKemPrivate,
  loadPrivate,
  loadPublic,
  publicHalf,
  randomBytes,
  signWith,
  verifyWith,
} from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const SIGNATURE_BYTES = 64
export const KEM_PUBLIC_BYTES = 1184
export const KEM_CIPHERTEXT_BYTES = 1088

const KEM_SEED_BYTES = 64
const KEM_MODULUS = 3329
const KEM_COEFFICIENTS_BYTES = 1152
const SAME_IN_BOTH = ["00".repeat(32), "01" + "00".repeat(31), "ec" + "ff".repeat(30) + "7f"]
const X25519_SMALL_ORDER = new Set([
  ...SAME_IN_BOTH,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
])
const ED25519_SMALL_ORDER = new Set([
  ...SAME_IN_BOTH,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
])

/** A number below 2^255 − 19, lowest byte first. @param {Bytes} raw */
function isBelowPrime(raw) {
  if (raw[31] !== 0x7f) return raw[31] < 0x7f
  return raw[0] < 0xed || raw.subarray(1, 31).some((each) => each !== 0xff)
}

/** @template T @param {() => Promise<T>} make @returns {() => Promise<T>} */
function once(make) {
  /** @type {Promise<T> | undefined} */
  let made
  return () => (made ??= make())
}

/** Where a Diffie-Hellman exchange goes to. */
export class X25519Public {
  #key

  /** @param {Bytes} raw @throws {WeakKey} not canonical, or of small order */
  constructor(raw) {
    this.raw = exactly(raw, KEY_BYTES)
    if (!isBelowPrime(raw) || X25519_SMALL_ORDER.has(toHex(raw))) throw new WeakKey()
    this.#key = once(() => loadPublic("X25519", raw))
  }

  get key() {
    return this.#key()
  }
}

/** Verifies signatures. */
export class Ed25519Public {
  #key

  /**
   * @param {Bytes} raw
   * @throws {WeakKey} not canonical, or of small order (with such a key one signature fits every text)
   */
  constructor(raw) {
    this.raw = exactly(raw, KEY_BYTES)
    const y = raw.with(31, raw[31] & 0x7f)
    if (!isBelowPrime(y) || ED25519_SMALL_ORDER.has(toHex(y))) throw new WeakKey()
    this.#key = once(() => loadPublic("Ed25519", raw))
  }

  /**
   * Checks a signature made under the domain label of `what`.
   *
   * @param {string} what
   * @param {Bytes} body
   * @param {Bytes} signature
   * @throws {BadSignature} it is not this key's over this label and body
   */
  async verify(what, body, signature) {
    await verifyWith(this.#key(), concat(label(what), body), exactly(signature, SIGNATURE_BYTES))
  }
}

/** An ML-KEM-768 encapsulation key. It is read, though not used, also where the browser lacks ML-KEM. */
export class KemPublic {
  /** @param {Bytes} raw @throws {WeakKey} a coefficient is not below the modulus */
  constructor(raw) {
    this.raw = exactly(raw, KEM_PUBLIC_BYTES)
    for (let at = 0; at < KEM_COEFFICIENTS_BYTES; at += 3) {
      const two = raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16)
      if ((two & 0xfff) >= KEM_MODULUS || two >> 12 >= KEM_MODULUS) throw new WeakKey()
    }
  }

  /** Makes a fresh shared secret (32 bytes) and the ciphertext that carries it. */
  encapsulate() {
    return encapsulateTo(this.raw)
  }
}

/** A private key; its raw form is for derivations and the local store. */
class Secret {
  #raw
  #key
  #public

  /** @param {Bytes} raw @param {() => Promise<CryptoKey>} load */
  constructor(raw, load) {
    this.#raw = raw
    // Loading computes the public half, which costs as much as an exchange: once per key, not per use.
    this.#key = once(load)
    this.#public = once(async () => publicHalf(await this.#key()))
  }

  get raw() {
    return this.#raw
  }

  get key() {
    return this.#key()
  }

  get publicRaw() {
    return this.#public()
  }
}

/** One side of a Diffie-Hellman exchange. */
export class X25519Private extends Secret {
  /** @param {Bytes} raw */
  constructor(raw) {
    super(exactly(raw, KEY_BYTES), () => loadPrivate("X25519", raw))
  }

  static generate(rng = randomBytes) {
    return new X25519Private(rng(KEY_BYTES))
  }

  async public() {
    return new X25519Public(await this.publicRaw)
  }

  /**
   * Agrees on 32 bytes with the holder of `peer`.
   *
   * @param {X25519Public} peer
   * @throws {WeakKey} the exchange has no contribution of this side
   */
  async exchange(peer) {
    return agree(...(await Promise.all([this.key, peer.key])))
  }

  /** Agrees with the holder of `peer` on a secret that no script sees, to derive from. @param {X25519Public} peer */
  async exchangeToDerive(peer) {
    return agreeToDerive(...(await Promise.all([this.key, peer.key])))
  }
}

/** Makes signatures; the raw form is the 32-byte seed. */
export class Ed25519Private extends Secret {
  /** @param {Bytes} raw */
  constructor(raw) {
    super(exactly(raw, KEY_BYTES), () => loadPrivate("Ed25519", raw))
  }

  static generate(rng = randomBytes) {
    return new Ed25519Private(rng(KEY_BYTES))
  }

  async public() {
    return new Ed25519Public(await this.publicRaw)
  }

  /** Signs under the domain label of `what`. @param {string} what @param {Bytes} body */
  async sign(what, body) {
    return signWith(await this.key, concat(label(what), body))
  }
}

/** An ML-KEM-768 decapsulation key; the raw form is the 64-byte seed. */
export class KemPrivate extends Secret {
  /** @param {Bytes} raw */
  constructor(raw) {
    super(exactly(raw, KEM_SEED_BYTES), () => loadKemPrivate(raw))
  }

  static generate(rng = randomBytes) {
    return new KemPrivate(rng(KEM_SEED_BYTES))
  }

  async public() {
    return new KemPublic(await this.publicRaw)
  }

  /** Recovers the shared secret; a foreign ciphertext gives a random one. @param {Bytes} ciphertext */
  async decapsulate(ciphertext) {
    return decapsulateWith(await this.key, exactly(ciphertext, KEM_CIPHERTEXT_BYTES))
  }
}
