// Whether the server shows the keys of this device's user as they are.
// Spec: docs/spec/web-app.md, section "What a page shows"

import { GOOD } from "../crypto/chain.js"
import { saveAccount } from "./account.js"
import { isPassing } from "./failures.js"
import { checkOwnIdentity } from "./verifying.js"

const LOOK_EVERY_S = 3_600

/** What the server shows as the keys of this device's user: other ones stop nothing, and are said. */
export class OwnKeys {
  areOther = false
  #shared
  #tell
  #lookedAt = -Infinity

  /** @param {import("./contacts.js").ContactParts} shared @param {(event: object) => void} tell */
  constructor(shared, tell) {
    this.#shared = shared
    this.#tell = tell
  }

  /** Looks again, unless it did so within the hour. */
  async look() {
    const { store, account, own, clock } = this.#shared
    if (clock.now() - this.#lookedAt < LOOK_EVERY_S) return
    const keep = (/** @type {import("../lib/bytes.js").Bytes} */ chain) =>
      store.transaction((unit) => saveAccount(unit, { ...account, device: own, chain }))
    try {
      const verdict = await checkOwnIdentity(this.#shared, keep)
      this.#lookedAt = clock.now()
      this.areOther = !GOOD.includes(verdict)
      this.#tell({ event: "own_keys", verdict })
    } catch (error) {
      // Without an answer nothing is known; the next session asks again.
      if (!isPassing(error)) throw error
    }
  }
}
