// What the words of the outbox's table mean: conditions on a state, and commands that change it. Pure.
// Spec: docs/spec/outbox.md, sections "Table" and "Limits and timers"

import { RULES, RUNNING } from "./outbound-table.js"

/** @typedef {import("./outbound-table.js").Event} Event */
/** @typedef {import("./outbound-table.js").Phase} Phase */

/**
 * One transaction, or the pause between two. Times are in seconds.
 *
 * @typedef {object} State
 * @property {Phase} phase
 * @property {boolean} isOnline
 * @property {string | null} tx the last one's id while none is running
 * @property {number} attempt the last that had a path, 0 for none
 * @property {"path" | "contact" | "forwarders"} waitsFor
 * @property {number | null} forwarders
 * @property {number} since when the phase began
 * @property {number} newsAt when the server or the receiver was last heard
 * @property {number} usedAt when the path last took cells
 * @property {number} pauseUntil
 * @property {number | null} askedAt when another path was asked for, without an answer so far
 * @property {number} failures pauses since the last receipt
 */

/**
 * What the transaction has to know of its messages; `overdueAt`: when the first on its way will have waited too long.
 *
 * @typedef {{isEmpty: boolean, overdueAt: number | null}} Messages
 */

/** @typedef {{kind: string, [name: string]: any}} Command */
/** @typedef {{newTx: () => string, jitter: () => number}} Chance ids for transactions, and numbers from 0 to 1 */

const SILENCE_S = 150
// The server answers a repath at once, with `attempt_failed`; one that says nothing knows nothing.
const REPATH_ANSWER_S = 10
const COMPLETE_IDLE_S = 10
// Below what forwarders and server allow (10 s idle, 60 s in all): no cell meets a hop that has just ended.
const PATH_IDLE_S = 8
const PATH_AGE_S = 50
const WAITS_FOR_CONTACT_S = 2
// What began just now may be missing from a snapshot that was taken a moment before.
const SNAPSHOT_LAG_S = 5
const FIRST_PAUSE_S = 1
const LAST_PAUSE_S = 30
// Doublings after which the pause is the longest in any case.
const MAX_FAILURES = 10

/** @type {State} */
export const FIRST_STATE = {
  phase: "idle",
  isOnline: false,
  tx: null,
  attempt: 0,
  waitsFor: "path",
  forwarders: null,
  since: 0,
  newsAt: 0,
  usedAt: 0,
  pauseUntil: 0,
  askedAt: null,
  failures: 0,
}

/** @param {State} state @returns {string | null} the transaction that the server is asked for, or has */
export function runningTx(state) {
  return RUNNING.includes(state.phase) ? state.tx : null
}

/** When the path will be too old, or unused for too long, for another message. @param {State} state */
export function wornAt(state) {
  return Math.min(state.since + PATH_AGE_S, state.usedAt + PATH_IDLE_S)
}

/** When time alone may change something; null for never. @param {State} state @param {Messages} messages */
export function dueAt(state, messages) {
  switch (state.phase) {
    case "paused":
      return state.isOnline && !messages.isEmpty ? state.pauseUntil : null
    case "waiting":
      return lateAt(state) ?? (state.isOnline ? silentAt(state) : null)
    case "open":
      return messages.overdueAt ?? (messages.isEmpty ? state.usedAt + COMPLETE_IDLE_S : wornAt(state))
    default:
      return null
  }
}

/**
 * Applies the first rule that fits; without one nothing changes.
 *
 * @param {State} state
 * @param {Event} event
 * @param {Messages} messages
 * @param {Chance} chance
 * @param {number} now
 * @returns {[State, Command[]]}
 */
export function step(state, event, messages, chance, now) {
  const given = { state, event, messages, now }
  const rules = TRANSITIONS.get(`${state.phase} ${event.kind}`) ?? []
  const rule = rules.find((each) => each.when.every((word) => CONDITIONS[word](given)))
  if (!rule) return [state, []]
  let after = rule.next ? { ...state, phase: rule.next, since: now, newsAt: now, askedAt: null } : state
  /** @type {Command[]} */
  const commands = []
  for (const word of rule.do) {
    const [changes, ...asked] = EFFECTS[word](after, event, now, chance)
    after = { ...after, ...changes }
    commands.push(...asked)
  }
  return [after, commands]
}

/** @type {Map<string, import("./outbound-table.js").Rule[]>} */
const TRANSITIONS = new Map()
for (const rule of RULES) {
  for (const phase of rule.phases) {
    const cell = `${phase} ${rule.event}`
    TRANSITIONS.set(cell, [...(TRANSITIONS.get(cell) ?? []), rule])
  }
}

