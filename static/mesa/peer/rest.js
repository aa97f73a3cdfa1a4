// Requests to the own server: sent with the cookies of the login, which is refreshed when needed, and every refusal
// turned into a typed error. Spec: docs/spec/rest.md

import { concat } from "../lib/bytes.js"
import { within } from "../lib/timing.js"
import { isObject, object, unknownAnswer } from "./answers.js"
import { LoginRefused, PeerError, Refused, ServerUnreachable, UnknownUser } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./answers.js").Json} Json */
/** @typedef {"GET" | "POST" | "PUT" | "DELETE"} Method */
/** @typedef {{status: number, retryAfterS: number | null, content: Bytes}} Answer */
/**
 * @typedef {object} RestEdges
 * @property {(path: string, how: RequestInit) => Promise<Response>} fetch
 * @property {() => string} cookies those that scripts can read, as the document shows them
 * @property {import("../lib/timing.js").Clock} clock
 */

// The server says within 14 s that its database is down.
const SILENCE_DEADLINE_S = 15
// Of a whole answer: one that comes drop by drop is never silent for long.
const ANSWER_DEADLINE_S = 60
// Other windows of this profile may stand before this one, each with a request or two.
const REFRESHED_WITHIN_S = 120
// A server that names a longer pause is asked a little too early, and not forgotten.
const MAX_RETRY_AFTER_S = 3_600
const MAX_ANSWER_BYTES = 16 * 1_024 * 1_024
const REFRESH_LOCK = "mesa-refresh"

const UNAUTHORIZED = 401
const CAN_NOT_SERVE = [502, 503, 504]
const ABOUT_THE_LOGIN = new Set(["login_refused", "recovery_refused", "wrong_password", "banned"])
const WORD = /^\w{1,64}$/
// Whole seconds, as the server writes them; any other form counts as none.
const SECONDS = /^\d+$/
const CSRF_COOKIE = /(?:^|; )csrftoken=([^;]+)/

/** The server that this page comes from, and the login that its cookies hold. */
export class Rest {
  #edges

  /** @param {RestEdges} edges */
  constructor(edges) {
    this.#edges = edges
  }

  /**
   * Sends a request and reads its JSON answer, an empty object for an answer without a body.
   *
   * @param {Method} method
   * @param {string} path
   * @param {object} [body]
   * @param {{login?: boolean}} [how] whether it needs a login, which is then refreshed if its token has expired
   * @returns {Promise<Json>}
   * @throws {LoginRefused | UnknownUser | Refused} the server's word, by its problem document
   * @throws {ServerUnreachable} no answer, or the server can not serve
   */
  async call(method, path, body, { login = true } = {}) {
    const send = () => this.#send(method, path, body)
    const answer = await send()
    return read(answer.status === UNAUTHORIZED && login ? await this.#refreshed(send) : answer)
  }

  /** Sees to it that the login is good, because the server did not take its token. @throws {LoginRefused} it has ended */
  async renew() {
    await this.call("GET", "/api/accounts/me/")
  }

  /**
   * Gets new cookies, and sends again. One window at a time: a refresh token that was overtaken by a pair in use ends
   * the login. Another window may have done it while this one stood in line, so it is tried without first.
   *
   * @param {() => Promise<Answer>} send
   * @returns {Promise<Answer>}
   */
  async #refreshed(send) {
    const waiting = new AbortController()
    const { signal } = waiting
    const done = navigator.locks.request(REFRESH_LOCK, { signal }, async () => {
      const again = await send()
      if (again.status !== UNAUTHORIZED) return again
      read(await this.#send("POST", "/api/accounts/refresh/", {}))
      return send()
    })
    return this.#inTime(REFRESHED_WITHIN_S, done, waiting)
  }

  /** @param {Method} method @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  async #send(method, path, body) {
    const running = new AbortController()
    const { fetch } = this.#edges
    const request = fetch(path, {
      method,
      headers: this.#headers(method),
      body: body && JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: running.signal,
    })
    const response = await this.#inTime(SILENCE_DEADLINE_S, request, running)
    const content = await this.#inTime(ANSWER_DEADLINE_S, contentOf(response), running)
    return { status: response.status, retryAfterS: retryAfterS(response), content }
  }

  /**
   * Waits for what a server does, and ends it when that takes too long.
   *
   * @template T
   * @param {number} seconds
   * @param {Promise<T>} promise
   * @param {AbortController} running
   * @returns {Promise<T>}
   */
  async #inTime(seconds, promise, running) {
    try {
      return await within(this.#edges.clock, seconds, promise)
    } catch (error) {
      running.abort()
      throw error instanceof PeerError ? error : new ServerUnreachable("no_answer")
    }
  }

  /** @param {Method} method @returns {Record<string, string>} */
  #headers(method) {
    const headers = { Accept: "application/json" }
    if (method === "GET") return headers
    // Read each time: a login brings another one.
    const token = CSRF_COOKIE.exec(this.#edges.cookies())?.[1]
    return { ...headers, "Content-Type": "application/json", ...(token && { "X-CSRFToken": token }) }
  }
}

/** Reads an answer; what is too long is not read to its end. @param {Response} response */
async function contentOf(response) {
  const parts = []
  let size = 0
  for (const reader = response.body?.getReader(); reader;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    parts.push(value)
    if (size > MAX_ANSWER_BYTES) throw unknownAnswer()
  }
  return concat(...parts)
}

/** @param {Response} response */
function retryAfterS(response) {
  const said = response.headers.get("Retry-After") ?? ""
  return SECONDS.test(said) ? Math.min(Number(said), MAX_RETRY_AFTER_S) : null
}

/** @param {Answer} answer @returns {Json} */
function read(answer) {
  const isSuccess = answer.status >= 200 && answer.status < 300
  if (isSuccess && answer.content.length === 0) return {}
  const body = jsonOf(answer.content)
  if (!isSuccess) throw problem(answer, isObject(body) ? body : {})
  return object(body)
}

/** @param {Bytes} content @returns {unknown} nothing, if it is not JSON */
function jsonOf(content) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content))
  } catch {
    return undefined
  }
}

/** @param {Answer} answer @param {Json} body */
function problem({ status, retryAfterS }, body) {
  const code = typeof body.code === "string" && WORD.test(body.code) ? body.code : "refused"
  if (CAN_NOT_SERVE.includes(status)) return new ServerUnreachable("unavailable", retryAfterS)
  if (ABOUT_THE_LOGIN.has(code)) return new LoginRefused(code)
  if (status === UNAUTHORIZED) return new LoginRefused("ended")
  if (code === "not_found") return new UnknownUser(code)
  const refused = new Refused(code, retryAfterS)
  if (isObject(body.fields)) refused.fields = Object.keys(body.fields).filter((name) => WORD.test(name))
  return refused
}
