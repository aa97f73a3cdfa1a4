import { Writing } from "../../../static/mesa/elements/writing.js"
import { assertEqual } from "../assert.js"
import { FakeClock, settled } from "../clock.js"

const BO = 4
const OLGA = 7

/** What a window writes, and the drafts that come on the disk. */
function writing() {
  const clock = new FakeClock()
  const disk = { drafts: /** @type {[number, string][]} */ ([]), isFull: false }
  const keep = async (/** @type {number} */ contact, /** @type {string} */ text) => {
    if (!disk.isFull) disk.drafts.push([contact, text])
    return !disk.isFull
  }
  return { clock, disk, writing: new Writing(clock, keep) }
}

/** @param {string} text */
const refused = (text) => ({ text, id: text, why: "storage", time: 1 })

export async function draftIsKeptHalfASecondAfterTheFirstSignThatItLacks() {
  const { clock, disk, writing: own } = writing()

  own.change(BO, "hel")
  await clock.advance(0.4)
  own.change(BO, "hello")
  assertEqual(disk.drafts, [])
  await clock.advance(0.1)
  assertEqual(disk.drafts, [[BO, "hello"]])
  assertEqual(own.textOf(BO, "as kept"), "as kept")
  own.change(BO, "hello bo")
  await clock.advance(0.5)

  assertEqual(disk.drafts.at(-1), [BO, "hello bo"])
}

export async function sendingInOneChatTakesNothingOfAnother() {
  const { clock, disk, writing: own } = writing()

  own.change(BO, "to bo")
  own.submitted(OLGA)
  await clock.advance(1)

  assertEqual(disk.drafts, [[BO, "to bo"]])
}

export async function draftThatFindsNoSpaceStaysInTheWindow() {
  const { disk, writing: own } = writing()
  disk.isFull = true

  own.change(BO, "hello")
  own.keepAll()
  await settled()
  assertEqual(own.textOf(BO, ""), "hello")
  disk.isFull = false
  own.keepAll()
  await settled()

  assertEqual(disk.drafts, [[BO, "hello"]])
}

export async function whatWasRefusedStaysInItsChatAndItsDraft() {
  const { disk, writing: own } = writing()

  own.submitted(BO)
  own.change(OLGA, "to olga")
  own.refused(BO, refused("one"))
  own.submitted(BO)
  own.refused(BO, refused("two"))
  own.keepAll()
  await settled()

  assertEqual(
    own.unsentOf(BO).map(({ contact, number, text }) => [contact, number, text]),
    [
      [BO, -1, "one"],
      [BO, -2, "two"],
    ],
  )
  assertEqual(own.unsentOf(OLGA), [])
  assertEqual(disk.drafts.at(-2), [BO, "one\n\ntwo"])
  assertEqual(own.textOf(BO, "one\n\ntwo"), "")
}

export async function retryGoesToWhomItWasWrittenUnderTheSameId() {
  const { disk, writing: own } = writing()
  own.submitted(BO)
  own.refused(BO, refused("one"))
  await settled()

  const again = own.retried(-1)
  assertEqual([again?.contact, again?.id, again?.text], [BO, "one", "one"])
  assertEqual(own.unsentOf(BO), [])
  own.accepted(BO)

  assertEqual(own.textOf(BO, "as kept"), "as kept")
  assertEqual(own.retried(-1), undefined)
  assertEqual(disk.drafts, [[BO, "one"]])
}

export async function oneThatIsAcceptedTakesNoOtherOutOfTheDraft() {
  const { disk, writing: own } = writing()
  own.submitted(BO)
  own.refused(BO, refused("one"))
  await settled()

  own.submitted(BO)
  own.accepted(BO)
  await settled()

  assertEqual(disk.drafts, [
    [BO, "one"],
    [BO, "one"],
  ])
}

export async function whatIsEditedStandsBeforeWhatIsBeingWritten() {
  const { clock, disk, writing: own } = writing()
  own.submitted(BO)
  own.refused(BO, refused("one"))
  own.change(BO, "two")

  assertEqual(own.edited(-1), BO)
  assertEqual(own.textOf(BO, ""), "one\n\ntwo")
  assertEqual(own.unsentOf(BO), [])
  await clock.advance(1)

  assertEqual(disk.drafts.at(-1), [BO, "one\n\ntwo"])
  assertEqual(own.textOf(BO, "as kept"), "as kept")
}
