import { browserClock } from "../../../static/mesa/lib/timing.js"
import { CallFailed } from "../../../static/mesa/peer/call-failed.js"
import { LoginRefused, Replaced } from "../../../static/mesa/peer/errors.js"
import { LeadLocks } from "../../../static/mesa/peer/lead-locks.js"
import { Windows } from "../../../static/mesa/peer/windows.js"
import { LeadershipLost } from "../../../static/mesa/store/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { FakeClock, settled, until } from "../clock.js"

/**
 * Opens windows of one account, whose leaders say who they are.
 *
 * @param {number} count
 * @param {object} [options]
 * @param {import("../../../static/mesa/lib/timing.js").Clock} [options.clock]
 * @param {(at: number) => (name: string, args: unknown[]) => Promise<unknown>} [options.callOf]
 */
async function openWindows(count, { clock = browserClock, callOf = (at) => async () => at } = {}) {
  const name = crypto.randomUUID()
  /** @type {{windows: Windows, channel: BroadcastChannel, events: object[], led: number, stopped: number, tell: (event: object) => void, ended: (error: unknown) => void, name: string}[]} */
  const opened = []
  for (let at = 0; at < count; at += 1) {
    /** @type {any} */
    const about = { name, events: [], led: 0, stopped: 0 }
    about.windows = new Windows({
      name,
      clock,
      openChannel: (/** @type {string} */ called) => (about.channel = new BroadcastChannel(called)),
      lead: async (tell, ended) => {
        about.led += 1
        about.tell = tell
        about.ended = ended
        return { call: callOf(at), stop: () => (about.stopped += 1) }
      },
      told: (event) => about.events.push(event),
    })
    opened.push(about)
    if (at === 0) await until(() => about.windows.isLeading)
  }
  return opened
}

export async function oneWindowLeadsAndAnswersForAll() {
  const all = await openWindows(3)

  assertEqual(await Promise.all(all.map(({ windows }) => windows.call("who"))), [0, 0, 0])
  assertEqual(
    all.map(({ windows }) => windows.isLeading),
    [true, false, false],
  )
}

export async function callOfTheFirstWindowWaitsForItsOwnTurnOnly() {
  const windows = new Windows({
    name: crypto.randomUUID(),
    clock: new FakeClock(),
    lead: async () => ({ call: async () => "mine", stop: () => {} }),
    told: () => {},
  })

  assertEqual(await windows.call("who"), "mine")
}

export async function everyWindowHearsWhatHappens() {
  const all = await openWindows(3)

  all[0].tell({ type: "message" })

  await until(() => all.every(({ events }) => events.length > 0))
  assertEqual(
    all.map(({ events }) => events),
    Array(3).fill([{ type: "message" }]),
  )
}

export async function nextWindowTakesOverFromOneThatCloses() {
  const all = await openWindows(3)

  all[0].windows.close()
  await until(() => all[1].windows.isLeading)

  assertEqual(await all[2].windows.call("who"), 1)
  assertEqual(
    all.map(({ stopped }) => stopped),
    [1, 0, 0],
  )
}

export async function errorsAreTheSameInEveryWindow() {
  const refuse = async () => {
    throw new RangeError("too much")
  }
  const all = await openWindows(2, { callOf: () => refuse })

  for (const { windows } of all) {
    const { code, message } = await assertFails(CallFailed, () => windows.call("send"))
    assertEqual([code, message], ["RangeError", "too much"])
  }
}

/** Windows of which the first leads and hears nothing, as one that the browser has frozen. @param {FakeClock} clock @param {number} [count] */
async function openBehindAFrozenOne(clock, count = 2) {
  const all = await openWindows(count, { clock })
  all[0].channel.onmessage = null
  return all
}

export async function slowLeaderIsWaitedFor() {
  const clock = new FakeClock()
  /** @type {(value: string) => void} */
  let finish = () => {}
  const slow = () => () => new Promise((resolve) => (finish = resolve))
  const all = await openWindows(2, { clock, callOf: slow })
  let isHeard = false
  all[1].channel.addEventListener("message", ({ data }) => (isHeard ||= "heard" in data))
  const answer = all[1].windows.call("who")
  await until(() => isHeard && finish.length === 1)

  await clock.advance(60)
  finish("done")

  assertEqual(await answer, "done")
  assertEqual(
    all.map(({ windows }) => windows.isLeading),
    [true, false],
  )
}

