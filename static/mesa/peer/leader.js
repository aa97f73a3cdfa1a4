// Begins to lead: opens the store of an account and runs its peer, for this window and all others.
// Spec: docs/spec/web-app.md, section "Leader window"

import { LeadershipLost, StoreMissing } from "../store/errors.js"
import { loadAccount } from "./account.js"
import { Api } from "./api.js"
import { Desk } from "./desk.js"
import { LoginRefused } from "./errors.js"
import { GuardsBook } from "./guards-book.js"
import { GuardsWatch } from "./guards-watch.js"
import { OwnKeys } from "./own-keys.js"
import { Peer } from "./peer.js"
import { openStore } from "./profiles.js"
import { hasWebRtc } from "./rtc.js"
import { Session } from "./session.js"
import { Settings } from "./settings.js"

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

/**
 * @param {import("./profiles.js").Profile} profile
 * @param {LeaderEdges} edges
 * @param {(event: object) => void} tell reaches all windows
 * @returns {Promise<import("./windows.js").Leader & {wakeUp: () => void}>}
 * @throws {NewerVersion | StoreFull | StoreDamaged}
 * @throws {LoginRefused} there is no account in this store
 */
export async function lead(profile, edges, tell) {
  const ending = new Ending(edges, tell)
  const { clock } = edges
  // Whoever logs out in another window may have deleted it: it is not made anew.
  const store = await openStore(profile, ending.fail, { mustExist: true }).catch((error) => {
    throw error instanceof StoreMissing ? new LoginRefused() : error
  })
  const account = await loadAccount(store.view)
  if (!account) throw new LoginRefused()
  const [api, book] = [new Api(edges.rest), new GuardsBook(store, clock)]
  const settings = new Settings(store, edges.isForwarderByDefault, {
    mayHaveTurn: () => peer.network.mayHaveTurn,
    beginAnew: () => peer.beginAnew(),
  })
  await settings.load()
  const report = (/** @type {any} */ event) => {
    desk.report(event)
    if (event.event === "session_opened") void ownKeys.look().catch(ending.fail)
  }
  const parts = { account, store, api, clock, report, fail: ending.fail }
  const peer = await makePeer(parts, settings, book, edges)
  const ownKeys = new OwnKeys(peer.shared, tell)
  const desk = new Desk({
    ...{ settings, peer, shared: peer.shared, guards: book, tell, fail: ending.fail },
    hasOtherKeys: () => ownKeys.areOther,
    leave: (/** @type {Leaving} */ how) => ending.leave(how, api, () => peer.sayGoodbye()),
  })
  const stop = () => {
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

/**
 * @param {Pick<import("./peer.js").PeerParts, "account" | "store" | "api" | "clock" | "report" | "fail">} parts
 * @param {Settings} settings
 * @param {GuardsBook} book
 * @param {LeaderEdges} edges
 */
async function makePeer(parts, settings, book, { rest, WebSocket, socketUrl: url, clock }) {
  const guards = new GuardsWatch(book, clock, parts.report)
  await guards.resume()
  return new Peer({
    ...{ ...parts, guards },
    forwards: () => settings.forwards && hasWebRtc(),
    isTurnOnly: () => settings.isTurnOnly,
    makeSession: (asked) => new Session({ url, WebSocket, rest, clock }, asked),
  })
}

/** How a leadership ends: its peer fails, its user leaves, or its window goes. */
class Ending {
  #edges
  #tell
  #isLeaving = false
  /** What failed while the user was leaving, which may be why. @type {unknown[]} */
  #meanwhile = []

  /** @param {LeaderEdges} edges @param {(event: object) => void} tell */
  constructor(edges, tell) {
    this.#edges = edges
    this.#tell = tell
  }

  /** The peer can not go on. @param {unknown} error */
  fail = (error) => {
    if (this.#isLeaving) return void this.#meanwhile.push(error)
    const code = /** @type {Error} */ (error).name
    if (!SUPERSEDED.includes(code)) this.#tell({ event: "failed", code })
    this.#edges.ended(error)
  }

  /** @param {Leaving} how @param {Api} api @param {() => Promise<void>} sayGoodbye @throws {LoginRefused | ServerUnreachable} */
  async leave(how, api, sayGoodbye) {
    // Out of its reach the login goes on, and so does the peer; a wrong password ends nothing, either.
    await api.server()
    if (how.password === undefined) await sayGoodbye()
    this.#isLeaving = true
    await this.#edges.leave(how).catch((error) => {
      this.#isLeaving = false
      // After its goodbye the peer has to begin anew.
      const [why = how.password === undefined ? new LeadershipLost() : null] = this.#meanwhile
      if (why) this.fail(why)
      throw error
    })
    this.#tell({ event: "logged_out" })
  }
}
