import { judge, packChain, verifyChain } from "../../../static/mesa/crypto/chain.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { ContactBlocked } from "../../../static/mesa/peer/errors.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { recovered, statementsOf, strangers, withSecondDevice } from "./chains.js"
import { friends } from "./people.js"

export async function chainThatGoesOnIsPinned() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const statements = await withSecondDevice(bo)

  const contact = await ada.parts.pins.serverShows(number, statements)

  assertEqual([contact.devices.length, contact.fields.chain], [2, packChain(statements)])
  assertEqual(ada.events.at(-1), { event: "contact_renewed", user: "bo", added: 1, removed: 0 })
  assert(contact.fields.myToken)
}

export async function changedKeysBlockUntilTheUserDecides() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const statements = await strangers("bo")

  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, statements))
  // Whatever is shown by now, the user has not decided yet.
  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, statementsOf(bo)))

  const { fields, isClosed } = await ada.known(bo)
  assertEqual([isClosed, fields.chain, fields.shown], [true, bo.chain, packChain(statements)])
  assertEqual(ada.told.filter((event) => event === "contact_unsafe").length, 1)
}

export async function rolledBackChainBlocksWhenTheServerShowsItAndNotInAMessage() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const [first] = statementsOf(bo)
  await ada.parts.pins.serverShows(number, await withSecondDevice(bo))

  const followed = await ada.store.transaction((unit) =>
    ada.parts.pins.follow(unit, number, packChain([first])),
  )
  assertEqual([followed, (await ada.known(bo)).devices.length], [{ fits: true, news: [] }, 2])

  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, [first]))
  assertEqual((await ada.known(bo)).devices.length, 2)
}

export async function whatIsNoChainBlocksWhenTheServerShowsIt() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const noise = randomBytes(50)

  const followed = await ada.store.transaction((unit) => ada.parts.pins.follow(unit, number, noise))
  assertEqual([followed, (await ada.known(bo)).isClosed], [{ fits: false, news: [] }, false])

  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, [noise]))
  assertEqual((await ada.known(bo)).isClosed, true)
}

export async function chainInAMessageThatContradictsThePinBlocks() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const chain = packChain(await strangers("bo"))

  const followed = await ada.store.transaction((unit) => ada.parts.pins.follow(unit, number, chain))

  assertEqual(followed, { fits: false, news: [{ event: "contact_unsafe", user: "bo" }] })
  assertEqual((await ada.known(bo)).fields.shown, chain)
}

export async function recoveryEndsWhatTheLostDeviceWasGiven() {
  const { ada, bo, server } = await friends()
  const { number, fields, devices } = await ada.known(bo)
  assert(fields.myToken)
  const { number: message } = await ada.write(number, "hello")

  const contact = await ada.parts.pins.serverShows(number, await recovered(bo))
  await ada.parts.tokens.withdraw()

  assertEqual([contact.fields.myToken, contact.isClosed, contact.state], [null, false, "accepted"])
  assertEqual(await outbox.find(ada.store.view, number, message, devices[0]), undefined)
  const chosen = sessions.choose(
    ada.store.view,
    await ada.keys.signing.public(),
    contact,
    devices[0],
    ada.clock.ms,
  )
  assertEqual([await chosen, server.tokens[1].size], [undefined, 1])
}

export async function deviceThatIsAddedEndsNothing() {
  const { ada, bo } = await friends()
  const { number, devices } = await ada.known(bo)
  const { number: message } = await ada.write(number, "hello")

  await ada.parts.pins.serverShows(number, await withSecondDevice(bo))

  assert(await outbox.find(ada.store.view, number, message, devices[0]))
}

export async function newKeysOfTheSameUserAreTakenWithoutAskingAnew() {
  const { ada, bo } = await friends()
  const { number, identity, fields } = await ada.known(bo)
  // Two lists of devices contradict each other; a device is in both.
  await ada.parts.pins.serverShows(number, await withSecondDevice(bo))
  const other = await verifyChain(await withSecondDevice(bo))
  assertEqual(judge((await ada.known(bo)).identity, other), "changed")
  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, other.statements))

  const contact = await ada.store.transaction((unit) =>
    ada.parts.pins.acceptNew(unit, number, other, { isVerified: false }),
  )

  assertEqual([contact.state, contact.isClosed, contact.fields.myToken], ["accepted", false, fields.myToken])
  assertEqual(contact.identity.fingerprint, identity.fingerprint)
}

export async function strangerUnderAKnownNameIsAskedAnew() {
  const { ada, bo } = await friends()
  const { number } = await ada.known(bo)
  const shown = await verifyChain(await strangers("bo"))
  await assertFails(ContactBlocked, () => ada.parts.pins.serverShows(number, shown.statements))

  const contact = await ada.store.transaction((unit) =>
    ada.parts.pins.acceptNew(unit, number, shown, { isVerified: true }),
  )

  const { state, theirToken, myToken, isVerified, isUnsafe } = contact.fields
  assertEqual(
    { state, theirToken, myToken, isVerified, isUnsafe },
    {
      state: "asked",
      theirToken: null,
      myToken: null,
      isVerified: true,
      isUnsafe: false,
    },
  )
}