export async function leaderThatIsFrozenIsReplacedAndStopped() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock)
  const answer = all[1].windows.call("who")

  await settled()
  await clock.advance(1.9)
  assert(!all[1].windows.isLeading)
  await clock.advance(0.2)

  assertEqual(await answer, 1)
  await until(() => all[0].stopped > 0)
  assertEqual(
    all.map(({ windows }) => windows.isLeading),
    [false, true],
  )
}

export async function windowThatLostTheLeadTakesOverAgainWhenItsTurnComes() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock)
  const answer = all[1].windows.call("who")
  await settled()
  await clock.advance(2.1)
  await answer

  all[1].windows.close()

  await until(() => all[0].windows.isLeading)
}

export async function windowThatHasLeftAsksNobodyAndStealsNothing() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock)
  const [, other] = all
  let isAnswered = false
  for (const answer of [other.windows.call("who"), (other.windows.close(), other.windows.call("who"))])
    void answer.finally(() => (isAnswered = true)).catch(() => {})
  await settled()

  await clock.advance(121)

  assertEqual([isAnswered, all[0].stopped, await countLeaders(all[0].name)], [false, 0, 1])
}

export async function leaderThatBeginsAfterAnAccountWasWrittenIsNotStolenFrom() {
  const clock = new FakeClock()
  const all = await openWindows(3, { clock })
  const [{ name }, , other] = all
  // It is slow to be named among those who lead.
  const real = navigator.locks.request
  const held = Promise.withResolvers()
  navigator.locks.request = /** @type {any} */ (
    async (/** @type {string} */ lock, /** @type {any[]} */ ...more) => {
      if (lock.startsWith(`mesa-leader/${name}/`)) await held.promise
      return /** @type {any} */ (real).call(navigator.locks, lock, ...more)
    }
  )
  try {
    /** @type {Promise<unknown>} */
    let answer = Promise.resolve()
    await new LeadLocks(name).insteadOfLeader(async () => {
      await until(() => all[0].stopped === 1)
      answer = other.windows.call("who")
      await settled()
      await clock.advance(2.1)
    })
    await until(() => all.some(({ windows }) => windows.isLeading))
    await settled()
    held.resolve(undefined)
    await answer
  } finally {
    navigator.locks.request = real
  }
  assertEqual(
    all.map(({ led }) => led),
    [1, 1, 0],
  )
}

export async function whyThereIsNoLeaderIsToldToWhoeverCalls() {
  const windows = new Windows({
    name: crypto.randomUUID(),
    clock: browserClock,
    lead: async () => {
      throw new RangeError("a newer version")
    },
    told: () => {},
  })

  assertEqual((await assertFails(CallFailed, () => windows.call("who"))).message, "a newer version")
}

export async function callThatFindsNoLeaderIsAskedAgainWhenThereIsOne() {
  const windows = new Windows({
    name: crypto.randomUUID(),
    clock: new FakeClock(),
    lead: async () => ({ call: async () => "here", stop: () => {} }),
    told: () => {},
  })

  assertEqual(await windows.call("who"), "here")
}

export async function callThatWasHeardIsAskedAgainAtOnceWhenItsLeaderGoes() {
  const never = () => new Promise(() => {})
  const callOf = (/** @type {number} */ at) => (at === 0 ? never : async () => at)
  const all = await openWindows(3, { clock: new FakeClock(), callOf })
  let isHeard = false
  all[2].channel.addEventListener("message", ({ data }) => (isHeard ||= "heard" in data))
  const answer = all[2].windows.call("who")
  await until(() => isHeard)

  all[0].windows.close()

  assertEqual(await answer, 1)
}

export async function windowsThatGiveUpAtTheSameTimeFindOneNewLeader() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock, 4)
  const [, ...others] = all
  const answers = others.map(({ windows }) => windows.call("who"))
  await settled()

  await clock.advance(2.1)

  const [first, ...rest] = await Promise.all(answers)
  assertEqual(rest, [first, first])
  assertEqual(
    all.map(({ led }) => led),
    all.map((_, at) => Number(at === 0 || at === first)),
  )
}

export async function callsOfOneWindowThatGiveUpAtTheSameTimeMakeOneLeader() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock)
  const answers = [1, 2, 3].map(() => all[1].windows.call("who"))
  await settled()

  await clock.advance(2.1)

  assertEqual(await Promise.all(answers), [1, 1, 1])
  assertEqual([all[1].led, all[1].stopped], [1, 0])
}

