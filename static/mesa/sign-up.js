// STUB entry
import { createDevice } from "./crypto/identity.js"
import { packChain } from "./crypto/chain.js"
import { Sealer } from "./crypto/at-rest.js"
import { createRecoveryCode, RecoveryKey } from "./crypto/recovery.js"
import { createFirstStatement } from "./crypto/statements.js"
import "./elements/copy-button.js"
import "./elements/missing-features.js"
import "./elements/password-field.js"
import "./elements/sign-up-flow.js"
import { find } from "./elements/base.js"
import { SignUpFlow } from "./elements/sign-up-flow.js"
import { problemOf } from "./elements/problems.js"
import { browserClock } from "./lib/timing.js"
import { saveAccount } from "./peer/account.js"
import { Api } from "./peer/api.js"
import { openProfiles } from "./peer/profiles.js"
import { Rest } from "./peer/rest.js"
import { openDatabase } from "./store/database.js"
import { STEPS } from "./store/schema.js"
import { Store } from "./store/store.js"
const flow = find(document, "sign-up-flow", SignUpFlow)
const rest = new Rest({
  fetch: (path, how) => fetch(path, how),
  cookies: () => document.cookie,
  clock: browserClock,
})
const api = new Api(rest)
document.addEventListener("sign-up:submit", async (event) => {
  const { username, password, invitation } = /** @type {any} */ (event).detail
  try {
    flow.busy("busy.keys")
    const device = createDevice(1)
    const code = createRecoveryCode()
    const recovery = await RecoveryKey.fromCode(code)
    const statement = await createFirstStatement(
      username,
      device,
      recovery,
      Math.floor(Date.now() / 86400000),
    )
    const account = { userName: username, chain: packChain([statement]), device }
    const profile = await (await openProfiles()).create(username)
    const database = await openDatabase(profile.database, STEPS, () => {})
    const store = new Store(database, new Sealer(profile.keys, STEPS.length), await database.raiseEpoch())
    await store.transaction((unit) => saveAccount(unit, account))
    flow.busy("busy.registering")
    await api.register(username, password, [statement], invitation)
    const challenge = await api.challenge()
    await api.login(username, password, device.deviceId, {
      challenge,
      signature: await device.proveLogin(challenge),
    })
    store.close()
    flow.showCode(code)
  } catch (error) {
    console.error(String(error), error.code, error.stack, String(error.cause))
    flow.refuse(problemOf(error))
  }
})
document.addEventListener("sign-up:confirmed", () => flow.finish())
