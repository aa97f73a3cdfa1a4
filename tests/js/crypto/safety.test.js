import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { packChain, readChain, verifyChain } from "../../../static/mesa/crypto/chain.js"
import { dangerOf, numbersOf, weakestSuite } from "../../../static/mesa/crypto/safety.js"
import { safetyNumber } from "../../../static/mesa/crypto/safety-number.js"
import { assert, assertEqual } from "../assert.js"
import { casesOf } from "../vectors.js"

const NOTHING = new Uint8Array()

/** What the danger is when a chain of a verdict is shown in the place of the pinned one. */
const DANGERS = new Map([
  ["rolled-back", "rolled_back"],
  ["changed", "forked"],
])

async function pairs() {
  const cases = await casesOf("identity", "judge")
  return cases.map(({ name, pinned, shown, verdict }) => ({
    name,
    verdict,
    isSameUser: pinned[0] === shown[0],
    contact: { chain: packChain(pinned.map(fromHex)), shown: packChain(shown.map(fromHex)), isUnsafe: true },
  }))
}

export async function theDangerSaysWhatTheServerShows() {
  for (const { name, contact, verdict, isSameUser } of await pairs())
    if (!isSameUser) assertEqual(await dangerOf(contact), "other_keys", name)
    else if (DANGERS.has(verdict)) assertEqual(await dangerOf(contact), DANGERS.get(verdict), name)
}

export async function nothingIsWrongWithAContactWhoseKeysMatch() {
  const [{ contact }] = await pairs()

  assertEqual(await dangerOf({ ...contact, isUnsafe: false }), null)
}

export async function aKeyAloneAndAChainThatDoesNotVerifyAreToldApart() {
  const [{ contact }] = await pairs()

  assertEqual(await dangerOf({ ...contact, shown: NOTHING }), "wrong_key")
  assertEqual(await dangerOf({ ...contact, shown: contact.shown.slice(1) }), "unreadable")
}

export async function bothNumbersAreToldWhenTheKeysAreOthers() {
  const others = (await pairs()).filter(({ isSameUser }) => !isSameUser)
  assert(others.length > 0)
  for (const { contact } of others) {
    const [pinned, shown] = [await readChain(contact.chain), await readChain(contact.shown)]
    assertEqual(await numbersOf(contact, pinned), {
      danger: "other_keys",
      safetyNumber: await safetyNumber(pinned, pinned),
      shownSafetyNumber: await safetyNumber(pinned, shown),
    })
  }
}

export async function onlyTheNumberOfThePinnedKeysIsToldOtherwise() {
  const [{ contact }] = (await pairs()).filter(({ isSameUser }) => isSameUser)
  const pinned = await readChain(contact.chain)

  assertEqual((await numbersOf(contact, pinned)).shownSafetyNumber, null)
}

export async function oneWeakDeviceMakesAUserWeak() {
  const [{ statements }] = (await casesOf("identity", "chain")).filter(({ expect }) => expect === "ok")
  const identity = await verifyChain(statements.map(fromHex))
  const [strong, weak] = [identity.devices[0].withSuite(1), identity.devices[0].withSuite(2)]

  assertEqual(weakestSuite({ ...identity, devices: [strong] }), 1)
  assertEqual(weakestSuite({ ...identity, devices: [strong, weak] }), 2)
  assertEqual(weakestSuite({ ...identity, devices: [weak, strong] }), 2)
}
