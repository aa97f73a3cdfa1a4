// Joins the card of an invitation to the accounts of this browser profile.

import { find } from "./base.js"
import { startPage } from "./enrolling-desk.js"
import { InvitationCard } from "./invitation-card.js"

/** Brings the page to life. */
export function startInvite() {
  return startPage(async ({ profiles }) => {
    const accounts = await profiles.all()
    find(document, "invitation-card", InvitationCard).isKnown = accounts.length > 0
  })
}
