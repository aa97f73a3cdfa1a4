// What the page makes of frames and fragments, for a test that compares what server and agent make of them.

import { FRAGMENT_BYTES } from "../../../static/mesa/protocol/cells.js"
import { ProtocolError } from "../../../static/mesa/protocol/errors.js"
import { parse, toText } from "../../../static/mesa/protocol/frames.js"
import { Reassembler } from "../../../static/mesa/protocol/reassembly.js"
import { TO_PEER } from "../../../static/mesa/protocol/to-peer.js"
import { TO_SERVER } from "../../../static/mesa/protocol/to-server.js"
import { envelope as filled, numbered } from "./example-fragments.js"

/** @type {Record<string, import("../../../static/mesa/protocol/frames.js").Kinds>} */
const KINDS = { to_server: TO_SERVER, to_peer: TO_PEER }

/**
 * The frame written again, or the name of the error.
 *
 * @param {[string, string]} asked direction and text
 */
export function read([direction, text]) {
  const kinds = KINDS[direction]
  return attempt(() => toText(parse(text, kinds), kinds))
}

/**
 * What came of each fragment, and what is kept then.
 *
 * @param {Record<"now" | "hop" | "stream" | "index" | "count" | "size" | "fill", number>[]} trace
 */
export function follow(trace) {
  const reassembler = new Reassembler()
  return trace.map(({ now, hop, stream, index, count, size, fill }) => {
    const fragment = { stream: numbered(stream), index, count, body: filled(size, fill) }
    const result = attempt(() => {
      const { envelope, creditIndex } = reassembler.add(fragment, now, numbered(hop))
      const starts = envelope?.filter((_, at) => at % FRAGMENT_BYTES === 0) ?? []
      return [envelope && [envelope.length, ...starts], creditIndex]
    })
    return [result, reassembler.unfinishedStreams, reassembler.unfinishedBytes]
  })
}

/** @template T @param {() => T} act */
function attempt(act) {
  try {
    return act()
  } catch (error) {
    if (error instanceof ProtocolError) return error.name
    throw error
  }
}
