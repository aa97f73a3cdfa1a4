// What is said of a message: what stands for a text that is not there, and the state of ours, with an icon and a look.

import { say } from "./texts.js"

/** @typedef {import("./views.js").MessageView} MessageView */
/** @typedef {{words: string, icon: string, look: "" | "waiting" | "moving" | "failed", arrived: boolean}} Look */

const ICON_OF_WAITING = {
  contact: "away",
  acceptance: "away",
  asking: "away",
  forwarders: "",
  path: "queued",
}

/** The text of a message, or what stands for it. @param {MessageView} view */
export function textOf({ text, missing }) {
  return text ?? say(missing ? "message.missing" : "message.newer")
}

/**
 * Says how a message of ours stands.
 *
 * @param {MessageView} view
 * @param {string} name of the contact
 * @returns {Look}
 */
export function lookOf(view, name) {
  const attempt = view.attempt ?? 0
  switch (view.state) {
    case "queued":
      return look(say("state.queued"), "queued", "")
    case "waiting":
      return waiting(view, name)
    case "path":
    case "sent":
      return look(
        attempt > 1 ? say("state.moving_again", { attempt }) : say("state.moving"),
        "moving",
        "moving",
      )
    case "delivered":
      return { ...look(say("state.delivered"), "delivered", ""), arrived: true }
    case "blocked":
      return look(say(`state.blocked_${view.why ?? "keys"}`, { name }), "warning", "failed")
    default: {
      const why = say(`why.${view.why ?? "unknown"}`, { name })
      return look(say("state.failed", { why }), "warning", "failed")
    }
  }
}

/** @param {MessageView} view @param {string} name */
function waiting(view, name) {
  const waitsFor = view.waitsFor ?? "path"
  return look(
    say(`state.waiting_${waitsFor}`, { name, forwarders: view.forwarders ?? 0 }),
    ICON_OF_WAITING[waitsFor],
    "waiting",
  )
}

/** @param {string} words @param {string} icon @param {Look["look"]} kind @returns {Look} */
function look(words, icon, kind) {
  return { words, icon, look: kind, arrived: false }
}
