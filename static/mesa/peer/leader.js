// Begins to lead: opens the store of an account and runs its peer, for this window and all others.
// Spec: docs/spec/web-app.md, section "Leader window"

import { GOOD } from "../crypto/chain.js"
import { Turns } from "../lib/turns.js"
import { StoreDamaged } from "../store/errors.js"
import { loadAccount, saveAccount } from "./account.js"
import { Api } from "./api.js"
import { Desk } from "./desk.js"
import { LoginRefused } from "./errors.js"
import { isPassing } from "./failures.js"
import { GuardsBook } from "./guards-book.js"
import { GuardsWatch } from "./guards-watch.js"
import { Peer } from "./peer.js"
import { openStore } from "./profiles.js"
import { hasWebRtc } from "./rtc.js"
import { Session } from "./session.js"
import { Settings } from "./settings.js"
import { checkOwnIdentity } from "./verifying.js"

/** @typedef {{wipe?: boolean, password?: string}} Leaving what is kept here goes, too; with its password the account goes */

/**
 * What a leader reaches the world by.
 *
 * @typedef {object} LeaderEdges
 * @property {import("./rest.js").Rest} rest
 * @property {import("./session.js").SessionParts["WebSocket"]} WebSocket
 * @property {string} socketUrl
 * @property {import("../lib/timing.js").Clock} clock
 * @property {boolean} isForwarderByDefault
 * @property {(how: Leaving) => Promise<void>} leave logs out, or removes the account, as asked
 * @property {(error: unknown) => void} ended the peer can not go on
 */

const SUPERSEDED = ["LeadershipLost", "Replaced"]
const LOOK_AT_OWN_KEYS_EVERY_S = 3_600

/**
 * @param {import("./profiles.js").Profile} profile
 * @param {LeaderEdges} edges
 * @param {(event: object) => void} tell reaches all windows
 * @returns {Promise<import("./windows.js").Leader & {wakeUp: () => void}>}
 * @throws {NewerVersion | StoreFull | StoreDamaged}
 * @throws {LoginRefused} there is no account in this store
 */
export async function lead(profile, edges, tell) {
  const { rest, WebSocket, socketUrl, clock } = edges
  // What ends the peer then is what was asked for.
  let isLeaving = false
  const fail = (/** @type {unknown} */ error) => {
    if (isLeaving) return
    const code = /** @type {Error} */ (error).name
    if (!SUPERSEDED.includes(code)) tell({ event: "failed", code })
    edges.ended(error)
  }
  const store = await openStore(profile, () => fail(new StoreDamaged()))
  const account = await loadAccount(store.view)
  if (!account) throw new LoginRefused()
  const api = new Api(rest)
  const settings = new Settings(store, edges.isForwarderByDefault, {
    mayHaveTurn: () => peer.network.mayHaveTurn,
    beginAnew: () =>
      turns.take(async () => {
        peer.stop()
        peer = await made()
        if (!isOver) await peer.start().catch(fail)
      }),
  })
  const turns = new Turns()
  let isOver = false
  await settings.load()
  const report = (/** @type {any} */ event) => {
    desk.report(event)
    if (event.event === "session_opened") void ownKeys.look().catch(fail)
  }
  const book = new GuardsBook(store, clock)
  const made = async () => {
    const guards = new GuardsWatch(book, clock, report)
    await guards.resume()
    return new Peer({
      ...{ account, store, api, clock, guards, fail },
      forwards: () => settings.forwards && hasWebRtc(),
      isTurnOnly: settings.isTurnOnly,
      makeSession: (asked) => new Session({ url: socketUrl, WebSocket, rest, clock }, asked),
      report,
    })
  }
  let peer = await made()
  const ownKeys = new OwnKeys(peer.shared, tell)
  const desk = new Desk({
    ...{ settings, guards: book, tell, fail },
    get peer() {
      return peer
    },
    get shared() {
      return peer.shared
    },
    hasOtherKeys: () => ownKeys.areOther,
    leave: async (/** @type {Leaving} */ how) => {
      // Out of its reach the login goes on, and so does the peer; a wrong password ends nothing, either.
      await api.server()
      if (how.password === undefined) await peer.sayGoodbye()
      isLeaving = true
      await edges.leave(how).catch((error) => {
        isLeaving = false
        if (how.password === undefined) fail(error)
        throw error
      })
      tell({ event: "logged_out" })
    },
  })
  const stop = () => {
    isOver = true
    peer.stop()
    store.close()
  }
  // A browser tells a page nothing of a dead socket: what is sent finds out.
  const wakeUp = () => {
    peer.network.session.retryNow()
    peer.network.renew()
  }
  await peer.start()
  return { call: (name, args) => desk.call(name, args), stop, wakeUp }
}

/** What the server shows as the keys of this device's user: other ones stop nothing, and are said. */
class OwnKeys {
  areOther = false
  #shared
  #tell
  #lookedAt = -Infinity

  /** @param {import("./contacts.js").ContactParts} shared @param {(event: object) => void} tell */
  constructor(shared, tell) {
    this.#shared = shared
    this.#tell = tell
  }

  /** Looks again, unless it did so within the hour. */
  async look() {
    const { store, account, own, clock } = this.#shared
    if (clock.now() - this.#lookedAt < LOOK_AT_OWN_KEYS_EVERY_S) return
    const keep = (/** @type {import("../lib/bytes.js").Bytes} */ chain) =>
      store.transaction((unit) => saveAccount(unit, { ...account, device: own, chain }))
    try {
      const verdict = await checkOwnIdentity(this.#shared, keep)
      this.#lookedAt = clock.now()
      this.areOther = !GOOD.includes(verdict)
      this.#tell({ event: "own_keys", verdict })
    } catch (error) {
      // Without an answer nothing is known; the next session asks again.
      if (!isPassing(error)) throw error
    }
  }
}
