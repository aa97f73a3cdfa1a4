import { LoginRefused, Refused, ServerUnreachable, UnknownUser } from "../../../static/mesa/peer/errors.js"
import { Rest } from "../../../static/mesa/peer/rest.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { FakeClock, settled, until } from "../clock.js"
import { FakeServer, problem } from "./server.js"

const ENDED = problem(401, "not_authenticated")
const REFRESH = "POST /api/accounts/refresh/"

/** @param {import("./server.js").Say} [say] */
function start(say) {
  const [server, clock] = [new FakeServer(say), new FakeClock()]
  return { server, clock, rest: new Rest(server.edges(clock)) }
}

/** A server that takes no login until it was refreshed. */
function expired() {
  let isGood = false
  return start(({ path }) => {
    if (path === "/api/accounts/refresh/") isGood = true
    return isGood ? { body: { fine: true } } : ENDED
  })
}

export async function answerIsReadAsAnObject() {
  const { rest } = start(() => ({ body: { at_least: 10 } }))

  assertEqual(await rest.call("GET", "/api/p2p/forwarders/"), { at_least: 10 })
}

export async function answerWithoutABodyIsAnEmptyObject() {
  const { rest } = start(() => ({ status: 204 }))

  assertEqual(await rest.call("POST", "/api/accounts/logout/", {}), {})
}

export async function onlyWhatChangesSomethingCarriesTheTokenAgainstForgedRequests() {
  const { rest, server } = start()
  server.cookies = "theme=dark; csrftoken=abc; other=1"

  await rest.call("GET", "/api/accounts/me/")
  await rest.call("POST", "/api/accounts/logout/", {})

  assertEqual(
    server.heard.map(({ headers }) => headers["X-CSRFToken"]),
    [undefined, "abc"],
  )
}

export async function cookieWhoseNameOnlyEndsLikeTheTokenIsNotSent() {
  const { rest, server } = start()
  server.cookies = "xcsrftoken=abc"

  await rest.call("POST", "/api/accounts/logout/", {})

  assert(!("X-CSRFToken" in server.heard[0].headers))
}

export async function problemDocumentsAreTypedErrors() {
  /** @type {[import("./server.js").Said, new (...args: any[]) => Error, string][]} */
  const cases = [
    [problem(401, "login_refused"), LoginRefused, "login_refused"],
    [problem(401, "recovery_refused"), LoginRefused, "recovery_refused"],
    [problem(403, "wrong_password"), LoginRefused, "wrong_password"],
    [problem(403, "banned"), LoginRefused, "banned"],
    [ENDED, LoginRefused, "ended"],
    [problem(404, "not_found"), UnknownUser, "not_found"],
    [problem(409, "username_taken"), Refused, "username_taken"],
    [problem(403, "invitation_refused"), Refused, "invitation_refused"],
    [problem(503, "unavailable"), ServerUnreachable, "unavailable"],
    [{ status: 502, text: "<h1>Bad gateway</h1>" }, ServerUnreachable, "unavailable"],
    [{ status: 400, text: "nonsense" }, Refused, "refused"],
    [{ status: 400, body: ["a", "list"] }, Refused, "refused"],
    [problem(400, "a code\u202e with signs"), Refused, "refused"],
    [problem(400, "x".repeat(65)), Refused, "refused"],
  ]
  for (const [said, kind, code] of cases) {
    const { rest } = start(() => said)

    const error = await assertFails(kind, () => rest.call("POST", "/api/", {}, { login: false }))

    assertEqual([error.name, /** @type {any} */ (error).code], [kind.name, code])
  }
}

export async function pausesThatTheServerNamesAreKept() {
  for (const [said, expected] of /** @type {[string, number | null][]} */ ([
    ["7", 7],
    ["99999999999999999999", 3_600],
    ["-1", null],
    ["inf", null],
    ["Wed, 21 Oct 2026 07:28:00 GMT", null],
    ["", null],
  ])) {
    const headers = { "Retry-After": said }
    for (const answer of [problem(429, "throttled"), problem(503, "unavailable")]) {
      const { rest } = start(() => ({ ...answer, headers }))

      const error = await rest.call("GET", "/api/server/").catch((reason) => reason)

      assertEqual(error.retryAfterS, expected, said)
    }
  }
}

export async function refusedPartsOfARequestAreNamed() {
  const fields = { password: ["This password is too common."], "<b>": ["no name"] }
  const { rest } = start(() => problem(400, "invalid", { fields }))

  const error = await assertFails(Refused, () => rest.call("POST", "/api/", {}))

  assertEqual([error.code, error.fields], ["invalid", ["password"]])
}

