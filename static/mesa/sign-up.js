// The page of sign-up.

import "./elements/copy-button.js"
import "./elements/missing-features.js"
import "./elements/password-field.js"
import { startSignUp } from "./elements/sign-up-page.js"

await startSignUp()
