// How many forwarders there are, asked for at the device's own pace: the server does not learn when somebody looks.
// Spec: docs/spec/web-app.md, section "Session socket in a page"

import { fails } from "./failures.js"

/**
 * @typedef {object} CountParts
 * @property {Pick<import("./api.js").Api, "forwarders">} api
 * @property {import("../lib/timing.js").Clock} clock
 * @property {() => boolean} isOpen whether the session socket is
 * @property {(error: unknown) => void} fail
 */

/** So many are on each path. */
export const NEEDED = 3
const WHILE_FEW_S = 5
const WHILE_ENOUGH_S = 60

/** What the server last said. */
export class ForwarderCount {
  #parts
  #takeBack = () => {}
  #count = 0

  /** @param {CountParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /** Asks from now on until the session ends: each opening begins it anew. */
  begin() {
    this.#takeBack()
    this.#ask().catch(this.#parts.fail)
  }

  /** Of those that the server tells of; none without a session. */
  get known() {
    return this.#parts.isOpen() ? this.#count : 0
  }

  async #ask() {
    const { api, clock } = this.#parts
    await fails(async () => (this.#count = await api.forwarders()))
    const pauseS = this.#count < NEEDED ? WHILE_FEW_S : WHILE_ENOUGH_S
    this.#takeBack()
    this.#takeBack = clock.after(pauseS, () => this.#parts.isOpen() && this.begin())
  }
}
