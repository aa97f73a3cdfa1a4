import { Chores } from "../../../static/mesa/peer/chores.js"
import { LoginRefused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { assertEqual } from "../assert.js"
import { FakeClock } from "../clock.js"

/** Chores whose steps only note that they were done; `failing` names steps that fail, and how. @param {Record<string, Error>} [failing] */
function makeChores(failing = {}) {
  const clock = new FakeClock()
  /** @type {Record<string, number>} */
  const done = {}
  /** @type {unknown[]} */
  const failures = []
  const note = (/** @type {string} */ what) => async () => {
    done[what] = (done[what] ?? 0) + 1
    if (failing[what]) throw failing[what]
  }
  const posts = { deliver: note("deliver"), retryInS: /** @type {number | null} */ (null) }
  const parts = {
    tokens: { withdraw: note("withdraw"), refill: note("refill") },
    posts,
    mailbox: { empty: note("empty"), retryInS: null },
    inbox: { showOverdue: note("showOverdue") },
    checkLogin: async () => {
      if (failing.login) throw failing.login
    },
    checkPrekeys: note("prekeys"),
    clock,
    draw: () => 0.5,
    fail: (/** @type {unknown} */ error) => void failures.push(error),
  }
  const chores = new Chores(/** @type {any} */ (parts))
  const stop = new AbortController()
  chores.start(stop.signal)
  return { clock, done, failures, posts, chores, stop }
}

export async function everyChoreIsDoneInItsTime() {
  const { clock, done } = makeChores()
  await clock.advance(1)
  assertEqual(done, { withdraw: 1, deliver: 1, empty: 1, prekeys: 1 })

  await clock.advance(3_599)

  // The mailbox every 450 s, prekeys and tokens every hour, what is overdue every minute.
  assertEqual(done, { withdraw: 9, deliver: 9, empty: 9, prekeys: 2, refill: 1, showOverdue: 60 })
}

export async function mailboxIsLookedIntoAtOnceWhenAPostCame() {
  const { clock, done, chores } = makeChores()
  await clock.advance(1)

  chores.lookIntoMailbox()
  await clock.advance(1)

  assertEqual(done.empty, 2)
}

export async function mailboxThatFailsIsTriedAgainSoonAndStopsNothing() {
  const down = new ServerUnreachable()
  const { clock, done } = makeChores({ withdraw: down, prekeys: down })

  await clock.advance(1)
  assertEqual(done, { withdraw: 1, deliver: 1, empty: 1, prekeys: 1 })
  await clock.advance(31)

  assertEqual(done, { withdraw: 3, deliver: 3, empty: 3, prekeys: 2 })
}

export async function postThatWaitsIsTriedWhenItIsDue() {
  const { clock, done, posts, chores } = makeChores()
  await clock.advance(1)
  posts.retryInS = 20
  chores.lookIntoMailbox()
  await clock.advance(1)

  await clock.advance(21)

  assertEqual(done.deliver, 3)
}

export async function endOfTheLoginEndsThePeer() {
  const { clock, failures } = makeChores({ deliver: new LoginRefused() })

  await clock.advance(1)

  assertEqual(
    failures.map((error) => error instanceof LoginRefused),
    [true],
  )
}

export async function nothingIsDoneUnderALoginThatIsNotKnownToBeOurs() {
  const { clock, done, failures } = makeChores({ login: new ServerUnreachable() })

  await clock.advance(100)

  assertEqual([done, failures], [{ showOverdue: 1 }, []])
}

export async function nothingIsDoneAnyMoreAfterTheEnd() {
  const { clock, done, stop } = makeChores()
  await clock.advance(1)
  const before = { ...done }

  stop.abort()
  await clock.advance(20_000)

  assertEqual(done, before)
}
