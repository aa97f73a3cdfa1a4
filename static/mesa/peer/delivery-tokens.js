// Delivery tokens of this user: made in batches, given to one contact each; the server knows digests only.
//
// Batches are made at sign-up and at random times afterwards, never because of a contact: the order of the server's
// rows then says nothing about who became acquainted with whom.
// Spec: docs/spec/rest.md, routes `tokens/`

import { randomBytes, sha256 } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { Turns } from "../lib/turns.js"
import { TOKEN_BYTES } from "../protocol/ids.js"
import { randomNumber } from "../store/contact-book.js"
import { NOBODY, beginsWith } from "../store/schema.js"
import { DIGESTS_PER_REQUEST } from "./api.js"
import { Refused } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/database.js").Row} Row */
/** @typedef {import("../store/store.js").Unit} Unit */

const TABLE = "tokens"
export const FULL = 32
const REFILL_BELOW = 16
const FREE = IDBKeyRange.only([1, NOBODY])

/** Tokens that are live at the server, and whom they were given to. */
export class DeliveryTokens {
  #store
  #api
  #turns = new Turns()

  /** @param {import("../store/store.js").Store} store @param {import("./api.js").Api} api */
  constructor(store, api) {
    this.#store = store
    this.#api = api
  }

  /** Fills the stock up when it is low. @throws {ServerUnreachable | Refused} no token could be made live */
  refill() {
    return this.#fill(REFILL_BELOW)
  }

  /** Sees that there is a token that nobody has yet: more acquaintances may come than the stock holds. @throws {ServerUnreachable | Refused} no token could be made live */
  provide() {
    return this.#fill(1)
  }

  /** Tells the server of tokens that were taken back, if there are any. @throws {ServerUnreachable | Refused} it is told later */
  withdraw() {
    return this.#turns.take(() => this.#withdraw())
  }

  /**
   * Gives a contact a token of its own; `provide` comes before.
   *
   * @param {Unit} unit
   * @param {number} contact
   * @returns {Promise<Bytes>}
   * @throws {Refused} others got the last one meanwhile
   */
  async give(unit, contact) {
    const free = await unit.select(TABLE, { index: "holder", range: FREE })
    if (free.length === 0) throw new Refused("no_token")
    const row = free[randomNumber() % free.length]
    unit.put(TABLE, { ...row, contact })
    return unit.open(TABLE, row.digest, row.record)
  }

  /** Takes a contact's token back; `withdraw` tells the server. @param {Unit} unit @param {number} contact */
  async end(unit, contact) {
    const rows = await unit.select(TABLE, { index: "holder", range: IDBKeyRange.only([1, contact]) })
    for (const row of rows) unit.put(TABLE, { ...row, isLive: 0, contact: NOBODY })
  }

  /** @param {number} below */
  #fill(below) {
    return this.#turns.take(async () => {
      const left = await this.#store.view.count(TABLE, { index: "holder", range: FREE })
      await this.#withdraw()
      if (left < below) await this.#mint(FULL - left)
    })
  }

  /** Ends tokens that were taken back, and those of which the server's answer did not come. */
  async #withdraw() {
    const { view } = this.#store
    const rows = await view.select(TABLE, { index: "holder", range: beginsWith(0) })
    for (let at = 0; at < rows.length; at += DIGESTS_PER_REQUEST) {
      const part = rows.slice(at, at + DIGESTS_PER_REQUEST)
      const tokens = await Promise.all(part.map((row) => view.open(TABLE, row.digest, row.record)))
      await this.#api.deleteTokens(await digestsOf(tokens))
      await this.#store.transaction(async (unit) => part.forEach((row) => unit.delete(TABLE, row.digest)))
    }
  }

  /** @param {number} count */
  async #mint(count) {
    const tokens = Array.from({ length: count }, () => randomBytes(TOKEN_BYTES))
    const rows = await this.#store.transaction((unit) => Promise.all(tokens.map((token) => put(unit, token))))
    await this.#api.addTokens(await digestsOf(tokens))
    // These only: others may have been taken back meanwhile.
    await this.#store.transaction(async (unit) =>
      rows.forEach((row) => unit.put(TABLE, { ...row, isLive: 1 })),
    )
  }
}

/** Keeps a token that the server does not have yet. @param {Unit} unit @param {Bytes} token @returns {Promise<Row>} */
async function put(unit, token) {
  const digest = await unit.digest(TABLE, token)
  const row = { digest, isLive: 0, contact: NOBODY, record: await unit.seal(TABLE, digest, token) }
  unit.put(TABLE, row)
  return row
}

/** What the server knows of tokens. Sorted they are in random order: which came first can not be read off them. @param {Bytes[]} tokens */
async function digestsOf(tokens) {
  const digests = await Promise.all(tokens.map((token) => sha256(token)))
  return digests.sort((one, other) => (toHex(one) < toHex(other) ? -1 : 1))
}
