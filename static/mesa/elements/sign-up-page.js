// Joins the three steps of sign-up to what makes an account.

import { confirmRecoveryCode, recoveryCode, signUp } from "../peer/enrolling.js"
import { readStore } from "../peer/profiles.js"
import { find } from "./base.js"
import { carryAlong } from "./carrying.js"
import { startPage } from "./enrolling-desk.js"
import { problemOf } from "./problems.js"
import { SignUpFlow } from "./sign-up-flow.js"
import { on } from "./wiring.js"

/** Brings the page to life. */
export async function startSignUp() {
  carryAlong(location.hash)
  await startPage((desk) => start(desk, find(document, "sign-up-flow", SignUpFlow)))
}

/** @param {import("../peer/enrolling.js").Desk} desk @param {SignUpFlow} flow */
async function start(desk, flow) {
  /** @type {import("../peer/profiles.js").Profile | undefined} */
  let profile
  document.addEventListener("sign-up:submit", async (event) => {
    const { username, password, invitation } = /** @type {CustomEvent} */ (event).detail
    flow.busy("busy.keys")
    try {
      const made = await signUp(desk, { userName: username, password, invitation })
      profile = made.profile
      flow.showCode(made.code)
    } catch (error) {
      flow.refuse(problemOf(error))
    }
  })
  on("sign-up:confirmed", async () => {
    if (profile) await confirmRecoveryCode(profile)
    flow.finish()
  })
  profile = await desk.profiles.current()
  if (!profile) return
  // Whoever was interrupted goes on where the code was shown; everybody else has an account.
  const code = await readStore(profile, recoveryCode)
  if (code) flow.showCode(code)
  else location.replace(`/app/${location.hash}`)
}