export async function whatIsNoAnswerOfAMesaServerIsToldAsSuch() {
  const said = [{ text: "<!doctype html>" }, { body: [1] }, { body: null }, { body: "text" }, { text: "{" }]
  for (const answer of said) {
    const { rest } = start(() => answer)

    await assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))
  }
}

export async function bytesThatAreNoTextAreNoAnswer() {
  const edges = new FakeServer().edges(new FakeClock())
  const rest = new Rest({ ...edges, fetch: async () => new Response(new Uint8Array([0x7b, 0xff, 0x7d])) })

  await assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))
}

export async function answerWithoutAnEndIsNotReadToItsEnd() {
  let pieces = 0
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        pieces += 1
        controller.enqueue(new Uint8Array(1_024 * 1_024))
      },
    })
  const edges = new FakeServer().edges(new FakeClock())
  const rest = new Rest({ ...edges, fetch: async () => new Response(endless()) })

  await assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))

  assert(pieces < 20)
}

export async function networkThatFailsIsAServerThatCanNotBeReached() {
  const { rest } = start(() => {
    throw new TypeError("Failed to fetch")
  })

  assertEqual(
    (await assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))).code,
    "no_answer",
  )
}

export async function silentServerIsNotWaitedForForever() {
  const { rest, clock } = start(() => new Promise(() => {}))
  const failed = assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))

  await clock.advance(15.1)

  await failed
}

export async function answerThatComesDropByDropIsNotWaitedForForever() {
  const clock = new FakeClock()
  const drops = () => new ReadableStream({ pull: () => new Promise(() => {}) })
  const rest = new Rest({ ...new FakeServer().edges(clock), fetch: async () => new Response(drops()) })
  const failed = assertFails(ServerUnreachable, () => rest.call("GET", "/api/server/"))
  await settled()

  await clock.advance(60.1)

  await failed
}

export async function loginWhoseTokenExpiredIsRefreshedInSilence() {
  const { rest, server } = expired()

  assertEqual(await rest.call("GET", "/api/accounts/statements/"), { fine: true })
  assertEqual(server.asked.filter((each) => each === REFRESH).length, 1)
  assertEqual(server.asked.at(-1), "GET /api/accounts/statements/")
}

export async function manyRequestsAtOnceRefreshOnce() {
  const { rest, server, clock } = expired()
  const otherWindow = new Rest(server.edges(clock))

  const paths = ["/api/a/", "/api/b/", "/api/c/", "/api/d/"]
  await Promise.all(paths.flatMap((path) => [rest.call("GET", path), otherWindow.call("POST", path, {})]))

  assertEqual(server.asked.filter((each) => each === REFRESH).length, 1)
}

export async function windowThatStandsInLineUsesWhatAnotherGot() {
  let isGood = false
  const { rest, server } = start(() => (isGood ? { body: {} } : ENDED))
  /** @type {() => void} */
  let release = () => {}
  const held = new Promise((resolve) => (release = () => resolve(undefined)))
  const other = navigator.locks.request("mesa-refresh", () => held)
  const answer = rest.call("GET", "/api/accounts/me/")
  await until(() => server.heard.length > 0)

  isGood = true
  release()

  await Promise.all([answer, other])
  assert(!server.asked.includes(REFRESH))
}

export async function loginThatHasEndedIsToldAfterOneTry() {
  const { rest, server } = start(() => ENDED)

  assertEqual((await assertFails(LoginRefused, () => rest.call("GET", "/api/accounts/me/"))).code, "ended")
  assertEqual(server.asked.filter((each) => each === REFRESH).length, 1)
}

export async function serverThatCanNotRefreshNowEndsNoLogin() {
  const { rest } = start(({ path }) =>
    path.includes("refresh") ? { ...problem(503, "unavailable"), headers: { "Retry-After": "9" } } : ENDED,
  )

  assertEqual((await assertFails(ServerUnreachable, () => rest.renew())).retryAfterS, 9)
}

export async function requestsWithoutALoginAreNeverRefreshed() {
  const { rest, server } = start(() => problem(401, "login_refused"))

  await assertFails(LoginRefused, () => rest.call("POST", "/api/accounts/login/", {}, { login: false }))

  assertEqual(server.heard.length, 1)
}

export async function windowThatNeverLetsGoStopsNoOtherForever() {
  const { rest, server, clock } = start(() => ENDED)
  /** @type {() => void} */
  let release = () => {}
  const held = new Promise((resolve) => (release = () => resolve(undefined)))
  const other = navigator.locks.request("mesa-refresh", () => held)
  const failed = assertFails(ServerUnreachable, () => rest.call("GET", "/api/accounts/me/"))
  await until(() => server.heard.length > 0)
  await settled()

  await clock.advance(121)

  await failed
  release()
  await other
}
