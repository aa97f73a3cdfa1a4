// What a peer does again and again while it is online: mailbox, prekeys, delivery tokens, overdue messages.
// Spec: docs/spec/agent.md, sections "Order of messages" and "Mailbox and posts"

import { Bell, pause } from "../lib/timing.js"
import { fails } from "./failures.js"

/**
 * @typedef {object} ChoresParts
 * @property {import("./delivery-tokens.js").DeliveryTokens} tokens
 * @property {import("./posts.js").Posts} posts
 * @property {import("./mailbox.js").Mailbox} mailbox
 * @property {Pick<import("./inbox.js").Inbox, "showOverdue">} inbox
 * @property {() => Promise<void>} checkLogin fails with `LoginRefused` under the login of another device
 * @property {() => Promise<void>} checkPrekeys
 * @property {import("../lib/timing.js").Clock} clock
 * @property {() => number} draw numbers from 0 to 1
 * @property {(error: unknown) => void} fail this peer can not go on
 */

const SHOW_OVERDUE_EVERY_S = 60
const MAILBOX_RETRY_S = 15
// More than a pause asks for: never a loop without one.
const MAILBOX_SLACK_S = 1
// The word that a post came can be lost. Up to half of it less, so that peers do not ask all at once.
const MAILBOX_EVERY_S = 600
const PREKEYS_EVERY_S = 3_600
const PREKEYS_RETRY_S = 30
const TOKENS_EVERY_S = 3_600

/** Loops that go on whatever fails, until the login has ended. */
export class Chores {
  #parts
  #mailWaits = new Bell()

  /** @param {ChoresParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /** Begins all of them; the login's end ends the peer with `LoginRefused`. @param {AbortSignal} signal */
  start(signal) {
    const { inbox, tokens, checkLogin, checkPrekeys } = this.#parts
    const mindMailbox = () => this.#mindMailbox(signal)
    const mindPrekeys = async () => {
      const hasFailed = (await fails(checkLogin)) || (await fails(checkPrekeys))
      const seconds = hasFailed ? PREKEYS_RETRY_S : PREKEYS_EVERY_S
      await this.#pause(seconds, signal)
    }
    const mindTokens = async () => {
      // At random times, which tell nothing about contacts.
      await this.#pause(2 * TOKENS_EVERY_S * this.#parts.draw(), signal)
      if (!signal.aborted && !(await fails(checkLogin))) await fails(() => tokens.refill())
    }
    const showOverdue = async () => {
      await this.#pause(SHOW_OVERDUE_EVERY_S, signal)
      if (!signal.aborted) await fails(() => inbox.showOverdue())
    }
    for (const step of [mindMailbox, mindPrekeys, mindTokens, showOverdue]) void this.#repeat(step, signal)
  }

  /** Does a round of the mailbox soon: something may be in it, or what could not leave may. */
  lookIntoMailbox() {
    this.#mailWaits.ring()
  }

  /** Empties the mailbox, brings out what could not leave before, and waits until something may be in it again. @param {AbortSignal} signal */
  async #mindMailbox(signal) {
    const { tokens, posts, mailbox, checkLogin } = this.#parts
    const rung = this.#mailWaits.rung()
    const steps = [() => tokens.withdraw(), () => posts.deliver(), () => mailbox.empty()]
    // Of another device's mailbox nothing opens here, and all would be deleted.
    let hasFailed = await fails(checkLogin)
    const isOurs = !hasFailed
    for (const step of steps) if (isOurs && !signal.aborted && (await fails(step))) hasFailed = true
    if (hasFailed) return this.#pause(MAILBOX_RETRY_S, signal)
    const woken = new AbortController()
    await Promise.race([rung, this.#pause(this.#nextRoundS, AbortSignal.any([signal, woken.signal]))])
    woken.abort()
  }

  get #nextRoundS() {
    const { posts, mailbox, draw } = this.#parts
    const retries = [posts.retryInS, mailbox.retryInS].filter((each) => each !== null)
    const latestS = (MAILBOX_EVERY_S * (1 + draw())) / 2
    return Math.min(latestS, ...retries.map((each) => each + MAILBOX_SLACK_S))
  }

  /** @param {() => Promise<void>} step @param {AbortSignal} signal */
  async #repeat(step, signal) {
    try {
      while (!signal.aborted) await step()
    } catch (error) {
      this.#parts.fail(error)
    }
  }

  /** @param {number} seconds @param {AbortSignal} signal */
  #pause(seconds, signal) {
    return pause(this.#parts.clock, seconds, signal)
  }
}