export async function leaderWhoCameAfterTheOneThatWasAskedIsNotStolenFrom() {
  const clock = new FakeClock()
  const all = await openBehindAFrozenOne(clock, 3)
  // What the third window is told of it comes too late.
  const { channel } = all[2]
  const hear = channel.onmessage
  channel.onmessage = (message) => "leads" in message.data || hear?.call(channel, message)
  const early = all[1].windows.call("who")
  await settled()
  await clock.advance(1)
  const late = all[2].windows.call("who")
  await settled()
  await clock.advance(1.1)
  assertEqual(await early, 1)

  await clock.advance(1)

  assertEqual(await late, 1)
  assertEqual(
    all.map(({ led }) => led),
    [1, 1, 0],
  )
}

export async function everyWindowLearnsThatAnotherOneLeads() {
  const name = crypto.randomUUID()
  /** @type {boolean[][]} */
  const told = [[], [], []]
  const all = told.map(
    (changes) =>
      new Windows({
        name,
        clock: new FakeClock(),
        lead: async () => ({ call: async () => "done", stop: () => {} }),
        told: () => {},
        changed: (isLeading) => changes.push(isLeading),
      }),
  )
  await until(() => all[0].isLeading && told[1].length > 0 && told[2].length > 0)

  all[0].close()

  await until(() => all[1].isLeading && told[2].length > 1)
  assertEqual(told, [[true], [false, true], [false, false]])
}

/** How many windows of an account hold a lock as those who lead. @param {string} name */
async function countLeaders(name) {
  const { held = [] } = await navigator.locks.query()
  return held.filter((each) => each.name?.startsWith(`mesa-leader/${name}/`)).length
}

export async function leaderWhosePeerEndsGivesWayToTheNextWindow() {
  const all = await openWindows(3)

  for (const Failure of [LoginRefused, Replaced]) {
    const [leader] = all.filter(({ windows }) => windows.isLeading)
    leader.ended(new Failure())
    await until(() => all.some((each) => each !== leader && each.windows.isLeading))
  }

  assertEqual(await Promise.all(all.map(({ windows }) => windows.call("who"))), [2, 2, 2])
  assertEqual(
    all.map(({ led, stopped }) => [led, stopped]),
    [
      [1, 1],
      [1, 1],
      [1, 0],
    ],
  )
  assertEqual(await countLeaders(all[0].name), 1)
}

export async function windowWhoseLeadershipWasLostLeadsAnew() {
  const [only] = await openWindows(1)

  only.ended(new LeadershipLost())

  await until(() => only.led === 2)
  assertEqual([await only.windows.call("who"), only.stopped], [0, 1])
}

export async function windowWhosePeerFailedSaysSoAndDoesNotLead() {
  const clock = new FakeClock()
  const [only] = await openWindows(1, { clock })
  only.ended(new LoginRefused("ended"))
  const answer = assertFails(CallFailed, () => only.windows.call("who"))
  await settled()

  await clock.advance(2.1)

  assertEqual((await answer).code, "LoginRefused")
  assertEqual(only.events, [{ event: "failed", code: "LoginRefused" }])
  assertEqual([only.led, only.stopped, only.windows.isLeading], [1, 1, false])
  assertEqual(await countLeaders(only.name), 0)
}

export async function windowThatWasReplacedLeadsAgainAfterAWhile() {
  const clock = new FakeClock()
  const [only] = await openWindows(1, { clock })
  only.ended(new Replaced())
  await settled()

  await clock.advance(29)
  assertEqual(only.led, 1)
  await clock.advance(2)

  await until(() => only.led === 2)
}

export async function windowThatWasReplacedSaysThatAnotherOneLeads() {
  /** @type {boolean[]} */
  const changes = []
  let end = (/** @type {unknown} */ _error) => {}
  const windows = new Windows({
    name: crypto.randomUUID(),
    clock: new FakeClock(),
    lead: async (_tell, ended) => {
      end = ended
      return { call: async () => "done", stop: () => {} }
    },
    told: () => {},
    changed: (isLeading) => changes.push(isLeading),
  })
  await until(() => windows.isLeading)

  end(new Replaced())
  await until(() => !windows.isLeading)

  assertEqual(changes, [true, false])
  windows.close()
}

export async function nobodyLeadsWhileAnAccountIsWrittenFromOutside() {
  const clock = new FakeClock()
  const all = await openWindows(2, { clock })
  /** @type {Promise<number>} */
  let answer = Promise.resolve(-1)

  await new LeadLocks(all[0].name).insteadOfLeader(async () => {
    await until(() => all[0].stopped === 1)
    answer = all[1].windows.call("who")
    await settled()
    await clock.advance(2.1)
    assertEqual(await countLeaders(all[0].name), 0)
  })

  assertEqual(all[await answer].windows.isLeading, true)
  assertEqual(await countLeaders(all[0].name), 1)
}
