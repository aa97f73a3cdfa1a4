// Why a call of one window to another ended without what it asked for.
// Spec: docs/spec/web-app.md, section "Leader window"

/** What another window's call ended with. */
export class CallFailed extends Error {
  /** @param {string} code name of the error @param {string} message what it was, in a word @param {{retryAfterS?: number | null, fields?: string[]}} [about] */
  constructor(code, message, { retryAfterS = null, fields = [] } = {}) {
    super(message)
    this.code = code
    this.retryAfterS = retryAfterS
    this.fields = fields
  }

  /** @param {unknown} error of a leader @returns {CallFailed} */
  static from(error) {
    if (error instanceof CallFailed) return error
    const { name, code, message, retryAfterS, fields } = /** @type {any} */ (error)
    // What the server said is a word for people; the browser's own sentences are not.
    return new CallFailed(name, code || message, { retryAfterS, fields })
  }

  /** As a channel between windows carries it, for `from`. */
  get plain() {
    const { code, message, retryAfterS, fields } = this
    return { name: code, message, retryAfterS, fields }
  }
}
