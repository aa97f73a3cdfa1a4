// What passes through this device for others, second by second.

import { MesaElement, fill, part } from "./base.js"
import { say } from "./texts.js"

/** @typedef {import("./views.js").MeterView} MeterView */

const CELL_KB = 4.1
/** For how many seconds what passed is shown, a bar for each. */
export const SHOWN_S = 40
const STEP = 8
const HEIGHT = 42
const FOOT = 44

export class ForwardingMeter extends MesaElement {
  /** @param {MeterView} view */
  set view(view) {
    const rates = view.rates.slice(-SHOWN_S)
    const most = Math.max(...rates, 0)
    const current = rates.at(-1) ?? 0
    part(this, "bars").setAttribute("d", barsOf(rates, most))
    part(this, "plot").setAttribute("aria-label", say("meter.picture", { seconds: SHOWN_S, count: most }))
    fill(this, "rate", view.forwards ? say("meter.rate", { count: current }) : say("meter.off"))
    fill(this, "bytes", view.forwards ? say("meter.bytes", { count: Math.round(current * CELL_KB) }) : "")
    fill(this, "total", say("meter.total", { count: view.total }))
  }
}

/** @param {number[]} rates @param {number} most */
function barsOf(rates, most) {
  return (
    rates
      // Below nothing: another leader counts anew, or two looks overtook each other.
      .map((rate, at) => (rate <= 0 ? "" : `M${STEP / 2 + at * STEP} ${FOOT}v${-(rate / most) * HEIGHT}`))
      .join("")
  )
}

customElements.define("forwarding-meter", ForwardingMeter)
