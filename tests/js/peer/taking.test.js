import { take } from "../../../static/mesa/peer/taking.js"
import { LeadershipLost, StoreFull } from "../../../static/mesa/store/errors.js"
import { assertEqual, assertFails } from "../assert.js"
import { couple, Person } from "./people.js"

const LARGE_BYTES = 50_000

/** The disk of a person has space for what is small. @param {Person} person */
function hasLittleSpace({ database }) {
  const commit = database.commit.bind(database)
  database.commit = async (changes, epoch) => {
    const sizes = changes.map((change) => ("put" in change ? (change.put.record?.length ?? 0) : 0))
    if (sizes.some((size) => size > LARGE_BYTES)) throw new StoreFull()
    return commit(changes, epoch)
  }
}

/** Changes a byte of each session with a contact. @param {Person} person @param {number} contact */
async function damageSessions({ store }, contact) {
  const rows = await store.view.select("sessions", { index: "contact", range: IDBKeyRange.only(contact) })
  await store.transaction(async (unit) =>
    rows.forEach((row) =>
      unit.put("sessions", { ...row, record: row.record.map((/** @type {number} */ byte) => byte ^ 1) }),
    ),
  )
}

export async function messageThatFindsNoSpaceTakesNoOtherWithIt() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const [before, large, after] = [
    await ada.write(boToAda, "before"),
    await ada.write(boToAda, "x".repeat(LARGE_BYTES)),
    await ada.write(boToAda, "after"),
  ].map((form) => form.envelope)
  let saidFull = 0
  hasLittleSpace(bo)

  const entries = await take(bo.inbox, [before, large, after], () => (saidFull += 1))

  assertEqual(
    entries.map((entry) => entry !== null),
    [true, false, true],
  )
  assertEqual([await bo.shown(adaToBo), saidFull], [["before"], 1])
}

export async function recordThatDoesNotOpenStopsNoMessageButThoseThatNeedIt() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const mallory = await Person.make("mallory")
  const [boToMallory, malloryToBo] = await Promise.all([mallory.know(bo), bo.know(mallory)])
  await mallory.begin(bo, boToMallory)
  const first = await mallory.write(boToMallory, "first")
  await take(bo.inbox, [first.envelope], () => {})
  await damageSessions(bo, malloryToBo)

  const second = await mallory.write(boToMallory, "second")
  const { envelope } = await ada.write(boToAda, "hello")
  const entries = await take(bo.inbox, [second.envelope, envelope], () => {})

  assertEqual([entries[0], await bo.shown(adaToBo)], [null, ["hello"]])
}

export async function leaderThatLostItsPlaceTakesNothing() {
  const { ada, bo, boToAda } = await couple()
  const { envelope } = await ada.write(boToAda, "hello")
  const old = bo.inbox
  await bo.restart()

  await assertFails(LeadershipLost, () => take(old, [envelope, envelope], () => {}))
}
