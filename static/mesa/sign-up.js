// The page of sign-up: its elements.

import "./elements/missing-features.js"
import "./elements/password-field.js"
import "./elements/sign-up-flow.js"
