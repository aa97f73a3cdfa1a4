// The REST routes that a page uses, with their values as bytes. Ids of transactions are texts, as in frames.
// Spec: docs/spec/rest.md

import { toBase64url } from "../lib/base64.js"
import { uuidText } from "../lib/uuid.js"
import { bytes, items, number, object, oneOf, text, unknownAnswer, uuid } from "./answers.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceId} DeviceId */
/** @typedef {import("./rest.js").Rest} Rest */
/** @typedef {{challenge: Bytes, signature: Bytes}} Proof */
/** @typedef {Bytes | null} Prekey packed */
/** @typedef {{device: DeviceId, signedPrekey: Prekey, lastResort: Prekey, oneTime: Prekey, oneTimeKem: Prekey}} DeviceBundle unverified */
/** @typedef {{userName: string, statements: Bytes[], devices: DeviceBundle[]}} UserBundle unverified */
/**
 * What the server holds of this device: ids of the lasting ones, and how many one-time ones.
 *
 * @typedef {{signedPrekey: number | null, lastResort: number | null, oneTime: number, oneTimeKem: number}} PrekeyStock
 */
/** @typedef {{signedPrekey: Prekey, lastResort: Prekey, oneTime: Bytes[], oneTimeKem: Bytes[]}} PrekeyUpload */
/** @typedef {"prefix" | "exact" | "hidden"} Visibility */
/** @typedef {{protocols: string[], registration: "open" | "invitation" | "closed", timeMs: number}} About */

export const MAILBOX_IDS_PER_REQUEST = 50
export const DIGESTS_PER_REQUEST = 64

const ACCOUNTS = "/api/accounts"
const NO_LOGIN = { login: false }
const VISIBILITIES = /** @type {const} */ (["prefix", "exact", "hidden"])
const REGISTRATIONS = /** @type {const} */ (["open", "invitation", "closed"])

/** The server as this device sees it. All methods throw what `Rest.call` throws. */
export class Api {
  #rest

  /** @param {Rest} rest */
  constructor(rest) {
    this.#rest = rest
  }

  /** Makes an account. @param {string} userName @param {string} password @param {Bytes[]} statements @param {string} [invitation] */
  async register(userName, password, statements, invitation = "") {
    const body = { username: userName, password, statements: statements.map(toBase64url) }
    await this.#ask("POST", "register", invitation ? { ...body, invitation } : body, NO_LOGIN)
  }

