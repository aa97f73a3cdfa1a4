// What the pages that need keys have in common: the browser behind them and what it lacks, and what ends them.

import { checkFeatures } from "../crypto/feature-check.js"
import { browserClock } from "../lib/timing.js"
import { Api } from "../peer/api.js"
import { Profiles } from "../peer/profiles.js"
import { Rest } from "../peer/rest.js"
import { find } from "./base.js"
import { MissingFeatures } from "./missing-features.js"
import { whole } from "./wiring.js"

/** @typedef {import("../peer/enrolling.js").Desk} Desk */

// Notices after which a page goes on when it is loaded again.
const ENDS = ["newer_version", "damaged", "broken"]

/** The server that this page comes from. */
export function makeRest() {
  return new Rest({
    fetch: (path, how) => fetch(path, how),
    cookies: () => document.cookie,
    clock: browserClock,
  })
}

/** Begins a page in a browser that can do what it needs; why it can not go on is shown. @param {(desk: Desk) => Promise<unknown>} begin */
export async function startPage(begin) {
  // One that the browser has kept while others were shown has no lock and no socket any more.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload())
  document.addEventListener("notice:act", (event) => {
    const { kind } = /** @type {CustomEvent} */ (event).detail
    if (kind === "logged_out") location.assign("/log-in/")
    if (ENDS.includes(kind)) location.reload()
  })
  const desk = await makeDesk()
  if (!desk) return
  void whole(desk.profiles.deleteForgotten())
  await whole(begin(desk))
}

/** @returns {Promise<Desk | null>} null: the browser can not, and the page says so */
async function makeDesk() {
  const { missing, suite } = await checkFeatures()
  if (missing.length > 0) {
    find(document, "missing-features", MissingFeatures).show(["crypto"])
    return null
  }
  return { api: new Api(makeRest()), profiles: new Profiles(), clock: browserClock, suite }
}
