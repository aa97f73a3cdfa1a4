import { Envelope } from "../../../static/mesa/crypto/envelopes.js"
import { Suite } from "../../../static/mesa/crypto/identity.js"
import { Session } from "../../../static/mesa/crypto/sessions.js"
import { toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual } from "../assert.js"
import { Random } from "../random.js"
import { outcomeOf } from "./cases.js"
import { Person, firstEnvelope } from "./devices.js"
import { flipped } from "./traffic.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const STEPS = 160
const ACTIONS = /** @type {const} */ ([
  "send",
  "send",
  "send",
  "take",
  "take",
  "lose",
  "again",
  "tamper",
  "restart",
])

/** Two ends of one session, and what is on its way to each. */
class Conversation {
  /** @type {[Bytes, string][][]} */
  waiting = [[], []]
  /** @type {[number, Bytes][]} */
  used = []
  opened = 0
  sent = 0

  /** @param {Session[]} sides @param {Random} random */
  constructor(sides, random) {
    this.sides = sides
    this.random = random
  }

  /** @param {number} side */
  async send(side) {
    const text = `message ${(this.sent += 1)}`
    const [next, envelope] = await this.sides[side].encrypt(new TextEncoder().encode(text))
    this.sides[side] = next
    this.waiting[1 - side].push([envelope, text])
  }

  /** @param {number} side */
  async take(side) {
    const waiting = this.waiting[side]
    if (waiting.length === 0) return
    const [[envelope, text]] = waiting.splice(this.random.below(waiting.length), 1)
    const [next, plaintext] = await this.sides[side].decrypt(Envelope.unpack(envelope))
    this.sides[side] = next
    this.used.push([side, envelope])
    this.opened += 1
    assertEqual(new TextDecoder().decode(plaintext), text)
  }

  /** @param {number} side */
  lose(side) {
    this.waiting[side].pop()
  }

  async again() {
    if (this.used.length === 0) return
    const [side, envelope] = this.random.pick(this.used)
    // In a chain that was left behind a repeat can not be told from a forgery.
    await this.#refused(side, envelope, ["replayed", "not-opened"])
  }

  /** @param {number} side */
  async tamper(side) {
    if (this.waiting[side].length === 0) return
    const [envelope] = this.random.pick(this.waiting[side])
    await this.#refused(side, flipped(envelope, this.random.below(envelope.length), this.random.below(8)))
  }

  /** @param {number} side */
  restart(side) {
    this.sides[side] = Session.unpack(this.sides[side].pack())
  }

  /** @param {number} side @param {Bytes} raw @param {string[]} [names] */
  async #refused(side, raw, names) {
    const before = toHex(this.sides[side].pack())
    const outcome = await outcomeOf(() => this.sides[side].decrypt(Envelope.unpack(raw)))
    assert(names ? names.includes(outcome) : outcome !== "ok", `a refusal, not ${outcome}`)
    assertEqual(toHex(this.sides[side].pack()), before)
  }
}

export async function everyDeliveredMessageOpensOnceWhateverTheTraffic() {
  for (const suite of [Suite.HYBRID, Suite.CLASSICAL]) {
    const [ada, bo] = [new Person(suite), new Person()]
    const [begun, envelope] = await firstEnvelope(ada, bo)
    const conversation = new Conversation([begun, (await bo.accept(envelope)).session], new Random(suite))

    for (let step = 0; step < STEPS; step += 1)
      await conversation[conversation.random.pick(ACTIONS)](conversation.random.below(2))

    assert(conversation.opened > STEPS / 10 && conversation.sent > conversation.opened)
  }
}
