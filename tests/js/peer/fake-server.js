// The server's REST routes in memory, for several people at once. It keeps the rules that clients rely on, counts no
// quotas, and does harm where a test asks for it: refuses, loses answers, lies.

import { randomBytes, sha256 } from "../../../static/mesa/crypto/primitives.js"
import { equal, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { Refused, ServerUnreachable, UnknownUser } from "../../../static/mesa/peer/errors.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */
/** @typedef {{signed: Bytes | null, lastResort: Bytes | null, oneTime: Bytes[], oneTimeKem: Bytes[], mailbox: {id: Bytes, envelope: Bytes}[]}} FakeDevice */
/** @typedef {{userName: string, statements: Bytes[], devices: Map<string, FakeDevice>, isHidden: boolean}} FakeUser devices: by id, in hex digits */
/** @typedef {{token?: Bytes | null, userName?: string | null}} Address */
/** @typedef {{signedPrekey: Bytes | null, lastResort: Bytes | null, oneTime: Bytes[], oneTimeKem: Bytes[]}} Upload */

const POSTS_PER_FETCH = 50
const POSTS_OF_STRANGERS = 64
const MOST_OF_A_KIND = 100

export class FakeServer {
  /** @type {Map<string, FakeUser>} */
  users = new Map()
  /** What was asked, in order. @type {{who: string, what: string, args: any[]}[]} */
  calls = []
  /** Nobody gets an answer. */
  isDown = false
  /** By route: what becomes of an answer before it is given. @type {Map<string, (answer: any, who: string) => any>} */
  lies = new Map()
  /** Owners of live tokens, and of deleted ones, by digest. @type {Map<string, string>[]} */
  tokens = [new Map(), new Map()]
  /** @type {{what: string, who?: string, before?: Error, after?: Error}[]} */
  #troubles = []

  /** Makes an account with one device. @param {string} userName @param {Bytes[]} statements @param {Bytes} device */
  register(userName, statements, device) {
    this.users.set(userName, { userName, statements, devices: new Map(), isHidden: false })
    this.addDevice(userName, device)
  }

  /** @param {string} userName @param {Bytes} device */
  addDevice(userName, device) {
    const empty = { signed: null, lastResort: null, oneTime: [], oneTimeKem: [], mailbox: [] }
    this.user(userName).devices.set(toHex(device), empty)
  }

  /** @param {string} userName @returns {FakeUser} */
  user(userName) {
    const user = this.users.get(userName)
    if (!user) throw new UnknownUser()
    return user
  }

  /** Everything that waits for a user. @param {string} userName */
  waiting(userName) {
    return [...this.user(userName).devices.values()].flatMap((device) => device.mailbox)
  }

  /** Refuses the next call of a route, and does nothing. @param {string} what @param {Error} [error] @param {string} [who] */
  refuse(what, error = new ServerUnreachable(), who = undefined) {
    this.#troubles.push({ what, who, before: error })
  }

  /** Does what the next call of a route says, and loses the answer. @param {string} what @param {string} [who] */
  loseAnswer(what, who = undefined) {
    this.#troubles.push({ what, who, after: new ServerUnreachable() })
  }

  /** How often a route was asked. @param {string} what @param {string} [who] */
  count(what, who) {
    return this.calls.filter((call) => call.what === what && (!who || call.who === who)).length
  }

  /** The routes as one device sees them. @param {string} userName @param {Bytes} device @returns {any} an `Api` */
  api(userName, device) {
    const routes = new Routes(this, userName, device)
    return new Proxy(routes, {
      get: (_routes, what) => {
        if (typeof what !== "string" || !(what in routes)) return undefined
        return (/** @type {any[]} */ ...args) => this.#call(routes, userName, what, args)
      },
    })
  }

  /** @param {any} routes @param {string} who @param {string} what @param {any[]} args */
  async #call(routes, who, what, args) {
    this.calls.push({ who, what, args })
    if (this.isDown) throw new ServerUnreachable()
    const at = this.#troubles.findIndex((each) => each.what === what && (!each.who || each.who === who))
    const [trouble] = at < 0 ? [] : this.#troubles.splice(at, 1)
    if (trouble?.before) throw trouble.before
    const answer = await routes[what](...args)
    if (trouble?.after) throw trouble.after
    const lie = this.lies.get(what)
    return lie ? lie(answer, who) : answer
  }
}

/** What each route does for one device. */
class Routes {
  #server
  #userName
  #device

  /** @param {FakeServer} server @param {string} userName @param {Bytes} device */
  constructor(server, userName, device) {
    this.#server = server
    this.#userName = userName
    this.#device = device
  }

