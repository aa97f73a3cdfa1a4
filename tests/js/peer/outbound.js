// Runs traces of events through the outbox's transaction, for a test that compares what Python makes of them.

import { Outbound } from "../../../static/mesa/peer/outbound.js"

/**
 * @param {{now: number, event: import("../../../static/mesa/peer/outbound-table.js").Event}[]} trace
 * @returns {object[]} what followed each event: steps, what goes next, and when time alone changes something
 */
export function follow(trace) {
  let [txs, draws] = [0, 0]
  const outbound = new Outbound({ newTx: () => `tx${(txs += 1)}`, jitter: () => ((draws += 1) % 10) / 10 })
  return trace.map(({ now, event }) => ({
    steps: outbound.receive(event, now),
    next: outbound.nextToSend(now),
    nextAt: outbound.nextAt(),
    capacity: outbound.flight.capacity,
    phase: outbound.state.phase,
    path: outbound.path,
  }))
}
