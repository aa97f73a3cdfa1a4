// What this browser can do, asked once before anything is made with it: each primitive is used, not looked up by name.
// Spec: docs/spec/encoding.md, section "Primitives"

import { equal } from "../lib/bytes.js"
import { Suite } from "./identity.js"
import { Ed25519Private, KemPrivate, X25519Private } from "./keys.js"
import { derive, mac, pbkdf2, seal, sha256, unseal } from "./primitives.js"

/** @typedef {"secure origin" | "X25519" | "Ed25519" | "HKDF" | "HMAC" | "SHA-256" | "PBKDF2" | "AES-GCM"} Feature */
/** @typedef {() => Promise<boolean>} Probe */

const KEY = new Uint8Array(32).fill(1)
const TEXT = new Uint8Array([1])

/** @type {[Feature, Probe][]} */
const NEEDED = [
  ["X25519", agreesKeys],
  ["Ed25519", signs],
  ["HKDF", async () => (await derive(KEY, "feature-check")).length === 32],
  ["HMAC", async () => (await mac(KEY, "feature-check", TEXT)).length === 32],
  ["SHA-256", async () => (await sha256(TEXT)).length === 32],
  ["PBKDF2", async () => (await pbkdf2(KEY, KEY, 1)).length === 32],
  ["AES-GCM", async () => equal(await unseal(KEY, await seal(KEY, TEXT, TEXT), TEXT), TEXT)],
]

/**
 * Finds what is missing, without which the page does not start, and the suite that a device made here has.
 *
 * @param {boolean} [isSecure] whether the page comes from a secure origin: elsewhere browsers show no cryptography
 * @returns {Promise<{missing: Feature[], suite: import("./identity.js").SuiteNumber}>}
 */
export async function checkFeatures(isSecure = isSecureContext) {
  if (!isSecure) return { missing: ["secure origin"], suite: Suite.CLASSICAL }
  const found = await Promise.all(NEEDED.map(([, probe]) => isThere(probe)))
  const missing = NEEDED.filter((_, at) => !found[at]).map(([name]) => name)
  return { missing, suite: (await isThere(carriesKeys)) ? Suite.HYBRID : Suite.CLASSICAL }
}

/** @param {Probe} probe */
async function isThere(probe) {
  try {
    return await probe()
  } catch {
    // Browsers say in many ways that they lack something.
    return false
  }
}

async function agreesKeys() {
  const [one, other] = [X25519Private.generate(), X25519Private.generate()]
  return equal(await one.exchange(await other.public()), await other.exchange(await one.public()))
}

async function signs() {
  const key = Ed25519Private.generate()
  await (await key.public()).verify("feature-check", TEXT, await key.sign("feature-check", TEXT))
  return true
}

async function carriesKeys() {
  const key = KemPrivate.generate()
  const { secret, ciphertext } = await (await key.public()).encapsulate()
  return equal(await key.decapsulate(ciphertext), secret)
}
