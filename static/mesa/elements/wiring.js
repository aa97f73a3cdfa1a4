// What the parts that join elements to the peer have in common: what an element asks for is done, and what fails is said.

import { CallFailed } from "../peer/call-failed.js"
import { find } from "./base.js"
import { sayProblem } from "./forms.js"
import { NoticeList } from "./notice-list.js"
import { noticeOf, problemOf } from "./problems.js"

/**
 * Does what the user asks an element for, whenever it does.
 *
 * @param {string} type of the element's event
 * @param {(detail: any) => unknown} act is refused in words at the head of the page where it says nothing itself
 */
export function on(type, act) {
  document.addEventListener(type, (event) => {
    find(document, "notice-list", NoticeList).hide("refused")
    void whole(act(/** @type {CustomEvent} */ (event).detail), "refused")
  })
}

/**
 * Waits for what the page does by itself, or what a user asked for; what it fails with is shown.
 *
 * @param {unknown} work
 * @param {"broken" | "refused"} [otherwise] what is shown if it does not concern all of the page
 */
export async function whole(work, otherwise = "broken") {
  try {
    await work
  } catch (error) {
    const kind = noticeOf(error) ?? (error instanceof CallFailed ? otherwise : null)
    if (!kind) throw error
    find(document, "notice-list", NoticeList).show(kind, { why: sayProblem(problemOf(error)) })
  }
}
