// The recovery code, and the key behind it. Spec: docs/spec/identity.md, section "Recovery code"

import { concat, fromHex } from "../lib/bytes.js"
import { exactly } from "./encoding.js"
import { BadRecoveryCode } from "./errors.js"
import { CHALLENGE_BYTES } from "./identity.js"
import { Ed25519Private } from "./keys.js"
import { derive, randomBytes } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

const CODE_SIGNS = 26

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const CODE = new RegExp(`^[${ALPHABET}]{${CODE_SIGNS}}$`)
const NUMBER_BYTES = 17

/** Draws 130 random bits as 26 signs that are easy to read out and type. */
export function createRecoveryCode(rng = randomBytes) {
  return Array.from(rng(CODE_SIGNS), (byte) => ALPHABET[byte & 31]).join("")
}

/** Takes a code, or a part of one, as people type it: any case, O for 0, I and L for 1, dashes and spaces anywhere. @param {string} typed */
export function plainCode(typed) {
  return typed.toUpperCase().replaceAll(/[- ]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1")
}

/**
 * Reads a code as people type it.
 *
 * @param {string} typed
 * @throws {BadRecoveryCode} not 26 signs of the alphabet
 */
export function readRecoveryCode(typed) {
  const code = plainCode(typed)
  if (!CODE.test(code)) throw new BadRecoveryCode()
  return code
}

/** It signs for an account whose devices are lost. */
export class RecoveryKey {
  /** @param {Ed25519Private} signing */
  constructor(signing) {
    this.signing = signing
  }

  /** @param {string} code @throws {BadRecoveryCode} */
  static async fromCode(code) {
    const signs = [...readRecoveryCode(code)]
    const number = signs.reduce((sum, sign) => (sum << 5n) | BigInt(ALPHABET.indexOf(sign)), 0n)
    const bits = fromHex(number.toString(16).padStart(2 * NUMBER_BYTES, "0"))
    return new RecoveryKey(new Ed25519Private(await derive(bits, "recovery-key")))
  }

  /**
   * Signs the server's recovery challenge for the identity with this fingerprint.
   *
   * @param {Bytes} fingerprint
   * @param {Bytes} challenge
   */
  prove(fingerprint, challenge) {
    const body = concat(exactly(fingerprint, 32), exactly(challenge, CHALLENGE_BYTES))
    return this.signing.sign("recover", body)
  }
}
