// The page of an invite link: its elements.

import "./elements/invitation-card.js"
import "./elements/missing-features.js"
