// A server that answers as a test says: what a page hears through `fetch`.

/** @typedef {{method: string, path: string, body: any, headers: Record<string, string>}} Request */
/** @typedef {{status?: number, body?: unknown, text?: string, headers?: Record<string, string>}} Said */

/** @typedef {(request: Request) => Said | Promise<Said>} Say */

/** Takes requests, and remembers them. */
export class FakeServer {
  /** @type {Request[]} */
  heard = []
  cookies = "csrftoken=t0ken"
  /** @type {Say} */
  say

  /** @param {Say} [say] */
  constructor(say = () => ({})) {
    this.say = say
  }

  /** @returns {string[]} */
  get asked() {
    return this.heard.map(({ method, path }) => `${method} ${path}`)
  }

  /** @param {import("../../../static/mesa/lib/timing.js").Clock} clock @returns {import("../../../static/mesa/peer/rest.js").RestEdges} */
  edges(clock) {
    return { fetch: (path, how) => this.#answer(path, how), cookies: () => this.cookies, clock }
  }

  /** @param {string} path @param {RequestInit} how */
  async #answer(path, { method = "GET", body, headers, signal }) {
    const request = {
      method,
      path,
      body: body && JSON.parse(String(body)),
      headers: /** @type {Record<string, string>} */ (headers),
    }
    this.heard.push(request)
    const { status = 200, body: json, text, headers: more } = await cut(signal, this.say(request))
    const content = text ?? (json === undefined ? "" : JSON.stringify(json))
    return new Response(status === 204 ? null : content, { status, headers: more })
  }
}

/** @template T @param {AbortSignal | null | undefined} signal @param {T | Promise<T>} said @returns {Promise<T>} */
function cut(signal, said) {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason))
    Promise.resolve(said).then(resolve, reject)
  })
}

/** A problem document. @param {number} status @param {string} code @param {object} [more] @returns {Said} */
export function problem(status, code, more = {}) {
  return { status, body: { type: `urn:mesa:problem:${code}`, title: "", status, code, ...more } }
}
