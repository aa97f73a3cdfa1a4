// One end of a link as a table: state and event give the next state and what to do.
// Spec: docs/spec/links.md, section "States and events"

import { UnexpectedEvent } from "./errors.js"

export const SET_UP_DEADLINE_S = 3
export const OFFER_STOCK = 4
export const OFFER_AGE_S = 60
export const OFFER_AGE_BEHIND_NAT_S = 25
export const MAX_LINKS = 64
export const LINK_IDLE_S = 600
export const FIRST_CELL_S = 60
export const CONFIRMED_WITHIN_S = 5

/** @typedef {"stock" | "awaiting_answer" | "ordered" | "connecting" | "open" | "closed"} LinkState */
/** @typedef {"channel_opened" | "channel_closed" | "timed_out" | "dropped"} OwnEvent */
/** @typedef {"taken" | "offered" | "answered" | OwnEvent} LinkEvent */
/** @typedef {"start_deadline" | "stop_deadline" | "make_answer" | "apply_answer"} SetUp */
/**
 * What the owner of the link has to carry out.
 *
 * @typedef {SetUp | "flush" | "close" | "report_up" | "report_down"} Do
 */
/** @typedef {[LinkState, ...Do[]]} Step The next state and what to do, in order. */

/** @type {Record<LinkState, Partial<Record<LinkEvent, Step>>>} */
export const TRANSITIONS = {
  stock: {
    taken: ["awaiting_answer", "start_deadline"],
    dropped: ["closed", "close"],
    channel_closed: ["closed", "close"],
  },
  awaiting_answer: {
    answered: ["connecting", "apply_answer"],
    timed_out: ["closed", "close", "report_down"],
    dropped: ["closed", "close"],
    channel_closed: ["closed", "close", "report_down"],
  },
  ordered: {
    offered: ["connecting", "make_answer", "start_deadline"],
    dropped: ["closed", "close"],
  },
  connecting: {
    channel_opened: ["open", "stop_deadline", "report_up", "flush"],
    timed_out: ["closed", "close", "report_down"],
    channel_closed: ["closed", "close", "report_down"],
    dropped: ["closed", "close"],
  },
  open: {
    channel_closed: ["closed", "close", "report_down"],
    dropped: ["closed", "close"],
    // The deadline may fire in the moment the channel opens; an open link stays open.
    timed_out: ["open"],
  },
  // The other side and the browser learn of an end late.
  closed: {
    answered: ["closed"],
    channel_opened: ["closed"],
    channel_closed: ["closed"],
    timed_out: ["closed"],
    dropped: ["closed"],
  },
}

/** One end of one link. Pure: feed it events, carry out what it returns. */
export class Link {
  #state

  /** @param {LinkState} state `stock` for an offer of ours, `ordered` for an offer that came */
  constructor(state) {
    this.#state = state
  }

  get state() {
    return this.#state
  }

  /**
   * Advances one step.
   *
   * @param {LinkEvent} event
   * @returns {Do[]} what to do, in order
   * @throws {UnexpectedEvent} not legal in this state, which stays
   */
  receive(event) {
    const step = TRANSITIONS[this.#state][event]
    if (!step) throw new UnexpectedEvent(`${event} in state ${this.#state}`)
    const [state, ...commands] = step
    this.#state = state
    return commands
  }
}
