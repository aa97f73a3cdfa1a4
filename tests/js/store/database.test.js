import { Database, deleteDatabase, openDatabase } from "../../../static/mesa/store/database.js"
import {
  LeadershipLost,
  NewerVersion,
  StoreDamaged,
  StoreFull,
  StoreMissing,
} from "../../../static/mesa/store/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { freshName, openPlain, STEPS } from "./stores.js"

const thing = { contact: 1, number: 1, word: "hello" }

export async function whatWasCommittedIsThereAfterTheDatabaseWasOpenedAgain() {
  const { name, database } = await openPlain()
  await database.commit([{ table: "things", put: thing }], 1)
  database.close()

  const again = await openDatabase(name, STEPS, () => {})

  assertEqual(await again.get("things", [1, 1]), thing)
}

export async function commitOfAnOlderLeadershipChangesNothing() {
  const { database } = await openPlain()
  await database.raiseEpoch()

  await assertFails(LeadershipLost, () => database.commit([{ table: "things", put: thing }], 1))

  assertEqual(await database.get("things", [1, 1]), undefined)
}

export async function everyLeadershipHasANumberOfItsOwn() {
  const { database } = await openPlain()

  assertEqual(await Promise.all([database.raiseEpoch(), database.raiseEpoch()]), [2, 3])
}

export async function commitIsWholeOrNothing() {
  const { database } = await openPlain()
  const unfit = { table: "things", put: { contact: 1 } }

  await assertFails(StoreDamaged, () => database.commit([{ table: "things", put: thing }, unfit], 1))

  assertEqual(await database.count("things", {}), 0)
}

export async function olderDatabaseIsRaisedStepByStepAndKeepsItsRows() {
  const { name, database } = await openPlain()
  await database.commit([{ table: "things", put: thing }], 1)
  database.close()
  /** @type {import("../../../static/mesa/store/database.js").Step[]} */
  const later = [
    ...STEPS,
    (_database, transaction) => transaction.objectStore("things").createIndex("word", "word"),
    (database) => database.createObjectStore("more", { keyPath: "number" }),
  ]

  const raised = await openDatabase(name, later, () => {})

  assertEqual(await raised.select("things", { index: "word" }), [thing])
  assertEqual(await raised.select("more", {}), [])
}

export async function newerDatabaseIsNotOpened() {
  const name = freshName()
  const newer = await openDatabase(name, [...STEPS, () => {}], () => {})
  newer.close()

  const error = await assertFails(NewerVersion, () => openDatabase(name, STEPS, () => {}))

  assert(error.message.includes("newer version"))
}

export async function windowWithAnOlderReleaseMakesRoomForTheNewer() {
  const { name, database } = await openPlain()
  /** @type {Error | undefined} */
  let lost
  const old = await openDatabase(name, STEPS, (why) => (lost = why))
  database.close()

  const newer = await openDatabase(name, [...STEPS, () => {}], () => {})

  assert(lost instanceof NewerVersion)
  await assertFails(NewerVersion, async () => old.get("things", [1, 1]))
  newer.close()
}

export async function windowWhoseDatabaseIsDeletedLetsItGo() {
  const { name, database } = await openPlain()
  /** @type {Error | undefined} */
  let lost
  const open = await openDatabase(name, STEPS, (why) => (lost = why))
  database.close()

  assertEqual(await deleteDatabase(name), true)

  assert(lost instanceof StoreDamaged)
  await assertFails(StoreDamaged, async () => open.get("things", [1, 1]))
}

export async function databaseThatIsGoneIsNotMadeAnew() {
  const { name, database } = await openPlain()
  database.close()
  await deleteDatabase(name)

  await assertFails(StoreMissing, () => openDatabase(name, STEPS, () => {}, { mustExist: true }))

  assert((await indexedDB.databases()).every((each) => each.name !== name))
}

export async function fullDiskIsToldAsSuch() {
  const transaction = {
    objectStore: () => ({ get: () => ({}) }),
    error: new DOMException("no", "QuotaExceededError"),
    /** @type {() => void} */
    onabort: () => {},
  }
  const full = /** @type {any} */ ({ transaction: () => transaction })
  const commit = new Database(full, () => {}).commit([], 1)
  transaction.onabort()

  const error = await assertFails(StoreFull, () => commit)

  assert(error.message.includes("space"))
}

export async function rowsComeInTheOrderOfAKeyFromEitherEnd() {
  const { database } = await openPlain()
  const rows = [3, 1, 2].map((number) => ({ contact: 1, number, place: 10 - number }))
  const other = { contact: 2, number: 1, place: 1 }
  await database.commit(
    [...rows, other].map((row) => ({ table: "things", put: row })),
    1,
  )
  const range = IDBKeyRange.bound([1], [1, []])

  const first = await database.select("things", { range, limit: 2 })
  const last = await database.select("things", { index: "place", range, limit: 2, isReversed: true })

  assertEqual(
    first.map((row) => row.number),
    [1, 2],
  )
  assertEqual(
    last.map((row) => row.number),
    [1, 2],
  )
}
