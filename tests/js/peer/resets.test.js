import { ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { assert, assertEqual } from "../assert.js"
import { friends } from "./people.js"

export async function resetIsAskedForAtMostOnceAnHour() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  bo.clock.isHasty = true

  await Promise.all([bo.resets.ask(number), bo.resets.ask(number)])
  await bo.resets.ask(number)
  assertEqual(server.waiting("ada").length, 1)
  bo.clock.ms += 3_600_000
  await bo.resets.ask(number)

  assertEqual(server.waiting("ada").length, 2)
}

export async function resetMakesTheOtherSideSealAgain() {
  const { ada, bo } = await friends()
  const [boToAda, adaToBo] = [(await ada.known(bo)).number, (await bo.known(ada)).number]
  await ada.write(boToAda, "lost")
  bo.clock.isHasty = true
  bo.clock.ms = ada.clock.ms += 1_000

  await bo.resets.ask(adaToBo)
  await ada.mailbox.empty()

  assertEqual(ada.resent, [boToAda])
  assertEqual(await ada.store.view.count("envelopes"), 0)
  const again = await ada.write(boToAda, "again")
  assert((await bo.inbox.takeAll([again.envelope]))[0])
}

export async function resetThatFailsIsLeftForTheNextOccasion() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  bo.clock.isHasty = true
  server.refuse("claimBundle", new ServerUnreachable(), "bo")

  await bo.resets.ask(number)
  assertEqual([server.waiting("ada").length, (await bo.known(ada)).fields.resetAtMs], [0, 0])
  await bo.resets.ask(number)

  assertEqual(server.waiting("ada").length, 1)
}

export async function noResetGoesToWhoIsBlocked() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  bo.clock.isHasty = true
  await bo.blocking.block("ada")

  await bo.resets.ask(number)

  assertEqual(server.waiting("ada"), [])
}

export async function resetIsNotSentToWhoWasBlockedMeanwhile() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  bo.clock.isHasty = true
  server.lies.set("claimBundle", async (answer) => {
    await bo.blocking.block("ada")
    return answer
  })

  await bo.resets.ask(number)

  assertEqual([server.waiting("ada"), (await bo.known(ada)).fields.resetAtMs], [[], 0])
}

export async function noResetGoesToWhoIsNoContactYet() {
  const { server, ada, bo } = await friends()
  const { number } = await bo.known(ada)
  bo.clock.isHasty = true
  await bo.store.transaction((unit) => contacts.change(unit, number, { state: "asking" }))

  await bo.resets.ask(number)

  assertEqual(server.waiting("ada"), [])
}
