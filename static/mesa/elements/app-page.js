// Starts the app page: this window takes its place among the others of the account, and elements meet the peer.

import { browserClock } from "../lib/timing.js"
import { lead } from "../peer/leader.js"
import { leave, recoveryCode } from "../peer/enrolling.js"
import { isPassing } from "../peer/failures.js"
import { readStore } from "../peer/profiles.js"
import { Windows } from "../peer/windows.js"
import { AccountWiring } from "./account-wiring.js"
import { AppShell } from "./app-shell.js"
import { find } from "./base.js"
import { ChatWiring } from "./chat-wiring.js"
import { makeRest, startPage } from "./enrolling-desk.js"
import { NoticeList } from "./notice-list.js"
import { PeopleWiring } from "./people-wiring.js"
import { FAILURES, noticeOf } from "./problems.js"
import { SettingsPanel } from "./settings-panel.js"
import { StatusWiring } from "./status-wiring.js"
import { say } from "./texts.js"

const CLOCK_IS_WRONG_S = 60

/** Brings the page to life. */
export function startApp() {
  return startPage(start)
}

/** @param {import("../peer/enrolling.js").Desk} desk */
async function start(desk) {
  const profile = await desk.profiles.current()
  if (!profile) return location.replace(`/log-in/${location.hash}`)
  // Nobody has confirmed that it is written down: it is shown where sign-up was left.
  if (await readStore(profile, recoveryCode)) return location.replace(`/sign-up/${location.hash}`)
  const rest = makeRest()
  const place = new Place(profile, {
    ...{ rest, WebSocket, clock: browserClock, isForwarderByDefault: isDesktop() },
    socketUrl: `${location.origin.replace("http", "ws")}/ws/session/`,
    leave: (how) => leave(desk, how),
  })
  const { windows, notices } = place
  // Whether it is so, the server's answer tells.
  for (const word of ["online", "offline"]) addEventListener(word, () => place.wakeUp())
  addEventListener("pagehide", () => windows.close())
  document.addEventListener(
    "visibilitychange",
    () => document.visibilityState === "visible" && place.wakeUp(),
  )
  const people = new PeopleWiring(windows)
  const status = new StatusWiring(windows)
  place.wired = [new ChatWiring(windows), people, status, new AccountWiring(windows)]
  await people.renew()
  if (!windows.isLeading) notices.show("other_tab")
  find(document, "app-shell", AppShell).start()
  place.isStarted = true
  await Promise.all([status.begin(), checkClock(rest, notices), askToStay(windows)])
}

/** This window among the others of the account: it leads or does not, and hears what the one that leads tells. */
class Place {
  /** Whether the page is drawn; what stops it before then stays said. */
  isStarted = false
  /** What joins elements to the peer. `catchUp`: another window leads than before, and not all may have been heard. @type {{told: (event: any) => void, catchUp: () => void}[]} */
  wired = []
  notices = find(document, "notice-list", NoticeList)
  windows
  /** @type {(() => void) | null} */
  #wakeUp = null

  /** @param {import("../peer/profiles.js").Profile} profile @param {Omit<import("../peer/leader.js").LeaderEdges, "ended">} edges */
  constructor(profile, edges) {
    this.windows = new Windows({
      name: profile.database,
      clock: browserClock,
      lead: (tell, ended) =>
        this.#lead(profile, { ...edges, ended: (error) => this.#end(ended, error) }, tell),
      told: (event) => this.#told(event),
      changed: (isLeading) => this.#changed(isLeading),
    })
  }

  /** Has the peer look whether its socket is alive, if this window leads. */
  wakeUp() {
    this.#wakeUp?.()
  }

  /** @type {typeof lead} */
  async #lead(profile, edges, tell) {
    const leader = await lead(profile, edges, tell)
    this.#wakeUp = leader.wakeUp
    return leader
  }

  /** @param {(error: unknown) => void} ended @param {unknown} error */
  #end(ended, error) {
    this.#wakeUp = null
    ended(error)
  }

  /** @param {any} event */
  #told(event) {
    for (const each of this.wired) each.told(event)
    const { event: word, code } = event
    const kind = noticeOf({ code }) ?? "broken"
    if (word === "failed" && !this.notices.shows(kind)) this.notices.show(kind)
    if (word === "logged_out") location.replace("/log-in/")
  }

  /** @param {boolean} isLeading */
  #changed(isLeading) {
    if (!isLeading) this.#wakeUp = null
    // What ended the leader before need not end this one; if it does, that is told anew.
    for (const kind of this.isStarted ? FAILURES : []) this.notices.hide(kind)
    if (isLeading) this.notices.hide("other_tab")
    else if (!this.notices.shows("other_tab")) this.notices.show("other_tab")
    for (const each of this.wired) each.catchUp()
  }
}

/** Says so if this device's clock is wrong. @param {import("../peer/rest.js").Rest} rest @param {NoticeList} notices */
async function checkClock(rest, notices) {
  const about = await rest.call("GET", "/api/server/", undefined, { login: false }).catch((error) => {
    if (!isPassing(error)) throw error
  })
  if (!about) return
  const aheadS = (Date.now() - Number(about.time_ms)) / 1_000
  const count = Math.round(Math.abs(aheadS) / 60)
  if (Math.abs(aheadS) > CLOCK_IS_WRONG_S)
    notices.show("clock", { minutes: say("notice.minutes", { count }) })
}

/** Asks the browser not to delete what the page keeps; that it may, settings go on saying. @param {Windows} windows */
async function askToStay(windows) {
  const isSafe = await navigator.storage.persist()
  find(document, "settings-panel", SettingsPanel).isAtRisk = !isSafe
  if (isSafe || (await windows.call("settings")).knows_storage_risk) return
  find(document, "notice-list", NoticeList).show("not_persistent")
}

/** Whether this looks like a machine that may forward: no phone, and no connection that is paid by its bytes. */
function isDesktop() {
  const { connection, userAgentData } = /** @type {any} */ (navigator)
  const isPhone = userAgentData?.mobile ?? /Android|iPhone|iPad|Mobile/u.test(navigator.userAgent)
  // Some tablets name themselves like a computer that has no touch screen.
  const isTablet = /Macintosh/u.test(navigator.userAgent) && navigator.maxTouchPoints > 1
  return !isPhone && !isTablet && !connection?.saveData && connection?.type !== "cellular"
}
