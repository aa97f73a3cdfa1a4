import { packChain } from "../../../static/mesa/crypto/chain.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { RecoveryKey, createRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import { createFirstStatement } from "../../../static/mesa/crypto/statements.js"
import { browserClock } from "../../../static/mesa/lib/timing.js"
import { saveAccount } from "../../../static/mesa/peer/account.js"
import { Refused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { lead } from "../../../static/mesa/peer/leader.js"
import { Profiles, openStore } from "../../../static/mesa/peer/profiles.js"
import { assertEqual, assertFails } from "../assert.js"
import { until } from "../clock.js"
import { freshName } from "../store/stores.js"
import { fakeSockets, welcome } from "./sockets.js"

const TURN = { urls: ["turn:192.0.2.1"], username: "1761998400:name", credential: "word" }

/** A leader whose server says what the test says by its sockets, and nothing by REST. */
async function leaderOf() {
  const device = createDevice(1)
  const recovery = await RecoveryKey.fromCode(createRecoveryCode())
  const chain = packChain([await createFirstStatement("ada", device, recovery, 20_780)])
  const profile = await new Profiles(freshName()).add("ada")
  const store = await openStore(profile)
  await store.transaction((unit) => saveAccount(unit, { userName: "ada", device, chain }))
  store.close()
  const { made, WebSocket } = fakeSockets()
  const call = async () => {
    throw new ServerUnreachable()
  }
  const edges = {
    rest: /** @type {any} */ ({ call, renew: call }),
    ...{ WebSocket, socketUrl: "wss://mesa.example/", clock: browserClock, isForwarderByDefault: false },
    leave: async () => {},
    ended: () => {},
  }
  const leader = await lead(profile, edges, () => {})
  await until(() => made.length === 1)
  return { leader, made }
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
  globalThis.RTCPeerConnection = class extends Real {
    /** @param {RTCConfiguration} [about] */
    constructor(about) {
      super(about)
      policies.push(about?.iceTransportPolicy)
    }
  }
  return { policies, restore: () => (globalThis.RTCPeerConnection = Real) }
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

export async function wayThroughTurnAloneIsNotChosenWithoutATurnServer() {
  const { leader, made } = await leaderOf()
  await greet(made, [])

  const refused = await assertFails(Refused, () => leader.call("change", ["relay_only", true]))

  assertEqual([refused.code, made[0].isClosedByPage], ["no_turn_server", false])
  assertEqual(/** @type {any} */ (await leader.call("settings", [])).relay_only, false)
  leader.stop()
}
