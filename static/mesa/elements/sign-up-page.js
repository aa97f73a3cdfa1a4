// Joins the three steps of sign-up to what makes an account.

import { forgetRecoveryCode, recoveryCode, signUp, withStore } from "../peer/enrolling.js"
import { readStore } from "../peer/profiles.js"
import { find } from "./base.js"
import { makeDesk } from "./enrolling-desk.js"
import { problemOf } from "./problems.js"
import { SignUpFlow } from "./sign-up-flow.js"

/** Brings the page to life. */
export async function startSignUp() {
  const flow = document.querySelector("sign-up-flow")
  // None: nobody may make an account at this server.
  if (!(flow instanceof SignUpFlow)) return
  const desk = await makeDesk()
  if (!desk) return
  let profile = await desk.profiles.current()
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
  document.addEventListener("sign-up:confirmed", async () => {
    if (profile) await withStore(profile, forgetRecoveryCode)
    find(document, "sign-up-flow", SignUpFlow).finish()
  })
  if (!profile) return
  // Whoever was interrupted goes on where the code was shown; everybody else has an account.
  const code = await readStore(profile, recoveryCode)
  if (code) flow.showCode(code)
  else location.replace("/app/")
}
