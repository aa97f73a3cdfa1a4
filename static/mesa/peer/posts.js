// Posts for other devices' mailboxes: sealed and stored first, then handed to the server, once or again.
// Spec: docs/spec/sealing.md

import { utf8 } from "../crypto/encoding.js"
import { sealPost } from "../crypto/sealing.js"
import { fromBase64url, toBase64url } from "../lib/base64.js"
import { Turns } from "../lib/turns.js"
import { randomNumber } from "../store/contact-book.js"
import { rowKey } from "../store/store.js"
import { Backoff } from "./backoff.js"
import { ContactBlocked, Refused, UnknownUser } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/store.js").Unit} Unit */

/**
 * Who is reached: the owner of a token, or, with a first request, a user by name.
 *
 * @typedef {{token: Bytes} | {userName: string}} Address
 */
/** @typedef {{device: string, post: string} & ({token: string, userName?: undefined} | {token?: undefined, userName: string})} Body */

const TABLE = "posts"
// The server may take these later; every other refusal is its last word.
const PASSING = ["throttled", "mailbox_full"]

/** Posts that the server has not taken yet. */
export class Posts {
  #store
  #api
  /** @type {Backoff<number>} */
  #pauses
  #turns = new Turns()

  /** @param {{store: import("../store/store.js").Store, api: import("./api.js").Api, clock: import("../lib/timing.js").Clock}} parts */
  constructor({ store, api, clock }) {
    this.#store = store
    this.#api = api
    this.#pauses = new Backoff(clock)
  }

  /**
   * Seals a post and keeps it.
   *
   * @param {Unit} unit
   * @param {import("../crypto/identity.js").DeviceEntry} device
   * @param {Bytes} envelope
   * @param {Address} address
   * @returns {Promise<number>} its number
   */
  async add(unit, device, envelope, address) {
    const body = {
      device: toBase64url(device.deviceId),
      post: toBase64url(await sealPost(device, envelope)),
      ...("token" in address ? { token: toBase64url(address.token) } : address),
    }
    const post = randomNumber()
    unit.put(TABLE, { post, record: await unit.seal(TABLE, rowKey(post), utf8(JSON.stringify(body))) })
    return post
  }

  /** Seconds until a post that the server did not take is tried again; null if there is none. */
  get retryInS() {
    return this.#pauses.dueInS
  }

  /**
   * Hands over all posts that are due; one that is refused stops no other.
   *
   * @throws {ServerUnreachable | LoginRefused} the rest stays for the next time
   */
  async deliver() {
    for (const { post } of await this.#store.view.select(TABLE)) {
      if (!this.#pauses.isDue(post)) continue
      try {
        await this.handOver(post)
      } catch (error) {
        if (!isRefusal(error)) throw error
      }
    }
  }

  /**
   * Hands over one post, unless that was done meanwhile.
   *
   * @param {number} post
   * @returns {Promise<void>}
   * @throws {ServerUnreachable} it stays for the next time
   * @throws {Refused | UnknownUser} the server will not take it, now (it stays) or ever (it is gone)
   */
  handOver(post) {
    // One at a time: two tasks must not both find the same post here, and leave it twice.
    return this.#turns.take(async () => {
      const { view } = this.#store
      const row = await view.get(TABLE, post)
      if (!row) return
      const text = new TextDecoder().decode(await view.open(TABLE, rowKey(post), row.record))
      await this.#leave(post, JSON.parse(text))
    })
  }

  /** @param {number} post @param {Body} body */
  async #leave(post, body) {
    try {
      const [device, sealed] = [fromBase64url(body.device), fromBase64url(body.post)]
      const { token, userName } = body
      await this.#api.post(
        device,
        sealed,
        token === undefined ? { userName } : { token: fromBase64url(token) },
      )
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (error instanceof Refused && PASSING.includes(error.code))
        this.#pauses.failed(post, error.retryAfterS)
      else await this.#remove(post)
      throw error
    }
    await this.#remove(post)
  }

  /** @param {number} post */
  async #remove(post) {
    await this.#store.transaction(async (unit) => unit.delete(TABLE, post))
    this.#pauses.done(post)
  }
}

/** How a contact's devices are reached. @param {import("../store/contact-book.js").Contact} contact @returns {Address} @throws {ContactBlocked} `no_token`: they gave none */
export function reachedBy({ fields }) {
  if (!fields.theirToken) throw new ContactBlocked("no_token")
  return { token: fields.theirToken }
}

/** @param {unknown} error */
function isRefusal(error) {
  return error instanceof Refused || error instanceof UnknownUser
}
