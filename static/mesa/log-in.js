// The page of log-in: its elements.

import "./elements/log-in-forms.js"
import "./elements/missing-features.js"
import "./elements/password-field.js"
