// The page of an invite link.

import "./elements/missing-features.js"
import { startInvite } from "./elements/invite-page.js"

await startInvite()
