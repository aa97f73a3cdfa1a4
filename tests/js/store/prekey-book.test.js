import { PrekeyKind } from "../../../static/mesa/crypto/prekeys.js"
import { NotReadable, open } from "../../../static/mesa/peer/opening.js"
import { assert, assertFails } from "../assert.js"
import { Person } from "../peer/people.js"

export async function firstMessageThatSpentNoPrekeyOpensOnce() {
  const [ada, bo] = await Promise.all([Person.make("ada"), Person.make("bo")])
  const [boToAda] = await Promise.all([ada.know(bo), bo.know(ada)])
  await ada.begin(bo, boToAda, PrekeyKind.LAST_RESORT_KEM)
  const { envelope } = await ada.write(boToAda, "hello")
  const again = () => open(bo.store.view, bo.keys, envelope, bo.clock.unixMs())
  assert((await again()).header)

  assert((await bo.inbox.takeAll([envelope]))[0])
  // As when newer sessions have taken the place of this one.
  await bo.store.transaction(async (unit) => {
    for (const { session } of await unit.select("sessions")) unit.delete("sessions", session)
  })

  await assertFails(NotReadable, again)
}
