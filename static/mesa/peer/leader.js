// Begins to lead: opens the store of an account and runs its peer, for this window and all others.
// Spec: docs/spec/web-app.md, section "Leader window"

import { StoreDamaged } from "../store/errors.js"
import { loadAccount } from "./account.js"
import { Api } from "./api.js"
import { Desk } from "./desk.js"
import { LoginRefused } from "./errors.js"
import { GuardsWatch } from "./guards-watch.js"
import { Peer } from "./peer.js"
import { openStore } from "./profiles.js"
import { Session } from "./session.js"
import { Settings } from "./settings.js"

/**
 * What a leader reaches the world by.
 *
 * @typedef {object} LeaderEdges
 * @property {import("./rest.js").Rest} rest
 * @property {import("./session.js").SessionParts["WebSocket"]} WebSocket
 * @property {string} socketUrl
 * @property {import("../lib/timing.js").Clock} clock
 * @property {boolean} isForwarderByDefault
 * @property {(api: Api) => Promise<void>} logOut
 * @property {() => void} superseded another window does the work by now
 */

const SUPERSEDED = ["LeadershipLost", "Replaced"]

/**
 * @param {import("./profiles.js").Profile} profile
 * @param {LeaderEdges} edges
 * @param {(event: object) => void} tell reaches all windows
 * @returns {Promise<import("./windows.js").Leader & {retryNow: () => void}>}
 * @throws {NewerVersion | StoreFull | StoreDamaged}
 * @throws {LoginRefused} there is no account in this store
 */
export async function lead(profile, edges, tell) {
  const { rest, WebSocket, socketUrl, clock } = edges
  const fail = (/** @type {unknown} */ error) => {
    const code = /** @type {Error} */ (error).name
    if (SUPERSEDED.includes(code)) edges.superseded()
    else tell({ event: "failed", code })
  }
  const store = await openStore(profile, () => fail(new StoreDamaged()))
  const account = await loadAccount(store.view)
  if (!account) throw new LoginRefused()
  const settings = new Settings(store, edges.isForwarderByDefault)
  await settings.load()
  const api = new Api(rest)
  const guards = await GuardsWatch.open(store, clock, (event) => desk.report(event))
  const peer = new Peer({
    ...{ account, store, api, clock, guards, fail },
    forwards: () => settings.forwards,
    isTurnOnly: settings.isTurnOnly,
    makeSession: (asked) => new Session({ url: socketUrl, WebSocket, rest, clock }, asked),
    report: (event) => desk.report(event),
  })
  const desk = new Desk({
    ...{ shared: peer.shared, peer, settings, tell, fail },
    logOut: async () => {
      await peer.sayGoodbye()
      await edges.logOut(api)
      tell({ event: "logged_out" })
    },
  })
  const stop = () => {
    peer.stop()
    store.close()
  }
  await peer.start()
  return {
    call: (name, args) => desk.call(name, args),
    stop,
    retryNow: () => peer.network.session.retryNow(),
  }
}
