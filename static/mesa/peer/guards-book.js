// The guards of this device in its store: what is not on the disk is not used.
// Spec: docs/spec/guards.md, section "Device must"

import { utf8 } from "../crypto/encoding.js"
import { fromBase64url, toBase64url } from "../lib/base64.js"
import { UsageError } from "./errors.js"
import { Guards, nameOf } from "./guards.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./guards.js").Guard} Guard */

const GUARDS = "guards"

/** One sealed record with all of them. */
export class GuardsBook {
  #store
  #clock

  /** @param {Store} store @param {import("../lib/timing.js").Clock} clock */
  constructor(store, clock) {
    this.#store = store
    this.#clock = clock
  }

  /** The guards as of now. */
  all() {
    return this.#read(this.#store.view)
  }

  /** The tickets to show to the server. @returns {Promise<Bytes[]>} */
  async tickets() {
    return (await this.all()).tickets()
  }

  /** Keeps a ticket. @param {Bytes} ticket @returns {Promise<{before: Guards, after: Guards, guard: Guard | undefined}>} no guard if this device does not take it; else it is on the disk */
  take(ticket) {
    return this.#store.transaction(async (unit) => {
      const before = await this.#read(unit)
      const after = before.took(ticket, this.#nowS())
      if (!after) return { before, after: before, guard: undefined }
      await write(unit, after)
      return { before, after, guard: after.find(nameOf(ticket)) }
    })
  }

  /** Keeps how long each of some guards was away, and forgets those that are too old. @param {(name: Bytes) => number | undefined} awayS @returns {Promise<Guards>} those there are then */
  wereAway(awayS) {
    return this.#store.transaction(async (unit) => {
      const guards = (await this.#read(unit)).wereAway(awayS)
      await write(unit, guards)
      return guards
    })
  }

  /** Keeps the user's word; returns the guards after it. @returns {Promise<Guards>} @throws {UsageError} one comes without it */
  allowOneMore() {
    return this.#store.transaction(async (unit) => {
      const before = await this.#read(unit)
      if (before.mayTake && before.kept.length === 0) throw new UsageError("no_guard")
      const guards = before.oneMore(this.#nowS())
      await write(unit, guards)
      return guards
    })
  }

  /** @param {Unit} unit */
  async #read(unit) {
    const raw = await unit.setting(GUARDS)
    if (!raw) return new Guards()
    const { known, allowed_s } = JSON.parse(new TextDecoder().decode(raw))
    return new Guards(known.map(guardOf), allowed_s).at(this.#nowS())
  }

  #nowS() {
    return Math.floor(this.#clock.unixMs() / 1_000)
  }
}

/** @param {Unit} unit @param {Guards} guards */
function write(unit, { known, allowedS }) {
  const written = known.map(({ name, ticket, cameS, awayS }) => ({
    name: toBase64url(name),
    ticket: ticket && toBase64url(ticket),
    came_s: cameS,
    away_s: awayS,
  }))
  return unit.setSetting(GUARDS, utf8(JSON.stringify({ known: written, allowed_s: allowedS })))
}

/** @param {{name: string, ticket: string | null, came_s: number, away_s: number}} written @returns {Guard} */
function guardOf({ name, ticket, came_s, away_s }) {
  return {
    name: fromBase64url(name),
    ticket: ticket === null ? null : fromBase64url(ticket),
    cameS: came_s,
    awayS: away_s,
  }
}
