import { OnionKeys } from "../../../static/mesa/crypto/onion-keys.js"
import { createNextStatement, Kind } from "../../../static/mesa/crypto/statements.js"
import { verifyChain } from "../../../static/mesa/crypto/chain.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { toHex } from "../../../static/mesa/lib/bytes.js"
import { dayOf } from "../../../static/mesa/lib/timing.js"
import { uuidText } from "../../../static/mesa/lib/uuid.js"
import { Delivery } from "../../../static/mesa/peer/delivery.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import { assertEqual } from "../assert.js"
import { until } from "../clock.js"
import { statementsOf } from "./chains.js"
import { DAY, Person, friends } from "./people.js"

/** @typedef {import("../../../static/mesa/crypto/identity.js").DeviceKeys} DeviceKeys */

/** ada's delivery to bo, whose links and paths are the test's. */
async function underWay() {
  const { server, ada, bo } = await friends()
  const { store, handshakes, pins, api, clock } = ada.parts
  /** @type {any[]} */
  const frames = []
  /** @type {string[]} links that took a cell */
  const cells = []
  const delivery = new Delivery(
    {
      ...{ store, handshakes, pins, api, clock },
      chance: { newTx: () => crypto.randomUUID(), jitter: () => 0 },
      tickets: async () => [],
      sendCell: (link) => cells.push(toHex(link)) > 0,
      sendFrame: (frame) => frames.push(frame),
      report: () => {},
      fail: (error) => ada.failures.push(error),
    },
    new AbortController().signal,
  )
  await delivery.online(true)
  const { number } = await ada.known(bo)
  const tx = () => server.calls.findLast(({ what }) => what === "startTransaction")?.args[0]
  /** Gives a path to a device. @param {DeviceKeys} device @param {number} attempt */
  const give = async (device, attempt) => {
    const link = randomBytes(16)
    await delivery.receive(/** @type {any} */ (await pathTo(device, { link, tx: tx(), attempt }, clock)))
    return () => cells.filter((each) => each === toHex(link)).length
  }
  const one = await delivery.send("bo", "one")
  await until(tx)
  const taken = await give(bo.keys, 1)
  await until(() => taken() > 0)
  // Sealed in the unit that stores it: there is a path.
  const two = await delivery.send("bo", "two")
  await until(() => taken() > 1)
  /** Which of both have a form for a device. @param {DeviceKeys} device */
  const sealedFor = async (device) => {
    const entry = await device.entry()
    const found = [one, two].map((each) => outbox.find(store.view, number, each, entry))
    return (await Promise.all(found)).map((form) => form !== undefined)
  }
  return { server, ada, bo, frames, give, sealedFor }
}

/** @param {DeviceKeys} device @param {{link: Uint8Array, tx: string, attempt: number}} about @param {{unixMs: () => number}} clock */
async function pathTo(device, { link, tx, attempt }, clock) {
  const day = dayOf(clock.unixMs())
  const others = [1, 2, 3].map(async () => (await OnionKeys.create(day).current.public()).raw)
  return {
    ...{ type: "path_ready", tx, attempt, link, device: uuidText(device.deviceId) },
    onion_key: (await OnionKeys.create(day).signed(device)).pack(),
    forwarders: await Promise.all(others),
    hops: [1, 2, 3, 4].map(() => randomBytes(8)),
  }
}

/** bo begins again on another device, by the recovery code. @param {import("./fake-server.js").FakeServer} server @param {Person} bo */
async function recover(server, bo) {
  const again = await Person.make("bo")
  const before = await verifyChain(statementsOf(bo))
  const change = { kind: Kind.RECOVER, device: await again.keys.entry() }
  const signers = [bo.recovery.signing, again.keys.signing]
  const user = server.user("bo")
  user.statements = [...before.statements, await createNextStatement(before, change, signers, DAY)]
  user.devices.clear()
  server.addDevice("bo", again.keys.deviceId)
  again.server = server
  await again.restart()
  await again.comeOnline()
  return again
}

export async function whatWasSealedForALostDeviceIsSealedAnewForTheOneInItsPlace() {
  const { server, ada, bo, frames, give, sealedFor } = await underWay()
  const again = await recover(server, bo)

  await give(again.keys, 2)
  await until(() => frames.some(({ type }) => type === "repath"))
  const taken = await give(again.keys, 3)
  await until(() => taken() > 1)

  assertEqual(ada.failures, [])
  assertEqual(await sealedFor(again.keys), [true, true])
}

export async function formThatNobodyAnswersForDaysIsGivenUpByARunThatSealedItToo() {
  const { ada, bo, give, sealedFor } = await underWay()
  for (const each of [ada, bo]) each.clock.ms += 4 * 86_400_000
  await bo.comeOnline()

  const taken = await give(bo.keys, 2)
  await until(() => taken() > 1)

  assertEqual(ada.failures, [])
  assertEqual(await sealedFor(bo.keys), [true, true])
}
