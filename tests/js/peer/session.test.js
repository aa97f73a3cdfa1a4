import { LoginRefused, Refused, Replaced, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { Session } from "../../../static/mesa/peer/session.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { FakeClock, settled } from "../clock.js"
import { fakeSockets, welcome } from "./sockets.js"

const LINK = new Uint8Array(16).fill(9)
const RESUME = new Uint8Array(32).fill(1)
const EPOCH = new Uint8Array(16).fill(1)
/** @type {import("../../../static/mesa/protocol/frames.js").FrameToServer} */
const ICE_CLIENT = {
  type: "ice_client",
  onion_key: new Uint8Array(117),
  capabilities: { forward: true },
  nat: "unknown",
  offers: [],
  tickets: [],
}
/** @type {import("../../../static/mesa/protocol/frames.js").FrameToPeer} */
const SNAPSHOT = { type: "snapshot", hops: [], transactions: [], receipts: [], conversations: [] }

/** @param {{renew?: () => Promise<void>}} [how] */
function start({ renew = async () => {} } = {}) {
  const [clock, ends, sockets] = [new FakeClock(), new AbortController(), fakeSockets()]
  /** @type {any} */
  const seen = { events: [], greetings: [], frames: [], renewed: 0 }
  const rest = { renew: () => ((seen.renewed += 1), renew()) }
  const session = new Session(
    { url: "wss://mesa.example/ws/session/", WebSocket: sockets.WebSocket, rest, clock, jitter: () => 1 },
    {
      openLinks: () => [LINK],
      welcomed: (greeting) => seen.greetings.push(greeting),
      received: (frame) => seen.frames.push(frame),
      report: (event) => seen.events.push(event),
    },
  )
  const over = session.run(ends.signal)
  over.catch(() => {})
  return {
    session,
    clock,
    ends,
    over,
    seen,
    made: sockets.made,
    last: () => sockets.made[sockets.made.length - 1],
  }
}

/** @param {Parameters<typeof start>[0]} [how] */
async function greeted(how) {
  const all = start(how)
  all.last().accept()
  all.last().say(welcome())
  await settled()
  return all
}

export async function socketIsGreetedFirst() {
  const { session, seen, last } = start()
  assert(!session.isOpen)

  last().accept()
  last().say(welcome())
  await settled()

  assertEqual([last().url, last().protocols], ["wss://mesa.example/ws/session/", ["mesa.1"]])
  assertEqual(last().sent, [{ type: "hello", resume: null, epoch: null, links: [LINK] }])
  assertEqual(seen.events, [{ event: "session_opened", resumed: false }])
  assertEqual(seen.greetings, [{ welcome: welcome(), isForgotten: true, isNewStore: false }])
  assert(session.isOpen)
}

export async function framesReachThePeerInTheirOrder() {
  const { seen, last } = await greeted()

  last().say({ type: "mailbox" })
  last().say({ type: "link_drop", link: LINK })

  assertEqual(seen.frames, [{ type: "mailbox" }, { type: "link_drop", link: LINK }])
}

export async function whatIsSentBeforeAFreshWelcomeIsOverWithThePeerThatSentIt() {
  const { session, last } = start()
  session.send({ type: "link_up", link: LINK })
  last().accept()
  last().say(welcome())
  await settled()

  assertEqual(last().types, ["hello"])
}

export async function whatWaitedGoesOutWhenThePeerIsResumed() {
  const { session, clock, last } = await greeted()
  last().refuse(1006)
  await settled()
  session.send({ type: "link_up", link: LINK })
  await clock.advance(1)
  last().accept()
  last().say(welcome({ resumed: true }))
  await settled()

  assertEqual(last().sent[0], { type: "hello", resume: RESUME, epoch: EPOCH, links: [LINK] })
  assertEqual(last().types, ["hello", "link_up"])
}

export async function oldestFramesGoWhenTooManyWait() {
  const { session, clock, last } = await greeted()
  last().refuse(1006)
  await settled()
  for (let at = 0; at < 1_030; at += 1) {
    session.send({ type: "repath", tx: "8f14e45f-ceea-467f-a8b1-0c1d2e3f4a5b", attempt: at + 1 })
  }
  await clock.advance(1)
  last().accept()
  last().say(welcome({ resumed: true }))
  await clock.advance(30)

  assertEqual([last().sent.length, last().sent[1].attempt], [1_025, 7])
}

export async function rateStaysBelowTheServersLimit() {
  const { session, clock, last } = await greeted()
  for (let at = 0; at < 300; at += 1) session.send({ type: "link_up", link: LINK })

  await settled()
  const atOnce = last().sent.length
  await clock.advance(1)

  assertEqual(atOnce, 101)
  assert(Math.abs(last().sent.length - atOnce - 80) <= 1)
}

export async function socketThatTakesNothingIsNotFilled() {
  const { session, clock, last } = await greeted()
  last().bufferedAmount = 2 * 1_024 * 1_024
  session.send({ type: "link_up", link: LINK })
  await clock.advance(5)
  const before = last().types

  last().bufferedAmount = 0
  await clock.advance(1)

  assertEqual([before, last().types], [["hello"], ["hello", "link_up"]])
}

export async function flushWaitsUntilAllIsOutAndNoLonger() {
  const { session, clock } = await greeted()
  for (let at = 0; at < 140; at += 1) session.send({ type: "link_up", link: LINK })
  /** @type {string[]} */
  const done = []
  const soon = session.flush(0.2).then(() => done.push("in time"))
  const late = session.flush(5).then(() => done.push("out"))

  await clock.advance(0.3)
  assertEqual(done, ["in time"])
  await clock.advance(0.4)

  await Promise.all([soon, late])
  assertEqual(done, ["in time", "out"])
}

export async function pausesGrowAndStartAnewAfterAGoodTime() {
  const { clock, made, last, seen } = start()
  for (const pauseS of [1, 2, 4, 8, 16, 30, 30]) {
    last().refuse(1006)
    await settled()
    assertEqual(seen.events.at(-1), { event: "session_closed", cause: "unreachable", retry_s: pauseS })
    const count = made.length
    await clock.advance(pauseS - 0.1)
    assertEqual(made.length, count)
    await clock.advance(0.2)
    assertEqual(made.length, count + 1)
  }
  last().accept()
  last().say(welcome())
  await clock.advance(31)

  last().refuse(1001)
  await settled()

  assertEqual(seen.events.at(-1), { event: "session_closed", cause: "1001", retry_s: 1 })
}

export async function hourWithoutASocketIsTriedEachHalfMinuteAndOver() {
  const { session, clock, made, last, seen } = await greeted()
  last().refuse(1006)
  await clock.advance(31)
  session.send({ type: "link_up", link: LINK })
  const before = made.length
  for (let at = 0; at < 120; at += 1) {
    last().refuse(1006)
    await clock.advance(30)
  }
  assert(made.length - before >= 115 && made.length - before <= 121, String(made.length - before))

  last().accept()
  // By then the server has forgotten this peer, and what was said about its links.
  last().say(welcome({ resumed: false }))
  await settled()

  assertEqual(seen.greetings.length, 2)
  assertEqual(last().types, ["hello"])
  assertEqual(seen.events.at(-1).event, "session_opened")
}

export async function userWhoComesBackDoesNotWait() {
  const { session, clock, made, last } = start()
  for (const pauseS of [1, 2, 4, 8]) {
    last().refuse(1006)
    await clock.advance(pauseS)
  }
  last().refuse(1006)
  await settled()
  const count = made.length

  session.retryNow()
  await clock.advance(0)

  assertEqual(made.length, count + 1)
}

export async function socketThatDoesNotOpenIsGivenUp() {
  const { clock, made, seen } = start()

  await clock.advance(10.1)

  assert(made[0].isClosedByPage)
  assertEqual(seen.events, [{ event: "session_closed", cause: "unreachable", retry_s: 1 }])
}

export async function serverThatDoesNotGreetIsGivenUp() {
  const { clock, seen, last } = start()
  last().accept()

  await clock.advance(10.1)

  assertEqual(seen.events, [{ event: "session_closed", cause: "protocol", retry_s: 1 }])
}

export async function whatIsNoFrameEndsTheSocket() {
  const frames = [
    "{",
    "[]",
    '{"type":"unknown"}',
    '{"type":"mailbox","more":1}',
    new ArrayBuffer(2),
    new Blob(),
  ]
  for (const data of frames) {
    const { session, seen, last } = await greeted()

    last().onmessage({ data })
    await settled()

    assert(last().isClosedByPage && !session.isOpen)
    assertEqual(seen.events.at(-1), { event: "session_closed", cause: "protocol", retry_s: 1 })
  }
}

export async function firstFrameIsAWelcome() {
  const { seen, last } = start()
  last().accept()

  last().say({ type: "mailbox" })
  await settled()

  assertEqual([seen.frames, seen.events[0].cause], [[], "protocol"])
}

export async function nothingIsHeardOfASocketThatHasEnded() {
  const { seen, made } = await greeted()
  made[0].refuse(1006)

  made[0].say({ type: "mailbox" })

  assertEqual(seen.frames, [])
}

export async function endOfTheLoginRenewsItBeforeTheNextTry() {
  const { clock, made, seen, last } = await greeted()

  last().refuse(4401)
  await settled()

  assertEqual([seen.renewed, seen.events.at(-1)], [1, { event: "session_closed", cause: "4401", retry_s: 1 }])
  await clock.advance(1)
  assertEqual(made.length, 2)
}

export async function loginThatHasEndedEndsTheSession() {
  const { over, last } = await greeted({
    renew: async () => {
      throw new LoginRefused("ended")
    },
  })

  last().refuse(4401)

  assertEqual((await assertFails(LoginRefused, () => over)).code, "ended")
}

export async function serverThatGivesNoCookiesNowIsLeftAloneForAsLongAsItAsks() {
  const { session, clock, made, last } = await greeted({
    renew: async () => {
      throw new ServerUnreachable("unavailable", 20)
    },
  })
  last().refuse(4401)
  await settled()

  session.retryNow()
  await clock.advance(19.9)
  assertEqual(made.length, 1)
  await clock.advance(0.2)

  assertEqual(made.length, 2)
}

export async function someEndsAreFinal() {
  for (const [code, kind, word] of /** @type {[number, any, string][]} */ ([
    [4403, Refused, "origin_refused"],
    [4409, Replaced, "replaced"],
    [4426, Refused, "version_unsupported"],
  ])) {
    const { over, last, made } = await greeted()

    last().refuse(code)

    assertEqual((await assertFails(kind, () => over)).message, word)
    assertEqual(made.length, 1)
  }
}

export async function otherNamedEndsAreTriedAgain() {
  for (const code of [4400, 4408, 4413, 4429, 4503]) {
    const { clock, made, last } = await greeted()

    last().refuse(code)
    await clock.advance(1)

    assertEqual(made.length, 2, String(code))
  }
}

export async function socketOnWhichNothingComesAfterAHeartbeatIsGivenUp() {
  const { session, clock, seen, last } = await greeted()
  session.send(ICE_CLIENT)
  await clock.advance(19.9)
  assert(session.isOpen)

  await clock.advance(0.2)

  assert(last().isClosedByPage)
  assertEqual(seen.events.at(-1), { event: "session_closed", cause: "silent", retry_s: 1 })
}

export async function anyFrameAfterAHeartbeatIsASignOfLife() {
  for (const frame of [SNAPSHOT, /** @type {const} */ ({ type: "mailbox" })]) {
    const { session, clock, last } = await greeted()
    session.send(ICE_CLIENT)
    await clock.advance(10)
    last().say(frame)

    await clock.advance(60)

    assert(session.isOpen)
  }
}

export async function timeAsleepIsNotTheSocketsSilence() {
  const { session, clock, last } = await greeted()
  session.send(ICE_CLIENT)
  await settled()
  // The machine wakes after an hour: the timer is late, and the answer has not been read yet.
  clock.sleep(3_600)
  await clock.advance(1)
  assert(session.isOpen)

  last().say(SNAPSHOT)
  await clock.advance(60)

  assert(session.isOpen)
}

export async function socketThatIsStillSilentAfterASleepIsGivenUp() {
  const { session, clock } = await greeted()
  session.send(ICE_CLIENT)
  await settled()
  clock.sleep(3_600)

  await clock.advance(21)

  assert(!session.isOpen)
}

export async function resumeIsNotTriedAfterTheServerForgot() {
  const { clock, last } = await greeted()
  last().refuse(1006)
  await settled()
  clock.sleep(91)
  await clock.advance(1)
  last().accept()

  assertEqual(last().sent[0].resume, null)
}

export async function newStoreIsGreetedAgainAfterARandomDelay() {
  const { clock, seen, last } = await greeted()
  const epoch = new Uint8Array(16).fill(2)

  last().say(welcome({ epoch, resume: new Uint8Array(32).fill(2) }))
  last().say(welcome({ epoch, resume: new Uint8Array(32).fill(2) }))
  await clock.advance(1.9)
  assertEqual(last().types, ["hello"])
  await clock.advance(0.2)
  assertEqual(last().types, ["hello", "hello"])
  last().say(welcome({ epoch, resumed: true }))

  assertEqual(last().sent[1], { type: "hello", resume: new Uint8Array(32).fill(2), epoch, links: [LINK] })
  const { isForgotten, isNewStore } = seen.greetings.at(-1)
  assertEqual([seen.greetings.length, isForgotten, isNewStore], [2, false, true])
}

export async function storeThatWasLostWhileAwayIsToldAtTheNextWelcome() {
  const { clock, seen, last } = await greeted()
  last().refuse(1006)
  await clock.advance(1)
  last().accept()
  last().say(welcome({ epoch: new Uint8Array(16).fill(2) }))

  const { isForgotten, isNewStore } = seen.greetings.at(-1)
  assertEqual([isForgotten, isNewStore], [false, true])
}

export async function everythingEndsWithTheSignal() {
  const { session, clock, ends, over, made, last } = await greeted()

  ends.abort()
  await over
  await clock.advance(100)

  assert(last().isClosedByPage && !session.isOpen)
  assertEqual(made.length, 1)
}

export async function pauseBetweenSocketsEndsWithTheSignal() {
  const { clock, ends, over, made, last } = start()
  last().refuse(1006)
  await settled()

  ends.abort()
  await over
  await clock.advance(100)

  assertEqual(made.length, 1)
}

export async function defectOfOurOwnIsNotTakenForTheServers() {
  const [clock, sockets] = [new FakeClock(), fakeSockets()]
  const edges = { openLinks: () => [], received: () => {}, report: () => {} }
  const welcomed = () => {
    throw new RangeError("a defect")
  }
  const parts = { url: "wss://x/", WebSocket: sockets.WebSocket, rest: { renew: async () => {} }, clock }
  const over = new Session(parts, { ...edges, welcomed }).run(new AbortController().signal)
  over.catch(() => {})

  sockets.made[0].accept()
  sockets.made[0].say(welcome())

  await assertFails(RangeError, () => over)
}
