import { packChain } from "../../../static/mesa/crypto/chain.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { RecoveryKey, createRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import { createFirstStatement } from "../../../static/mesa/crypto/statements.js"
import { toBase64url } from "../../../static/mesa/lib/base64.js"
import { browserClock } from "../../../static/mesa/lib/timing.js"
import { saveAccount } from "../../../static/mesa/peer/account.js"
import { LoginRefused, Refused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { lead } from "../../../static/mesa/peer/leader.js"
import { Profiles, openStore } from "../../../static/mesa/peer/profiles.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assertEqual, assertFails } from "../assert.js"
import { until } from "../clock.js"
import { freshName } from "../store/stores.js"
import { fakeSockets, welcome } from "./sockets.js"

const TURN = { urls: ["turn:192.0.2.1"], username: "1761998400:name", credential: "word" }

/**
 * A leader whose server says what the test says by its sockets, and by REST nothing else than `say`.
 *
 * @param {{say?: (method: string, path: string, body?: any) => Promise<any>, write?: (unit: import("../../../static/mesa/store/store.js").Unit) => Promise<unknown>, leave?: () => Promise<void>}} [about]
 */
async function leaderOf({ say = nothing, write = async () => {}, leave = async () => {} } = {}) {
  const device = createDevice(1)
  const recovery = await RecoveryKey.fromCode(createRecoveryCode())
  const chain = packChain([await createFirstStatement("ada", device, recovery, 20_780)])
  const profile = await new Profiles(freshName()).add("ada")
  const store = await openStore(profile)
  await store.transaction((unit) => saveAccount(unit, { userName: "ada", device, chain }))
  await store.transaction(write)
  store.close()
  const { made, WebSocket } = fakeSockets()
  /** @type {unknown[]} */
  const ended = []
  const edges = {
    rest: /** @type {any} */ ({ call: say, renew: nothing }),
    ...{ WebSocket, socketUrl: "wss://mesa.example/", clock: browserClock, isForwarderByDefault: false },
    leave,
    ended: (/** @type {unknown} */ error) => void ended.push(error),
  }
  /** @type {any[]} */
  const told = []
  const leader = await lead(profile, edges, (event) => void told.push(event))
  await until(() => made.length === 1)
  return { leader, made, ended, told }
}

async function nothing() {
  throw new ServerUnreachable()
}

/** Opens the newest socket. @param {ReturnType<typeof fakeSockets>["made"]} made @param {any[]} servers */
async function greet(made, servers) {
  made[made.length - 1].accept()
  await until(() => made[made.length - 1].sent.length > 0)
  made[made.length - 1].say(welcome({ ice_servers: servers }))
}

/** Notes how connections are made while a test runs. */
function watchConnections() {
  const Real = globalThis.RTCPeerConnection
  /** @type {(string | undefined)[]} */
  const policies = []
  /** @type {RTCPeerConnection[]} */
  const connections = []
  globalThis.RTCPeerConnection = class extends Real {
    /** @param {RTCConfiguration} [about] */
    constructor(about) {
      super(about)
      policies.push(about?.iceTransportPolicy)
      connections.push(this)
    }
  }
  return { policies, connections, restore: () => (globalThis.RTCPeerConnection = Real) }
}

export async function wayThroughTurnAloneHoldsAtOnce() {
  const { policies, restore } = watchConnections()
  const { leader, made } = await leaderOf()
  try {
    await greet(made, [TURN])
    await until(() => policies.length > 0)
    await leader.call("change", ["relay_only", true])
    const before = policies.length
    await until(() => made.length === 2)
    await greet(made, [TURN])
    await until(() => policies.length > before)

    assertEqual([made[0].isClosedByPage, new Set(policies.slice(before))], [true, new Set(["relay"])])
    assertEqual(/** @type {any} */ (await leader.call("settings", [])).relay_only, true)
  } finally {
    leader.stop()
    restore()
  }
}

export async function connectionThatWasBeingMadeEndsWithThatChoice() {
  const { policies, connections, restore } = watchConnections()
  const { leader, made } = await leaderOf()
  try {
    await greet(made, [TURN])
    await until(() => policies.length > 0)
    await leader.call("change", ["relay_only", true])
    const before = [...connections]
    await until(() => made.length === 2)
    await greet(made, [TURN])
    await until(() => policies.length >= 2 * before.length)
    await new Promise((resolve) => setTimeout(resolve, 2_000))

    assertEqual(new Set(before.map(({ signalingState }) => signalingState)), new Set(["closed"]))
  } finally {
    leader.stop()
    restore()
  }
}

export async function wayThroughTurnAloneIsNotChosenWithoutATurnServer() {
  const { leader, made } = await leaderOf()
  await greet(made, [])

  const refused = await assertFails(Refused, () => leader.call("change", ["relay_only", true]))

  assertEqual([refused.code, made[0].isClosedByPage], ["no_turn_server", false])
  assertEqual(/** @type {any} */ (await leader.call("settings", [])).relay_only, false)
  leader.stop()
}

export async function forwardersAreCountedAfterThatChoice() {
  const say = async (/** @type {string} */ _method, /** @type {string} */ path) => {
    if (path !== "/api/p2p/forwarders/") throw new ServerUnreachable()
    return { at_least: 5 }
  }
  const { leader, made } = await leaderOf({ say })
  const status = async () => /** @type {any} */ (await leader.call("status", []))
  await greet(made, [TURN])
  while ((await status()).forwarders !== 5);

  await leader.call("change", ["relay_only", true])
  await until(() => made.length === 2)
  await greet(made, [TURN])
  while (!(await status()).isOpen);
  await new Promise((resolve) => setTimeout(resolve, 300))

  const { isOpen, forwarders } = await status()
  leader.stop()
  assertEqual([isOpen, forwarders], [true, 5])
}

export async function messageThatIsAcceptedDuringThatChoiceIsCarried() {
  /** @type {string[]} */
  const asked = []
  const say = async (/** @type {string} */ _method, /** @type {string} */ path, /** @type {any} */ body) => {
    if (path !== "/api/p2p/transactions/") throw new ServerUnreachable()
    asked.push(body.token)
    return {}
  }
  const tokens = { bo: randomBytes(32), olga: randomBytes(32) }
  /** @type {Record<string, number>} */
  const numbers = {}
  const write = async (/** @type {any} */ unit) => {
    for (const [userName, theirToken] of Object.entries(tokens)) {
      const recovery = await RecoveryKey.fromCode(createRecoveryCode())
      const chain = packChain([await createFirstStatement(userName, createDevice(1), recovery, 20_780)])
      const about = { userName, chain, theirToken, state: /** @type {const} */ ("accepted") }
      numbers[userName] = (await contacts.add(unit, about)).number
    }
  }
  const { leader, made } = await leaderOf({ say, write })
  await greet(made, [TURN])
  while (!(/** @type {any} */ (await leader.call("status", [])).isOpen));

  // A store that is busy, as when much comes in: the message is accepted after the other peer has begun.
  const chosen = leader.call("change", ["relay_only", true])
  const sent = leader.call("send", [numbers.bo, "hello", "00".repeat(16)])
  const drafts = Array.from({ length: 100 }, (_, at) => leader.call("draft", [numbers.olga, `${at}`]))
  await Promise.all([chosen, sent, ...drafts])
  await until(() => made.length === 2)
  await greet(made, [TURN])
  await leader.call("send", [numbers.olga, "hello", "11".repeat(16)])
  await until(() => asked.includes(toBase64url(tokens.olga)))

  leader.stop()
  assertEqual(asked.includes(toBase64url(tokens.bo)), true)
}

export async function refusedLogOutBeginsAnew() {
  const say = async (/** @type {string} */ _method, /** @type {string} */ path) => {
    if (path !== "/api/server/") throw new ServerUnreachable()
    return { name: "mesa", protocols: ["mesa.1"], registration: "open", time_ms: 1 }
  }
  const { leader, made, ended, told } = await leaderOf({ say, leave: nothing })
  await greet(made, [])

  await assertFails(ServerUnreachable, () => leader.call("leave", [{}]))

  assertEqual(
    [ended.map((error) => /** @type {Error} */ (error).name), told.filter(({ event }) => event === "failed")],
    [["LeadershipLost"], []],
  )
}

export async function accountThatIsGoneHasNoLeader() {
  const profile = await new Profiles(freshName()).add("ada")

  await assertFails(LoginRefused, () => lead(profile, /** @type {any} */ ({ clock: browserClock }), () => {}))

  assertEqual(
    (await indexedDB.databases()).filter(({ name }) => name === profile.database),
    [],
  )
}

export async function whatEndsThePeerWhileARemovalIsRefusedEndsTheLeader() {
  const wrong = Promise.withResolvers()
  const say = async (/** @type {string} */ _method, /** @type {string} */ path) => {
    if (path !== "/api/server/") throw new ServerUnreachable()
    return { name: "mesa", protocols: ["mesa.1"], registration: "open", time_ms: 1 }
  }
  let isAsked = false
  const leave = async () => {
    isAsked = true
    await wrong.promise
  }
  const { leader, made, ended } = await leaderOf({ say, leave })
  await greet(made, [])
  const removed = leader.call("leave", [{ wipe: true, password: "not this one" }])
  await until(() => isAsked)

  made[0].refuse(4409)
  await new Promise((resolve) => setTimeout(resolve, 100))
  wrong.reject(new LoginRefused("wrong_password"))
  await assertFails(LoginRefused, () => removed)

  assertEqual(
    ended.map((error) => /** @type {Error} */ (error).name),
    ["Replaced"],
  )
}