  /** @returns {Promise<Bytes>} what to sign next */
  async challenge() {
    return bytes((await this.#ask("POST", "challenges", {}, NO_LOGIN)).challenge)
  }

  /** Logs a device in; the tokens are in cookies then. @param {string} userName @param {string} password @param {DeviceId} device @param {Proof} proof */
  async login(userName, password, device, proof) {
    const body = { username: userName, password, ...proofOf(device, proof), cookies: true }
    await this.#ask("POST", "login", body, NO_LOGIN)
  }

  /** Tells whether the server has this device; it needs no login. @param {DeviceId} device @param {Proof} proof */
  async isKnown(device, proof) {
    return (await this.#ask("POST", "known", proofOf(device, proof), NO_LOGIN)).known !== false
  }

  async logout() {
    await this.#ask("POST", "logout", {})
  }

  /** Gives the account another password; all other logins end. @param {string} old @param {string} password */
  async changePassword(old, password) {
    await this.#ask("POST", "password", { old, new: password })
  }

  /** Removes the account. @param {string} password */
  async remove(password) {
    await this.#ask("DELETE", "me", { password })
  }

  /** Who is logged in here. @returns {Promise<{userName: string, device: DeviceId}>} */
  async me() {
    const answer = await this.#ask("GET", "me")
    return { userName: text(answer.username), device: uuid(answer.device) }
  }

  /** Fetches a chain by the recovery key it names, unverified. @param {string} userName @param {Bytes} recoveryKey */
  async recovery(userName, recoveryKey) {
    const body = { username: userName, recovery_key: toBase64url(recoveryKey) }
    return items((await this.#ask("POST", "recovery", body, NO_LOGIN)).statements, bytes)
  }

  /** Sets the password by the recovery code; a statement puts a new device in the place of all. @param {string} userName @param {string} password @param {Proof} proof @param {Bytes | null} statement */
  async recover(userName, password, { challenge, signature }, statement) {
    const proof = { challenge: toBase64url(challenge), signature: toBase64url(signature) }
    const body = { username: userName, password, ...proof, statement: orNull(statement, toBase64url) }
    await this.#ask("POST", "recover", body, NO_LOGIN)
  }

  /** Fetches this user's chain, unverified. @returns {Promise<Bytes[]>} */
  async statements() {
    return items((await this.#ask("GET", "statements")).statements, bytes)
  }

  /** Who finds this user by the name. @returns {Promise<Visibility>} */
  async visibility() {
    return oneOf(VISIBILITIES, (await this.#ask("GET", "settings")).visibility)
  }

  /** @param {Visibility} visibility */
  async setVisibility(visibility) {
    await this.#ask("PUT", "settings", { visibility })
  }

  /** Names of users that begin so, as their owners allow. @param {string} prefix @returns {Promise<string[]>} */
  async users(prefix) {
    const answer = await this.#ask("GET", "users", undefined, { query: new URLSearchParams({ prefix }) })
    return items(answer.users, (each) => text(object(each).username))
  }

  /**
   * Fetches the chain and prekeys of a user; one-time prekeys only come for a live delivery token.
   *
   * @param {string} userName
   * @param {Bytes | null} token
   * @param {Bytes | null} [fingerprint] with it, a user who is hidden from strangers is found, too
   * @returns {Promise<UserBundle>}
   */
  async claimBundle(userName, token, fingerprint = null) {
    const named = { token: orNull(token, toBase64url), fingerprint: orNull(fingerprint, toBase64url) }
    const answer = await this.#ask("POST", "bundles", { username: userName, ...named })
    return {
      userName: text(answer.username),
      statements: items(answer.statements, bytes),
      devices: items(answer.devices, deviceBundle),
    }
  }

  /** @returns {Promise<PrekeyStock>} */
  async prekeyStock() {
    const answer = await this.#ask("GET", "prekeys")
    return {
      signedPrekey: orNull(answer.signed_prekey, number),
      lastResort: orNull(answer.last_resort, number),
      oneTime: number(answer.one_time),
      oneTimeKem: number(answer.one_time_kem),
    }
  }

  /** Leaves public prekeys, packed; null keeps what the server has. @param {PrekeyUpload} upload */
  async uploadPrekeys({ signedPrekey, lastResort, oneTime, oneTimeKem }) {
    await this.#ask("PUT", "prekeys", {
      signed_prekey: orNull(signedPrekey, toBase64url),
      last_resort: orNull(lastResort, toBase64url),
      one_time: oneTime.map(toBase64url),
      one_time_kem: oneTimeKem.map(toBase64url),
    })
  }

  /** Makes delivery tokens live; the server learns their digests only. @param {Bytes[]} digests */
  async addTokens(digests) {
    await this.#ask("POST", "tokens", { digests: digests.map(toBase64url) })
  }

  /** @param {Bytes[]} digests */
  async deleteTokens(digests) {
    await this.#ask("DELETE", "tokens", { digests: digests.map(toBase64url) })
  }

  /** Leaves a sealed envelope: for the owner of a token, or with a user name as a first request. @param {DeviceId} device @param {Bytes} envelope @param {{token: Bytes, userName?: undefined} | {token?: undefined, userName: string}} whose */
  async post(device, envelope, { token, userName }) {
    const whose = { token: orNull(token, toBase64url), username: userName ?? null }
    await this.#ask("POST", "mailbox", {
      ...whose,
      device: uuidText(device),
      envelope: toBase64url(envelope),
    })
  }

  /** Fetches some of what waits for this device. @returns {Promise<{id: Bytes, envelope: Bytes}[]>} */
  async mailbox() {
    return items((await this.#ask("GET", "mailbox")).envelopes, (value) => {
      const { id, envelope } = object(value)
      return { id: uuid(id), envelope: bytes(envelope) }
    })
  }

  /** @param {Bytes[]} ids */
  async deletePosts(ids) {
    await this.#ask("DELETE", "mailbox", { ids: ids.map(uuidText) })
  }

  /** Asks for a path to the owner of a token. @param {string} tx @param {Bytes} token @param {Bytes[]} tickets of this device's guards */
  async startTransaction(tx, token, tickets) {
    const body = { id: tx, token: toBase64url(token), tickets: tickets.map(toBase64url) }
    await this.#rest.call("POST", "/api/p2p/transactions/", body)
  }

  /** How many peers forward, rounded down. @returns {Promise<number>} */
  async forwarders() {
    return number((await this.#rest.call("GET", "/api/p2p/forwarders/")).at_least)
  }

  /** What the server is, which versions it speaks, and what time it has. @returns {Promise<About>} */
  async server() {
    const answer = await this.#rest.call("GET", "/api/server/", undefined, NO_LOGIN)
    if (answer.name !== "mesa") throw unknownAnswer()
    return {
      protocols: items(answer.protocols, text),
      registration: oneOf(REGISTRATIONS, answer.registration),
      timeMs: number(answer.time_ms),
    }
  }

  /**
   * @param {import("./rest.js").Method} method
   * @param {string} route
   * @param {object} [body]
   * @param {{login?: boolean, query?: URLSearchParams}} [how]
   */
  #ask(method, route, body, { login, query } = {}) {
    return this.#rest.call(method, `${ACCOUNTS}/${route}/${query ? `?${query}` : ""}`, body, { login })
  }
}

/** @param {DeviceId} device @param {Proof} proof */
function proofOf(device, { challenge, signature }) {
  return { device: uuidText(device), challenge: toBase64url(challenge), signature: toBase64url(signature) }
}

/** @template T, R @param {T | null | undefined} value @param {(value: T) => R} turn */
function orNull(value, turn) {
  return value === null || value === undefined ? null : turn(value)
}

/** @param {unknown} value @returns {DeviceBundle} */
function deviceBundle(value) {
  const body = object(value)
  return {
    device: uuid(body.device),
    signedPrekey: orNull(body.signed_prekey, bytes),
    lastResort: orNull(body.last_resort, bytes),
    oneTime: orNull(body.one_time, bytes),
    oneTimeKem: orNull(body.one_time_kem, bytes),
  }
}