  me() {
    return { userName: this.#userName, device: this.#device }
  }

  statements() {
    return [...this.#server.user(this.#userName).statements]
  }

  /** @param {string} prefix @returns {string[]} */
  users(prefix) {
    const found = [...this.#server.users.values()].filter((user) => !user.isHidden)
    const names = found.map((user) => user.userName).filter((name) => name.startsWith(prefix))
    return names.filter((name) => name !== this.#userName)
  }

  /** @param {string} userName @param {Bytes | null} token @param {Bytes | null} fingerprint */
  async claimBundle(userName, token, fingerprint) {
    const user = this.#server.user(userName)
    const digest = token && toHex(await sha256(token))
    const isHolder = digest !== null && this.#server.tokens.some((each) => each.get(digest) === userName)
    const isInvited = fingerprint !== null && equal(fingerprint, await sha256(user.statements[0]))
    if (user.isHidden && !isHolder && !isInvited) throw new UnknownUser()
    const devices = [...user.devices].map(([device, { signed, lastResort, oneTime, oneTimeKem }]) => ({
      device: fromHex(device),
      signedPrekey: signed,
      lastResort,
      oneTime: (isHolder && oneTime.shift()) || null,
      oneTimeKem: (isHolder && oneTimeKem.shift()) || null,
    }))
    return { userName, statements: [...user.statements], devices }
  }

  prekeyStock() {
    const { signed, lastResort, oneTime, oneTimeKem } = this.#own
    const standing = { signedPrekey: signed && idOf(signed), lastResort: lastResort && idOf(lastResort) }
    return { ...standing, oneTime: oneTime.length, oneTimeKem: oneTimeKem.length }
  }

  /** @param {Upload} upload */
  uploadPrekeys({ signedPrekey, lastResort, oneTime, oneTimeKem }) {
    const own = this.#own
    own.signed = later(own.signed, signedPrekey)
    own.lastResort = later(own.lastResort, lastResort)
    for (const [stock, added] of [
      [own.oneTime, oneTime],
      [own.oneTimeKem, oneTimeKem],
    ]) {
      const ids = stock.map(idOf)
      stock.push(...added.filter((each) => !ids.includes(idOf(each))))
      if (stock.length > MOST_OF_A_KIND) throw new Refused("stock_full")
    }
  }

  /** @param {Bytes[]} digests */
  addTokens(digests) {
    const names = digests.map(toHex)
    if (names.some((name) => this.#server.tokens.some((each) => each.has(name)))) throw new Refused("invalid")
    for (const name of names) this.#server.tokens[0].set(name, this.#userName)
  }

  /** @param {Bytes[]} digests */
  deleteTokens(digests) {
    const [live, deleted] = this.#server.tokens
    for (const name of digests.map(toHex)) {
      if (live.get(name) !== this.#userName) continue
      live.delete(name)
      deleted.set(name, this.#userName)
    }
  }

  /** @param {Bytes} device @param {Bytes} envelope @param {Address} address */
  async post(device, envelope, { token = null, userName = null }) {
    const owner = token ? this.#server.tokens[0].get(toHex(await sha256(token))) : userName
    const found = owner ? this.#server.users.get(owner)?.devices.get(toHex(device)) : undefined
    if (!found && !token) throw new UnknownUser()
    if (!token && found && found.mailbox.length >= POSTS_OF_STRANGERS) throw new Refused("mailbox_full", 60)
    found?.mailbox.push({ id: randomBytes(16), envelope })
  }

  mailbox() {
    return this.#own.mailbox.slice(0, POSTS_PER_FETCH)
  }

  /** @param {Bytes[]} ids */
  deletePosts(ids) {
    const own = this.#own
    own.mailbox = own.mailbox.filter((post) => !ids.some((id) => equal(id, post.id)))
  }

  /** @param {string} _tx @param {Bytes} _token @param {Bytes[]} _tickets */
  startTransaction(_tx, _token, _tickets) {}

  /** @returns {FakeDevice} */
  get #own() {
    const own = this.#server.user(this.#userName).devices.get(toHex(this.#device))
    if (!own) throw new UnknownUser()
    return own
  }
}

/** The id in a packed prekey. @param {Bytes} prekey */
function idOf(prekey) {
  return new DataView(prekey.buffer, prekey.byteOffset).getUint32(2)
}

/** The prekey that stays: one with a lower id replaces none. @param {Bytes | null} held @param {Bytes | null} given */
function later(held, given) {
  return given && (!held || idOf(given) > idOf(held)) ? given : held
}
