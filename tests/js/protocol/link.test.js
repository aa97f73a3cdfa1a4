import { UnexpectedEvent } from "../../../static/mesa/protocol/errors.js"
import { Link, TRANSITIONS } from "../../../static/mesa/protocol/link.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Random } from "../random.js"
import { casesOf } from "../vectors.js"

/** @typedef {import("../../../static/mesa/protocol/link.js").LinkState} LinkState */
/** @typedef {import("../../../static/mesa/protocol/link.js").LinkEvent} LinkEvent */

const STATES = /** @type {LinkState[]} */ (Object.keys(TRANSITIONS))
const EVENTS = /** @type {const} */ ([
  "taken",
  "offered",
  "answered",
  "channel_opened",
  "channel_closed",
  "timed_out",
  "dropped",
])

export async function tracesOfThePageAreFollowed() {
  for (const { name, expect, start, steps } of await casesOf("links", "trace")) {
    const link = new Link(start)
    const illegal = expect === "ok" ? null : steps.pop()
    for (const { event, state, commands } of steps)
      assertEqual([link.receive(event), link.state], [commands, state], name)
    if (illegal) {
      const error = await assertFails(UnexpectedEvent, () => link.receive(illegal.event))
      assertEqual([error.name, link.state], [expect, illegal.state], name)
    }
  }
}

export async function everyPairOfStateAndEventHasATrace() {
  const cases = await casesOf("links")
  const tried = cases
    .filter(({ steps }) => steps.length === 1)
    .map((each) => `${each.start} ${each.steps[0].event}`)

  assertEqual(new Set(tried), new Set(STATES.flatMap((state) => EVENTS.map((event) => `${state} ${event}`))))
}

/** Lives of links: a start, and all events of a draw; illegal ones are passed over. */
function* lives() {
  const random = new Random(8)
  for (let round = 0; round < 500; round++) {
    const link = new Link(random.pick(/** @type {const} */ (["stock", "ordered"])))
    const commands = random.several(random.below(12), () => received(link, random.pick(EVENTS))).flat()
    yield { link, commands }
  }
}

/** @param {Link} link @param {LinkEvent} event */
function received(link, event) {
  const before = link.state
  try {
    return link.receive(event)
  } catch (error) {
    assert(error instanceof UnexpectedEvent)
    assertEqual(link.state, before)
    return []
  }
}

export function aLinkIsReportedUpAndDownAtMostOnce() {
  for (const { commands } of lives())
    for (const command of ["report_up", "report_down", "close", "start_deadline"])
      assert(commands.filter((each) => each === command).length <= 1, command)
}

export function aLinkThatIsNotAtRestHasADeadline() {
  for (const { link, commands } of lives())
    if (link.state === "awaiting_answer" || link.state === "connecting") {
      assert(commands.includes("start_deadline"))
      link.receive("timed_out")
      assertEqual(link.state, "closed")
    }
}

export function aClosedLinkWasClosedAndStaysClosed() {
  for (const { link, commands } of lives()) assertEqual(link.state === "closed", commands.includes("close"))
}

export function everyLinkCanBeDroppedWithoutAReport() {
  for (const { link } of lives()) {
    assert(!link.receive("dropped").includes("report_down"))
    assertEqual(link.state, "closed")
  }
}

export async function anIllegalEventNamesNeitherLinkNorPeer() {
  const error = await assertFails(UnexpectedEvent, () => new Link("ordered").receive("answered"))

  assertEqual(error.message, "answered in state ordered")
}
