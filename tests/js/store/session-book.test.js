import { MAX_SESSIONS, Session } from "../../../static/mesa/crypto/sessions.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import { assertEqual } from "../assert.js"
import { couple } from "../peer/people.js"
import { openPlain } from "./stores.js"

export async function deviceThatRefusesTheWeakerSuiteMayTakeItAgain() {
  const { store } = await openPlain()
  const refused = () => Promise.all([1, 2].map((suite) => sessions.refuses(store.view, suite)))

  assertEqual(await refused(), [false, false])
  await store.transaction((unit) => sessions.refuseSuite2(unit, true))
  assertEqual(await refused(), [false, true])
  await store.transaction((unit) => sessions.refuseSuite2(unit, false))

  assertEqual(await refused(), [false, false])
}

export async function ofTooManySessionsWithADeviceTheOldestGo() {
  const { ada, bo, boToAda } = await couple()
  const begun = [ada.clock.ms]
  for (let count = 0; count < MAX_SESSIONS + 1; count += 1) {
    ada.clock.ms += 1_000
    begun.push(ada.clock.ms)
    await ada.begin(bo, boToAda)
  }

  const { view } = ada.store
  const rows = await view.select("sessions")
  const records = await Promise.all(rows.map((row) => view.open("sessions", row.session, row.record)))
  const kept = records.map((record) => Session.unpack(record).startedMs)

  assertEqual(
    kept.sort((one, other) => one - other),
    begun.slice(-MAX_SESSIONS),
  )
}
