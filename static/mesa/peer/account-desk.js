// What windows may ask of the leader about the account as a whole.
// Spec: docs/spec/web-app.md, section "Leader window"

import { readChain } from "../crypto/chain.js"
import { toBase64url } from "../lib/base64.js"
import * as contacts from "../store/contact-book.js"
import { checkedPassword } from "./enrolling.js"

/** @typedef {import("./desk.js").Desk} Desk @typedef {import("./desk.js").DeskParts} DeskParts */

/** @type {Record<string, (desk: Desk, parts: DeskParts, ...args: any[]) => unknown>} */
export const ACCOUNT_ACTS = {
  async account(_desk, { shared }) {
    const { userName, chain } = shared.account
    return { name: userName, fingerprint: toBase64url((await readChain(chain)).fingerprint) }
  },

  visibility: (_desk, { shared }) => shared.api.visibility(),

  /** Everybody who is blocked, strangers too. */
  async blocked(_desk, { shared }) {
    const known = await contacts.all(shared.store.view)
    const blocked = known.filter(({ fields }) => fields.isBlocked)
    return blocked.map(({ number, userName }) => ({ number, name: userName }))
  },

  /** The user's word for one guard more. */
  async allowGuard(_desk, { guards, peer }) {
    await guards.allowOneMore()
    peer.network.renew()
  },

  changePassword: (_desk, { shared }, old, password) =>
    shared.api.changePassword(old, checkedPassword(password)),

  leave: (_desk, { leave }, how) => leave(how),
}