/** When the server will have said nothing for too long. @param {State} state */
function silentAt(state) {
  return Math.min(
    state.newsAt + SILENCE_S,
    state.askedAt === null ? Infinity : state.askedAt + REPATH_ANSWER_S,
  )
}

/** When a path that does not come means that the contact is away; null if that was said. @param {State} state */
function lateAt(state) {
  return state.waitsFor === "path" ? state.since + WAITS_FOR_CONTACT_S : null
}

/** @typedef {{state: State, event: any, messages: Messages, now: number}} Given */

/** @type {Record<string, (given: Given) => boolean>} */
const CONDITIONS = {
  online: ({ state }) => state.isOnline,
  messages: ({ messages }) => !messages.isEmpty,
  rested: ({ state, now }) => now >= state.pauseUntil,
  silent: ({ state, now }) => state.isOnline && now >= silentAt(state),
  late: ({ state, now }) => now >= (lateAt(state) ?? Infinity),
  overdue: ({ messages, now }) => now >= (messages.overdueAt ?? Infinity),
  worn: ({ state, messages, now }) => now >= wornAt(state) && messages.overdueAt === null,
  unused: ({ state, messages, now }) => messages.isEmpty && now >= state.usedAt + COMPLETE_IDLE_S,
  flying: ({ messages }) => messages.overdueAt !== null,
  ours: ({ state, event }) => event.tx === state.tx,
  present: ({ state, event }) => event.tx === state.tx && event.attempt >= state.attempt,
  newer: ({ state, event }) => event.tx === state.tx && event.attempt > state.attempt,
  settled: ({ state, now }) => now - state.since >= SNAPSHOT_LAG_S,
  strayed: hasStrayed,
}

/** A frame got lost, with a path's keys or with its end. Another path mends both. @param {Given} given */
function hasStrayed({ state, event, messages }) {
  if (messages.isEmpty || event.attempt === 0 || event.state === "finding") return false
  return !(state.phase === "open" && event.state === "open" && event.attempt <= state.attempt)
}

/** @type {Record<string, (state: State, event: any, now: number, chance: Chance) => [Partial<State>, ...Command[]]>} */
const EFFECTS = {
  start: (_state, _event, _now, chance) => {
    const tx = chance.newTx()
    const changes = { tx, attempt: 0, waitsFor: /** @type {const} */ ("path"), forwarders: null }
    return [changes, { kind: "start", tx }, { kind: "begin", attempt: 0 }]
  },
  end: (state) => [{}, { kind: "end", tx: state.tx }],
  ask: (state, event, now) => {
    const names = event.kind === "listed" || event.kind === "pathLetGo"
    const attempt = names ? event.attempt : state.attempt
    return [{ askedAt: now }, { kind: "askRepath", tx: state.tx, attempt }]
  },
  pause: (state, event, now, chance) => {
    const lengthS = Math.max(event.atLeastS ?? 0, pauseS(state.failures, chance.jitter()))
    return [{ pauseUntil: now + lengthS, failures: Math.min(state.failures + 1, MAX_FAILURES) }]
  },
  takePath: (_state, { attempt }, now) => [
    { attempt, waitsFor: "path", forwarders: null, usedAt: now },
    { kind: "begin", attempt },
  ],
  noteForwarders: (_state, { forwarders }) => [
    { waitsFor: forwarders === null ? "path" : "forwarders", forwarders },
  ],
  awaitContact: () => [{ waitsFor: "contact" }],
  tellPath: () => [{}, { kind: "tellFirst", state: "path" }],
  tellWaiting: ({ waitsFor, forwarders }) => [
    {},
    { kind: "tellAll", state: "waiting", waitsFor, forwarders },
  ],
  giveUp: () => [
    {},
    { kind: "tellAll", state: "blocked", waitsFor: null, forwarders: null },
    { kind: "clear" },
  ],
  hear: (_state, _event, now) => [{ newsAt: now }],
  noteAnswer: () => [{ askedAt: null }],
  use: (_state, _event, now) => [{ usedAt: now }],
  forgetFailures: () => [{ failures: 0 }],
  goOnline: () => [{ isOnline: true }],
  goOffline: () => [{ isOnline: false }],
}

/** How long to leave the server alone; half of it is random. @param {number} failures @param {number} jitter */
function pauseS(failures, jitter) {
  return Math.min(FIRST_PAUSE_S * 2 ** failures, LAST_PAUSE_S) * (0.5 + jitter / 2)
}
