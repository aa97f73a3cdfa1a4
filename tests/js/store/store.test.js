import { LeadershipLost, StoreDamaged } from "../../../static/mesa/store/errors.js"
import { rowKey, Store } from "../../../static/mesa/store/store.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { openPlain, plain } from "./stores.js"

const RANGE = IDBKeyRange.bound([1], [1, []])

/** @param {number} number @param {number} [place] */
function thing(number, place) {
  return { contact: 1, number, place }
}

export async function unitSeesWhatItHasWritten() {
  const { store } = await openPlain()
  await store.transaction(async (unit) => {
    for (const number of [1, 2, 3, 4]) unit.put("things", thing(number, number))
  })

  const [seen, count, last, row] = await store.transaction(async (unit) => {
    unit.delete("things", [1, 2])
    unit.put("things", thing(3, 9))
    unit.put("things", thing(4))
    unit.put("things", thing(5, 0))
    return [
      await unit.select("things", { index: "place", range: RANGE }),
      await unit.count("things"),
      await unit.select("things", { range: RANGE, limit: 1, isReversed: true }),
      await unit.get("things", [1, 2]),
    ]
  })

  assertEqual(
    /** @type {any[]} */ (seen).map((each) => each.number),
    [5, 1, 3],
  )
  assertEqual(count, 4)
  assertEqual(
    /** @type {any[]} */ (last).map((each) => each.number),
    [5],
  )
  assertEqual(row, undefined)
}

export async function unitThatFailsWritesNothing() {
  const { store } = await openPlain()

  await assertFails(RangeError, () =>
    store.transaction(async (unit) => {
      unit.put("things", thing(1))
      throw new RangeError()
    }),
  )

  assertEqual(await store.view.count("things"), 0)
}

export async function unitsFollowOneAnother() {
  const { store } = await openPlain()
  const next = async (/** @type {import("../../../static/mesa/store/store.js").Unit} */ unit) =>
    unit.put("things", thing(1 + (await unit.count("things"))))

  await Promise.all(Array.from({ length: 20 }, () => store.transaction(next)))

  assertEqual(await store.view.count("things"), 20)
}

export async function whatFollowsAFailedUnitIsDone() {
  const { store } = await openPlain()
  const failed = store.transaction(async () => {
    throw new RangeError()
  })
  const after = store.transaction(async (unit) => unit.put("things", thing(1)))

  await assertFails(RangeError, () => failed)
  await after

  assertEqual(await store.view.count("things"), 1)
}

export async function leaderThatWasReplacedCanNotWrite() {
  const { database, store } = await openPlain()
  const successor = new Store(database, plain, await database.raiseEpoch())

  await assertFails(LeadershipLost, () => store.transaction(async (unit) => unit.put("things", thing(1))))
  await successor.transaction(async (unit) => unit.put("things", thing(2)))

  assertEqual(
    (await store.view.select("things")).map((row) => row.number),
    [2],
  )
}

export async function recordsTellTheirLengthInStepsOnly() {
  const { store } = await openPlain()
  const sizes = [0, 1, 251, 252, 253, 600].map(async (size) => {
    const record = await store.view.seal("things", rowKey(1), new Uint8Array(size).fill(7))
    assertEqual((await store.view.open("things", rowKey(1), record)).length, size)
    return record.length
  })

  assertEqual(await Promise.all(sizes), [256, 256, 256, 256, 512, 768])
}

export async function recordThatDoesNotOpenIsDamage() {
  const { database } = await openPlain()
  const open = async () => {
    throw new TypeError()
  }
  const store = new Store(database, { ...plain, open }, 1)

  await assertFails(StoreDamaged, () => store.view.open("things", rowKey(1), new Uint8Array(256)))
  const { store: other } = await openPlain()
  await assertFails(StoreDamaged, () => other.view.open("things", rowKey(1), new Uint8Array(4).fill(255)))
}

export async function settingsAreKeptAndForgotten() {
  const { store } = await openPlain()
  const value = new Uint8Array([1, 2, 3])

  await store.transaction((unit) => unit.setSetting("word", value))
  assertEqual(await store.view.setting("word"), value)

  await store.transaction((unit) => unit.setSetting("word", undefined))
  assertEqual(await store.view.setting("word"), undefined)
}

export function rowKeysAreNumbersOfEightBytesAndBytesAsTheyAre() {
  const key = rowKey(2 ** 40 + 1, new Uint8Array([255]))

  assertEqual(key, new Uint8Array([0, 0, 1, 0, 0, 0, 0, 1, 255]))
  assert(rowKey().length === 0)
}
