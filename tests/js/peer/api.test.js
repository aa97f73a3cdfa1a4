import { toBase64url } from "../../../static/mesa/lib/base64.js"
import { uuidBytes } from "../../../static/mesa/lib/uuid.js"
import { Api } from "../../../static/mesa/peer/api.js"
import { ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { Rest } from "../../../static/mesa/peer/rest.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { FakeClock } from "../clock.js"
import { FakeServer } from "./server.js"

const ID = "8f14e45f-ceea-467f-a8b1-0c1d2e3f4a5b"
const BYTES = new Uint8Array([1, 2, 255])
const TEXT = toBase64url(BYTES)

/** @param {unknown} [body] of each answer */
function start(body = {}) {
  const server = new FakeServer(() => ({ body }))
  return { server, api: new Api(new Rest(server.edges(new FakeClock()))) }
}

export async function everyRequestHasTheFormOfTheSpec() {
  const { server, api } = start({ challenge: TEXT, number: 1, known: true })
  const proof = { challenge: BYTES, signature: BYTES }
  const device = uuidBytes(ID)
  const proven = { device: ID, challenge: TEXT, signature: TEXT }

  await api.register("ada", "pass", [BYTES])
  await api.register("ada", "pass", [BYTES], "CODE")
  await api.challenge()
  await api.login("ada", "pass", device, proof)
  await api.isKnown(device, proof)
  await api.logout()
  await api.changePassword("old", "new")
  await api.remove("pass")
  await api.recover("ada", "pass", proof, null)
  await api.setVisibility("hidden")
  await api.uploadPrekeys({ signedPrekey: BYTES, lastResort: null, oneTime: [BYTES], oneTimeKem: [] })
  await api.addTokens([BYTES])
  await api.deleteTokens([BYTES])
  await api.post(device, BYTES, { token: BYTES })
  await api.post(device, BYTES, { userName: "bo" })
  await api.deletePosts([device])
  await api.startTransaction(ID, BYTES, [BYTES])

  const account = { username: "ada", password: "pass" }
  const [one, post] = [{ digests: [TEXT] }, { device: ID, envelope: TEXT }]
  const prekeys = { signed_prekey: TEXT, last_resort: null, one_time: [TEXT], one_time_kem: [] }
  assertEqual(
    server.heard.map(({ method, path, body }) => [`${method} ${path.replace("/api/", "")}`, body]),
    [
      ["POST accounts/register/", { ...account, statements: [TEXT] }],
      ["POST accounts/register/", { ...account, statements: [TEXT], invitation: "CODE" }],
      ["POST accounts/challenges/", {}],
      ["POST accounts/login/", { ...account, ...proven, cookies: true }],
      ["POST accounts/known/", proven],
      ["POST accounts/logout/", {}],
      ["POST accounts/password/", { old: "old", new: "new" }],
      ["DELETE accounts/me/", { password: "pass" }],
      ["POST accounts/recover/", { ...account, challenge: TEXT, signature: TEXT, statement: null }],
      ["PUT accounts/settings/", { visibility: "hidden" }],
      ["PUT accounts/prekeys/", prekeys],
      ["POST accounts/tokens/", one],
      ["DELETE accounts/tokens/", one],
      ["POST accounts/mailbox/", { token: TEXT, username: null, ...post }],
      ["POST accounts/mailbox/", { token: null, username: "bo", ...post }],
      ["DELETE accounts/mailbox/", { ids: [ID] }],
      ["POST p2p/transactions/", { id: ID, token: TEXT, tickets: [TEXT] }],
    ],
  )
}

export async function bundlesAreReadAsBytes() {
  const device = { device: ID, signed_prekey: TEXT, last_resort: null, one_time: null, one_time_kem: TEXT }
  const { server, api } = start({ username: "bo", statements: [TEXT], devices: [device] })

  const bundle = await api.claimBundle("bo", BYTES, BYTES)

  assertEqual(server.heard[0].body, { username: "bo", token: TEXT, fingerprint: TEXT })
  const handed = { signedPrekey: BYTES, lastResort: null, oneTime: null, oneTimeKem: BYTES }
  assertEqual(bundle, {
    userName: "bo",
    statements: [BYTES],
    devices: [{ device: uuidBytes(ID), ...handed }],
  })
}

export async function answersAreReadIntoValues() {
  const about = { name: "mesa", version: "1", protocols: ["mesa.1"], registration: "open", time_ms: 12 }
  const stock = { signed_prekey: 7, last_resort: null, one_time: 3, one_time_kem: 0 }

  assertEqual(await start({ challenge: TEXT }).api.challenge(), BYTES)
  assertEqual(await start({ username: "ada", device: ID }).api.me(), {
    userName: "ada",
    device: uuidBytes(ID),
  })
  assertEqual(await start({ statements: [TEXT] }).api.statements(), [BYTES])
  assertEqual(await start({ statements: [TEXT] }).api.recovery("ada", BYTES), [BYTES])
  assertEqual(await start({ visibility: "exact" }).api.visibility(), "exact")
  assertEqual(await start({ users: [{ username: "bo" }] }).api.users("bo"), ["bo"])
  assertEqual(await start({ at_least: 30 }).api.forwarders(), 30)
  assertEqual(await start({ envelopes: [{ id: ID, envelope: TEXT }] }).api.mailbox(), [
    { id: uuidBytes(ID), envelope: BYTES },
  ])
  assertEqual(await start(stock).api.prekeyStock(), {
    signedPrekey: 7,
    lastResort: null,
    oneTime: 3,
    oneTimeKem: 0,
  })
  assertEqual(await start(about).api.server(), {
    protocols: ["mesa.1"],
    registration: "open",
    timeMs: 12,
  })
}

export async function searchedTextCanNotChangeTheAddress() {
  const { server, api } = start({ users: [] })

  await api.users("a&b=../ü")

  assertEqual(server.asked, ["GET /api/accounts/users/?prefix=a%26b%3D..%2F%C3%BC"])
}

export async function unknownFormsAreNoAnswers() {
  const bundle = { username: "bo", statements: [], devices: [] }
  const about = { name: "mesa", protocols: [], registration: "open", time_ms: 1 }
  /** @type {[unknown, (api: Api) => Promise<unknown>][]} */
  const cases = [
    [{}, (api) => api.challenge()],
    [{ challenge: 7 }, (api) => api.challenge()],
    [{ challenge: "AQL_=" }, (api) => api.challenge()],
    [{ username: "ada", device: ID.toUpperCase() }, (api) => api.me()],
    [{ username: null, device: ID }, (api) => api.me()],
    [{ statements: {} }, (api) => api.statements()],
    [{ statements: [null] }, (api) => api.statements()],
    [{ visibility: "nobody" }, (api) => api.visibility()],
    [{ users: ["bo"] }, (api) => api.users("bo")],
    [{ at_least: -1 }, (api) => api.forwarders()],
    [{ at_least: 1.5 }, (api) => api.forwarders()],
    [{ envelopes: [{ id: "1", envelope: TEXT }] }, (api) => api.mailbox()],
    [{ envelopes: [null] }, (api) => api.mailbox()],
    [{ one_time: 1 }, (api) => api.prekeyStock()],
    [{ ...bundle, devices: [{}] }, (api) => api.claimBundle("bo", null)],
    [{ ...bundle, username: 1 }, (api) => api.claimBundle("bo", null)],
    [{ ...about, name: "other" }, (api) => api.server()],
    [{ ...about, registration: "x" }, (api) => api.server()],
  ]
  for (const [body, ask] of cases) await assertFails(ServerUnreachable, () => ask(start(body).api))
}

export async function tokensNeverReachAScript() {
  const { server, api } = start({ access: "never", refresh: "read" })

  const answer = await api.login("ada", "pass", uuidBytes(ID), { challenge: BYTES, signature: BYTES })

  assertEqual(answer, undefined)
  assert(server.heard.every(({ headers }) => !("Authorization" in headers)))
}
