// The chain of an identity: reads all statements of a user in order, and judges one chain beside another.
// Spec: docs/spec/identity.md

import { concat, equal, toHex } from "../lib/bytes.js"
import { Reader, VERSION, u16, u8 } from "./encoding.js"
import { BrokenChain, Downgrade, Malformed, UnknownDevice, WeakKey } from "./errors.js"
import { sha256 } from "./primitives.js"
import { BY_RECOVERY, HASH_BYTES, Kind, isByRecovery, readStatement } from "./statements.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("./identity.js").DeviceId} DeviceId */
/** @typedef {import("./identity.js").Identity} Identity */
/** @typedef {import("./keys.js").Ed25519Public} Ed25519Public */
/** @typedef {import("./statements.js").Change} Change */
/** @typedef {import("./statements.js").Statement} Statement */

export const MAX_STATEMENTS = 64
export const MAX_DEVICES = 8
const MAX_READ = 512

/** What a chain is beside the one that is pinned. */
export const Verdict = Object.freeze({
  SAME: "same",
  EXTENDED: "extended",
  RECOVERED: "recovered",
  ROLLED_BACK: "rolled-back",
  CHANGED: "changed",
})

/** The chain may be pinned in place of the other. @type {readonly string[]} */
export const GOOD = Object.freeze([Verdict.SAME, Verdict.EXTENDED, Verdict.RECOVERED])

/**
 * Says whether a chain is the pinned one, goes on from it, overrules it, or is none of these.
 *
 * @param {Identity} pinned
 * @param {Identity} shown
 */
export function judge(pinned, shown) {
  const common = commonStart(pinned.statements, shown.statements)
  const [ours, theirs] = [pinned.statements.slice(common), shown.statements.slice(common)]
  if (ours.length === 0) return theirs.length === 0 ? Verdict.SAME : Verdict.EXTENDED
  if (theirs.length === 0) return Verdict.ROLLED_BACK
  if (overrules(theirs, ours)) return Verdict.RECOVERED
  return overrules(ours, theirs) ? Verdict.ROLLED_BACK : Verdict.CHANGED
}

/** @param {Bytes[]} one @param {Bytes[]} other */
function commonStart(one, other) {
  let size = 0
  while (size < Math.min(one.length, other.length) && equal(one[size], other[size])) size += 1
  return size
}

/** @param {Bytes[]} one @param {Bytes[]} other */
function overrules(one, other) {
  return isByRecovery(one[0]) && !other.some(isByRecovery)
}

/** Writes a chain as one string of bytes. @param {Bytes[]} statements */
export function packChain(statements) {
  const parts = statements.flatMap((each) => [u16(each.length), each])
  return concat(u8(VERSION), u8(statements.length), ...parts)
}

/**
 * Takes a packed chain apart without looking into the statements.
 *
 * @param {Bytes} chain
 * @throws {CryptoError} UnknownVersion, Malformed
 */
export function splitChain(chain) {
  const reader = new Reader(chain)
  reader.version()
  const count = reader.u8()
  if (count < 1 || count > MAX_STATEMENTS) throw new Malformed()
  const statements = Array.from({ length: count }, () => reader.take(reader.u16()))
  reader.finish()
  return statements
}

/**
 * Reads a chain and checks every signature and link in it.
 *
 * @param {Bytes[]} statements
 * @returns {Promise<Identity>}
 * @throws {CryptoError} UnknownVersion, UnknownStatement, UnsupportedSuite: needs a newer version. Malformed, WeakKey,
 *   BadSignature, BrokenChain, UnknownDevice, Downgrade: not an identity
 */
export async function verifyChain(statements) {
  if (statements.length < 1 || statements.length > MAX_STATEMENTS) throw new Malformed()
  const soFar = new SoFar()
  let previous = new Uint8Array(HASH_BYTES)
  for (const [number, raw] of statements.entries()) {
    await soFar.follow(readStatement(raw, { number, previous }))
    previous = await sha256(raw)
  }
  const fingerprint = await sha256(statements[0])
  return {
    ...soFar.said,
    fingerprint,
    head: previous,
    number: statements.length - 1,
    statements: [...statements],
  }
}

