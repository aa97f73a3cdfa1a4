// Proofs that a description for a direct link was made by the contact. Spec: docs/spec/direct.md

import { concat, fromHex, toHex } from "../lib/bytes.js"
import { exactly } from "./encoding.js"
import { Malformed } from "./errors.js"
import { PART_BYTES } from "./messages.js"
import { KEY_BYTES, derive, mac, same } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

const FINGERPRINT_BYTES = 32

// Wherever some reader may see the end of a line.
const LINE_ENDS = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/
const LINE = /^a=fingerprint:([!-~]+) ([!-~]+)$/
const PAIRS = /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/
const HASH = "sha-256"

/**
 * Makes the key of a consent; both sides get the same, whoever asked. It proves descriptions, and seals nothing.
 *
 * @typedef {{part: Bytes, fingerprint: Bytes}} Party what one side brings in: its part, and its identity
 * @param {Party} one
 * @param {Party} other
 * @returns {Promise<Bytes>}
 * @throws {Malformed} a part or a fingerprint has another size
 */
export async function agree(one, other) {
  const isTurned = toHex(other.fingerprint) < toHex(one.fingerprint)
  const [lower, higher] = isTurned ? [other, one] : [one, other]
  const parts = [lower, higher].map(({ part }) => exactly(part, PART_BYTES))
  return derive(concat(...parts), "direct", joined(lower.fingerprint, higher.fingerprint))
}

/**
 * Proves an offer; `maker` is the identity of who made it, `offer` its description's fingerprint.
 *
 * @param {Bytes} key
 * @param {Bytes} maker
 * @param {Bytes} offer
 */
export async function proveOffer(key, maker, offer) {
  return mac(exactly(key, KEY_BYTES), "direct-offer", joined(maker, offer))
}

/**
 * Proves an answer together with the offer that it answers.
 *
 * @param {Bytes} key
 * @param {Bytes} maker
 * @param {Bytes} offer
 * @param {Bytes} answer
 */
export async function proveAnswer(key, maker, offer, answer) {
  return mac(exactly(key, KEY_BYTES), "direct-answer", joined(maker, offer, answer))
}

/**
 * Tells in constant time whether an offer is its maker's.
 *
 * @param {Bytes} key
 * @param {Bytes} proof
 * @param {Bytes} maker
 * @param {Bytes} offer
 */
export async function provesOffer(key, proof, maker, offer) {
  return same(proof, await proveOffer(key, maker, offer))
}

/**
 * Tells in constant time whether an answer is its maker's, and for this offer.
 *
 * @param {Bytes} key
 * @param {Bytes} proof
 * @param {Bytes} maker
 * @param {Bytes} offer
 * @param {Bytes} answer
 */
export async function provesAnswer(key, proof, maker, offer, answer) {
  return same(proof, await proveAnswer(key, maker, offer, answer))
}

/** @param {...Bytes} fingerprints */
function joined(...fingerprints) {
  return concat(...fingerprints.map((each) => exactly(each, FINGERPRINT_BYTES)))
}

/**
 * Reads the fingerprint of the certificate that a description stands for.
 *
 * What uses the description reads it by itself: a line that one of the two might pass over is none of ours.
 *
 * @param {string} description
 * @returns {Bytes}
 * @throws {Malformed} there is none of SHA-256, there are two, or one of any hash is not written as it should be
 */
export function fingerprintOf(description) {
  const found = description.split(LINE_ENDS).filter(isNamedIn).map(parsed)
  const [value, ...others] = new Set(found.filter((each) => each.hash === HASH).map((each) => each.value))
  if (value === undefined || others.length > 0 || !PAIRS.test(value)) throw new Malformed()
  return fromHex(value.replaceAll(":", "").toLowerCase())
}

/**
 * Takes the fingerprints with other hashes out: nothing else is to be compared with a certificate.
 *
 * @param {string} description
 */
export function withOneFingerprint(description) {
  const lines = description.split(LINE_ENDS)
  const kept = lines.filter(
    (line) => line && (!isNamedIn(line) || LINE.exec(line)?.[1].toLowerCase() === HASH),
  )
  return kept.map((line) => `${line}\r\n`).join("")
}

/** @param {string} line */
function isNamedIn(line) {
  return line.toLowerCase().includes("fingerprint")
}

/** @param {string} line */
function parsed(line) {
  const found = LINE.exec(line)
  if (!found) throw new Malformed()
  return { hash: found[1].toLowerCase(), value: found[2].toUpperCase() }
}
