// The page of log-in.

import "./elements/missing-features.js"
import "./elements/password-field.js"
import { startLogIn } from "./elements/log-in-page.js"

await startLogIn()
