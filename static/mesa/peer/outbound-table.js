// The transaction of the outbox as a table: phase, event and conditions give the next phase and commands.
// Spec: docs/spec/outbox.md, section "Table"

/** @typedef {"idle" | "starting" | "waiting" | "open" | "paused"} Phase */

/**
 * What can happen. `passed`: it is later than before, which follows every other event, too.
 *
 * @typedef {(
 *   | {kind: "passed" | "socketOpened" | "socketClosed" | "contactCame" | "unlisted" | "storeLost" | "blocked"}
 *   | {kind: "queued" | "receipted", number: number}
 *   | {kind: "cellsSent", number: number, until: number, total: number}
 *   | {kind: "cellsCredited", number: number, index: number}
 *   | {kind: "startTaken" | "completed" | "failed", tx: string}
 *   | {kind: "startRefused", tx: string, atLeastS: number}
 *   | {kind: "pathGiven" | "pathLetGo", tx: string, attempt: number}
 *   | {kind: "attemptLost", tx: string, attempt: number, forwarders: number | null}
 *   | {kind: "listed", state: string, attempt: number}
 * )} Event
 */

/**
 * One row of the page; without `next` the phase stays, with the time it began.
 *
 * @typedef {{phases: Phase[], event: Event["kind"], when: string[], next: Phase | "", do: string[]}} Rule
 */

/** @type {Phase[]} */
const PHASES = ["idle", "starting", "waiting", "open", "paused"]
/** @type {Phase[]} */
export const RUNNING = ["starting", "waiting", "open"]
/** @type {Phase[]} */
const AT_SERVER = ["waiting", "open"]
/** @type {Phase[]} */
const RESTING = ["idle", "paused"]
const BEGIN = "start tellWaiting"

/**
 * @param {Phase[]} phases
 * @param {Event["kind"]} event
 * @param {string} when
 * @param {Phase | ""} next
 * @param {string} then
 * @returns {Rule}
 */
function rule(phases, event, when, next, then) {
  return { phases, event, when: words(when), next, do: words(then) }
}

/** @param {string} text */
function words(text) {
  return text.split(" ").filter(Boolean)
}

/** Of the rules for one phase and event the first applies whose conditions all hold. */
export const RULES = [
  rule(["idle"], "passed", "online messages", "starting", BEGIN),
  rule(["waiting"], "passed", "silent messages", "starting", BEGIN),
  rule(["waiting"], "passed", "silent", "idle", "end"),
  rule(["waiting"], "passed", "late", "", "awaitContact tellWaiting"),
  rule(["open"], "passed", "overdue", "waiting", "ask tellWaiting"),
  rule(["open"], "passed", "worn messages", "starting", `end ${BEGIN}`),
  rule(["open"], "passed", "unused", "idle", "end"),
  rule(["paused"], "passed", "rested online messages", "starting", BEGIN),
  rule(PHASES, "socketOpened", "", "", "goOnline"),
  rule(PHASES, "socketClosed", "", "", "goOffline"),
  rule(["paused"], "contactCame", "", "idle", ""),
  rule(["open"], "cellsSent", "", "", "use"),
  rule(["waiting"], "cellsCredited", "", "", "hear"),
  rule(["waiting"], "receipted", "", "", "hear forgetFailures"),
  rule([...RESTING, "starting", "open"], "receipted", "", "", "forgetFailures"),
  rule(["starting"], "startTaken", "ours", "waiting", ""),
  rule(["starting"], "startRefused", "ours", "paused", "pause"),
  rule(RUNNING, "pathGiven", "newer", "open", "takePath tellPath"),
  rule(RUNNING, "attemptLost", "present messages", "waiting", "noteForwarders tellWaiting"),
  rule(RUNNING, "attemptLost", "present", "idle", "end"),
  rule(RUNNING, "pathLetGo", "present flying", "waiting", "ask tellWaiting"),
  rule(RUNNING, "pathLetGo", "present messages", "starting", `end ${BEGIN}`),
  rule(RUNNING, "pathLetGo", "present", "idle", "end"),
  rule(RUNNING, "completed", "ours", "idle", "tellWaiting"),
  rule(RUNNING, "failed", "ours messages", "paused", "pause tellWaiting"),
  rule(RUNNING, "failed", "ours", "idle", ""),
  rule(["waiting"], "listed", "settled strayed", "", "hear ask"),
  rule(["waiting"], "listed", "settled", "", "hear noteAnswer"),
  rule(["open"], "listed", "settled strayed", "waiting", "ask tellWaiting"),
  rule(AT_SERVER, "unlisted", "settled messages", "paused", "pause tellWaiting"),
  rule(AT_SERVER, "unlisted", "settled", "idle", ""),
  rule(AT_SERVER, "storeLost", "online messages", "starting", BEGIN),
  rule(AT_SERVER, "storeLost", "", "idle", "end"),
  rule(RUNNING, "blocked", "", "idle", "end giveUp"),
  rule(RESTING, "blocked", "", "idle", "giveUp"),
]
