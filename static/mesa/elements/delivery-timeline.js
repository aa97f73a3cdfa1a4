// The way of one message, drawn as the mountain: what this device saw itself, and nothing else.

import { MesaElement, fill } from "./base.js"
import { shownName } from "./shown.js"
import { say, sayDuration } from "./texts.js"

/** @typedef {import("./views.js").TimelineView} TimelineView */

export class DeliveryTimeline extends MesaElement {
  /** @param {TimelineView} view */
  set view(view) {
    const name = shownName(view.contact)
    const title = titleOf(view)
    const isDone = view.totalMs !== null
    this.dataset.found = String(isDone ? 4 : view.firstMs === null ? 0 : 1)
    fill(this, "title", title)
    this.setAttribute("aria-label", say("timeline.picture", { title }))
    fill(this, "you", sayDuration(0))
    fill(this, "first", view.firstMs === null ? say("timeline.open") : sayDuration(view.firstMs))
    for (const stop of ["second", "third"]) fill(this, stop, say("timeline.no_time"))
    fill(this, "contact", name)
    fill(this, "end", view.totalMs === null ? say("timeline.open") : sayDuration(view.totalMs))
    fill(this, "note", noteOf(view, name))
    for (const [at, stop] of [...this.querySelectorAll(".path__stop")].entries())
      stop.classList.toggle("path__stop--open", !isDone && at > (view.firstMs === null ? 0 : 1))
  }
}

/** @param {TimelineView} view */
function titleOf(view) {
  if (view.pathMs === null) return say("timeline.title_waiting")
  if (view.totalMs === null) return say("timeline.title_moving")
  return say("timeline.title", { total: sayDuration(view.totalMs) })
}

/** @param {TimelineView} view @param {string} name */
function noteOf(view, name) {
  if (view.pathMs === null) return say("timeline.note_waiting")
  const path = sayDuration(view.pathMs)
  if (view.totalMs === null) return say("timeline.note_moving", { path, name })
  const key = view.attempt > 1 ? "timeline.note_again" : "timeline.note"
  return say(key, { path, name, total: sayDuration(view.totalMs), attempt: view.attempt })
}

customElements.define("delivery-timeline", DeliveryTimeline)
