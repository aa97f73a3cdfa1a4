// Contacts of this device: pinned chains, delivery tokens both ways, how far the acquaintance has come.

import { readChain } from "../crypto/chain.js"
import { utf8 } from "../crypto/encoding.js"
import { deviceOf } from "../crypto/identity.js"
import { randomBytes, sha256 } from "../crypto/primitives.js"
import { fromBase64url, toBase64url } from "../lib/base64.js"
import { equal } from "../lib/bytes.js"
import { rowKey } from "./store.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/identity.js").Identity} Identity */
/** @typedef {import("./store.js").Unit} Unit */

/**
 * Another user.
 *
 * @typedef {object} ContactFields
 * @property {string} userName
 * @property {"asked" | "asking" | "accepted"} state
 * @property {Bytes} chain pinned at the first meeting
 * @property {Bytes | null} theirToken reaches them, once they gave one
 * @property {Bytes | null} myToken reaches us and is given to nobody else
 * @property {string} greeting the first words of somebody who asked
 * @property {string} ownGreeting the first words with which they were asked
 * @property {boolean} isUnsafe keys came up that do not match what was pinned: nothing is sent
 * @property {boolean} isVerified the users have compared their safety number
 * @property {Bytes} shown the chain that stands against the pin, if it was one
 * @property {boolean} owesYes they asked again, and were not answered yet
 * @property {boolean} isIgnored their request stays without an answer
 * @property {boolean} isBlocked the user wants nothing from them
 * @property {number} resetAtMs when a session reset was last sent to them
 * @property {number} sessionsFromMs sessions begun before are only for receiving
 * @property {number} knowsFrom number of the first message that a device of theirs may have got or written
 * @property {number} added devices that came since the user last said that it was seen
 * @property {number} removed devices that went since then
 */

const TABLE = "contacts"
const USER_NAME = /^[a-z][a-z0-9_-]{1,31}$/
/** @type {(keyof ContactFields)[]} */
const BYTES = ["chain", "theirToken", "myToken", "shown"]
/** @type {ContactFields} */
const STRANGER = {
  userName: "",
  state: "asked",
  chain: new Uint8Array(),
  theirToken: null,
  myToken: null,
  greeting: "",
  ownGreeting: "",
  isUnsafe: false,
  isVerified: false,
  shown: new Uint8Array(),
  owesYes: false,
  isIgnored: false,
  isBlocked: false,
  resetAtMs: 0,
  sessionsFromMs: 0,
  knowsFrom: 1,
  added: 0,
  removed: 0,
}

/** A contact as it was read; `ContactBook.change` is the only way to change one. */
export class Contact {
  /** @param {number} number @param {ContactFields} fields @param {Identity} identity */
  constructor(number, fields, identity) {
    this.number = number
    this.fields = fields
    this.identity = identity
  }

  get userName() {
    return this.fields.userName
  }

  get state() {
    return this.fields.state
  }

  /** Whether nothing is sent: keys do not match, or the user blocked them. */
  get isClosed() {
    return this.fields.isUnsafe || this.fields.isBlocked
  }

  get devices() {
    return this.identity.devices
  }

  /** @param {Bytes} deviceId @throws {UnknownDevice} the pinned chain does not name it */
  device(deviceId) {
    return deviceOf(this.identity, deviceId)
  }

  /** @param {Bytes} deviceId */
  hasDevice(deviceId) {
    return this.devices.some((each) => equal(each.deviceId, deviceId))
  }
}

/** Every contact, by name. @param {Unit} unit */
export async function all(unit) {
  const found = await Promise.all((await unit.select(TABLE)).map((row) => open(unit, row)))
  return found.sort((one, other) => (one.userName < other.userName ? -1 : 1))
}

/** @param {Unit} unit @param {number} number @returns {Promise<Contact | undefined>} */
export async function find(unit, number) {
  const row = await unit.get(TABLE, number)
  return row && open(unit, row)
}

/** @param {Unit} unit @param {number} number @returns {Promise<Contact>} one that is there */
export async function get(unit, number) {
  return /** @type {Promise<Contact>} */ (find(unit, number))
}

/** Looks a contact up by its folded name. @param {Unit} unit @param {string} userName @returns {Promise<Contact | undefined>} */
export async function findByName(unit, userName) {
  const range = IDBKeyRange.only(await unit.digest(TABLE, utf8(userName)))
  const [row] = await unit.select(TABLE, { index: "name", range, limit: 1 })
  return row && open(unit, row)
}

/** Contacts that something may be sent to, by the tokens that reach them, and those tokens' digests. @param {Unit} unit @returns {Promise<{contact: number, token: Bytes, digest: Bytes}[]>} */
export async function reachedBy(unit) {
  const found = []
  for (const { number, state, isClosed, fields } of await all(unit)) {
    const token = fields.theirToken
    if (state === "accepted" && !isClosed && token) {
      found.push({ contact: number, token, digest: await sha256(token) })
    }
  }
  return found
}

/** Writes a contact whose name is not there. @param {Unit} unit @param {Partial<ContactFields>} fields @returns {Promise<Contact>} */
export async function add(unit, fields) {
  return put(unit, randomNumber(), { ...STRANGER, ...fields })
}

/** Changes fields of a contact as it stands at this moment. @param {Unit} unit @param {number} number @param {Partial<ContactFields>} fields @returns {Promise<Contact>} */
export async function change(unit, number, fields) {
  return put(unit, number, { ...(await get(unit, number)).fields, ...fields })
}

/** Tells whether a server gives such names: no two look alike. @param {string} text */
export function isUserName(text) {
  return USER_NAME.test(text)
}

/** A user name as the server keeps it. @param {string} text */
export function folded(text) {
  return text.normalize("NFKC").toLowerCase()
}

/** A random number for a row that should not tell how many came before it; never 0. */
export function randomNumber(rng = randomBytes) {
  const [high, low] = new Uint32Array(rng(8).buffer)
  return (high % 2 ** 20) * 2 ** 32 + low + 1
}

/** @param {Unit} unit @param {number} contact @param {ContactFields} fields */
async function put(unit, contact, fields) {
  const name = await unit.digest(TABLE, utf8(fields.userName))
  unit.put(TABLE, { contact, name, record: await unit.seal(TABLE, rowKey(contact), pack(fields)) })
  return new Contact(contact, fields, await readChain(fields.chain))
}

/** @param {Unit} unit @param {import("./database.js").Row} row */
async function open(unit, { contact, record }) {
  const fields = unpack(await unit.open(TABLE, rowKey(contact), record))
  return new Contact(contact, fields, await readChain(fields.chain))
}

/** @param {ContactFields} fields */
function pack(fields) {
  const texts = BYTES.map((name) => [name, fields[name] && toBase64url(/** @type {Bytes} */ (fields[name]))])
  return utf8(JSON.stringify({ ...fields, ...Object.fromEntries(texts) }))
}

/** @param {Bytes} raw @returns {ContactFields} */
function unpack(raw) {
  const body = JSON.parse(new TextDecoder().decode(raw))
  const bytes = BYTES.map((name) => [name, body[name] === null ? null : fromBase64url(body[name])])
  return { ...STRANGER, ...body, ...Object.fromEntries(bytes) }
}