/** @type {Map<string, Identity>} */
const read = new Map()

/**
 * Verifies a packed chain; one that is read again and again, as those of contacts are, costs once.
 *
 * @param {Bytes} chain
 * @throws {CryptoError} as `splitChain` and `verifyChain`
 */
export async function readChain(chain) {
  const name = toHex(await sha256(chain))
  const identity = read.get(name) ?? (await verifyChain(splitChain(chain)))
  // What was asked for last stands last, and goes last.
  read.delete(name)
  read.set(name, identity)
  if (read.size > MAX_READ) read.delete([...read.keys()][0])
  return identity
}

/** What a chain says up to some place. */
class SoFar {
  #day = 0
  #userName = ""
  /** @type {Ed25519Public | undefined} */
  #recovery
  /** @type {Map<string, DeviceEntry>} by id */
  #devices = new Map()
  // Also of devices that were removed, and of recovery keys that were replaced.
  /** @type {Set<string>} */
  #named = new Set()

  get said() {
    const recovery = this.#recoveryKey
    return { userName: this.#userName, recovery, day: this.#day, devices: [...this.#devices.values()] }
  }

  /** Takes in the next statement, if its signers may say what it says. @param {Statement} statement */
  async follow({ day, change, body, signatures }) {
    if (day < this.#day) throw new BrokenChain()
    this.#day = day
    const signers = this.#apply(change)
    for (const [at, signer] of signers.entries()) await signer.verify("statement", body, signatures[at])
  }

  /** Changes what the chain says; returns whose signatures that needs, in order. @param {Change} change @returns {Ed25519Public[]} */
  #apply(change) {
    switch (change.kind) {
      case Kind.FIRST_DEVICE:
        this.#userName = change.userName
        this.#recovery = change.recovery
        return [this.#add(change.device), this.#name(change.recovery)]
      case Kind.ADD_DEVICE:
        return [this.#device(change.signer).signing, this.#add(change.device)]
      case Kind.REMOVE_DEVICE:
        return [this.#remove(change.signer, change.deviceId)]
      case Kind.RAISE_SUITE: {
        const device = this.#device(change.signer)
        if (change.suite >= device.suite) throw new Downgrade()
        this.#devices.set(toHex(device.deviceId), device.withSuite(change.suite))
        return [device.signing]
      }
      case Kind.NEW_RECOVERY_KEY: {
        const before = this.#recoveryKey
        this.#recovery = this.#name(change.recovery)
        return [before, change.recovery]
      }
      case Kind.RECOVER:
        this.#devices.clear()
        return [this.#recoveryKey, this.#add(change.device)]
    }
  }

  get #recoveryKey() {
    // Statement 0 names one, and no other statement comes first.
    if (!this.#recovery) throw new BrokenChain()
    return this.#recovery
  }

  /** @param {DeviceEntry} device */
  #add(device) {
    const id = toHex(device.deviceId)
    if (this.#devices.size === MAX_DEVICES || this.#named.has(id)) throw new BrokenChain()
    this.#named.add(id)
    this.#name(device.signing)
    this.#name(device.agreement)
    this.#devices.set(id, device)
    return device.signing
  }

  /** @param {DeviceId} signer @param {DeviceId} deviceId */
  #remove(signer, deviceId) {
    const signing = equal(signer, BY_RECOVERY) ? this.#recoveryKey : this.#device(signer).signing
    this.#device(deviceId)
    if (this.#devices.size === 1) throw new BrokenChain()
    this.#devices.delete(toHex(deviceId))
    return signing
  }

  /** @param {DeviceId} deviceId */
  #device(deviceId) {
    const device = this.#devices.get(toHex(deviceId))
    if (!device) throw new UnknownDevice()
    return device
  }

  /** @template {{raw: Bytes}} T @param {T} key */
  #name(key) {
    const name = toHex(key.raw)
    if (this.#named.has(name)) throw new WeakKey()
    this.#named.add(name)
    return key
  }
}
