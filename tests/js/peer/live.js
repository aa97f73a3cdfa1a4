// What a page does at a real server, for tests in Python to call: values that JSON can carry go in and come out.

import { checkFeatures } from "../../../static/mesa/crypto/feature-check.js"
import { browserClock } from "../../../static/mesa/lib/timing.js"
import { loadAccount } from "../../../static/mesa/peer/account.js"
import { Api } from "../../../static/mesa/peer/api.js"
import * as enrolling from "../../../static/mesa/peer/enrolling.js"
import { Profiles, openStore, readStore } from "../../../static/mesa/peer/profiles.js"
import { recover } from "../../../static/mesa/peer/recovery.js"
import { Rest } from "../../../static/mesa/peer/rest.js"
import { Session } from "../../../static/mesa/peer/session.js"

const rest = new Rest({
  fetch: (path, how) => fetch(path, how),
  cookies: () => document.cookie,
  clock: browserClock,
})
const api = new Api(rest)
const profiles = new Profiles()

/** @type {Record<string, (form: any) => Promise<unknown>>} */
const STEPS = {
  signUp: async (form) => {
    const { suite } = await checkFeatures()
    return (await enrolling.signUp({ api, profiles, clock: browserClock, suite }, form)).code
  },
  logIn: async (form) => void (await enrolling.logIn({ api, profiles, clock: browserClock, suite: 1 }, form)),
  recover: async (form) => void (await recover({ api, profiles, clock: browserClock, suite: 1 }, form)),
  logOut: (form) => enrolling.logOut({ api, profiles, clock: browserClock, suite: 1 }, form),
  me: async () => (await api.me()).userName,
  manyAtOnce: async () =>
    (await Promise.all([api.me(), api.me(), api.setVisibility("exact"), api.me()])).length,
  welcome,
  profiles: async () => (await profiles.all()).map(({ userName }) => userName),
  current: async () => (await profiles.current())?.userName ?? null,
  storedCode: async () => {
    const profile = await profiles.current()
    return (profile && (await readStore(profile, enrolling.recoveryCode))) ?? null
  },
  chainLength: async () => {
    const profile = await profiles.current()
    const account = profile && (await loadAccount((await openStore(profile)).view))
    return account?.chain.length ?? 0
  },
}

/** Does a step; what it fails with comes back as its name and code. @param {string} step @param {unknown} [form] */
export async function run(step, form) {
  try {
    return (await STEPS[step](form)) ?? null
  } catch (error) {
    const { name, code } = /** @type {any} */ (error)
    return `${name} ${code}`
  }
}

/** Opens the session socket; gives the type of the first word of the server. */
function welcome() {
  const ends = new AbortController()
  return new Promise((resolve, reject) => {
    const session = new Session(
      { url: `ws://${location.host}/ws/session/`, WebSocket, rest, clock: browserClock },
      {
        openLinks: () => [],
        welcomed: ({ welcome: { versions } }) => resolve(versions),
        received: () => {},
        report: () => {},
      },
    )
    session.run(ends.signal).catch(reject)
  }).finally(() => ends.abort())
}
