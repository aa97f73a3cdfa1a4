// What the pages of sign-up and log-in have in common: the browser behind them, and what it lacks.

import { checkFeatures } from "../crypto/feature-check.js"
import { browserClock } from "../lib/timing.js"
import { Api } from "../peer/api.js"
import { Profiles } from "../peer/profiles.js"
import { Rest } from "../peer/rest.js"
import { find } from "./base.js"
import { MissingFeatures } from "./missing-features.js"

/** The server that this page comes from. */
export function makeRest() {
  return new Rest({
    fetch: (path, how) => fetch(path, how),
    cookies: () => document.cookie,
    clock: browserClock,
  })
}

/** @returns {Promise<import("../peer/enrolling.js").Desk | null>} null: the browser can not, and the page says so */
export async function makeDesk() {
  const { missing, suite } = await checkFeatures()
  if (missing.length > 0) {
    find(document, "missing-features", MissingFeatures).show(["crypto"])
    return null
  }
  return { api: new Api(makeRest()), profiles: new Profiles(), clock: browserClock, suite }
}
