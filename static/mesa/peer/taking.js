// Takes in what arrived together: in one commit, and when that fails each by itself.
// Spec: docs/spec/agent.md, section "Showing messages"

import { StoreDamaged, StoreFull } from "../store/errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").ReceiptEntry} ReceiptEntry */

/**
 * None takes others with it: what can not be stored has no receipt, and is sent again.
 *
 * @param {import("./inbox.js").Inbox} inbox
 * @param {Bytes[]} envelopes
 * @param {() => void} diskIsFull
 * @returns {Promise<(ReceiptEntry | null)[]>}
 */
export async function take(inbox, envelopes, diskIsFull) {
  try {
    return await inbox.takeAll(envelopes)
  } catch (error) {
    if (!isOfOne(error)) throw error
    if (envelopes.length > 1) {
      const entries = []
      for (const envelope of envelopes) entries.push(...(await take(inbox, [envelope], diskIsFull)))
      return entries
    }
    if (error instanceof StoreFull) diskIsFull()
    return [null]
  }
}

/** Whether a failure may concern one message alone: a small one may find space, and another record may open. @param {unknown} error */
function isOfOne(error) {
  return error instanceof StoreFull || error instanceof StoreDamaged
}
