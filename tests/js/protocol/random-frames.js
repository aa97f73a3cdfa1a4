// Frames of every type with contents that are allowed; the upper bounds have vectors of their own.

import {
  CAUSES,
  END_STATES,
  NATS,
  SESSION_END_CAUSES,
  TRANSACTION_STATES,
} from "../../../static/mesa/protocol/words.js"
import { toHex } from "../../../static/mesa/lib/bytes.js"

/** @typedef {import("../../../static/mesa/protocol/frames.js").FrameToServer} FrameToServer */
/** @typedef {import("../../../static/mesa/protocol/frames.js").FrameToPeer} FrameToPeer */
/** @typedef {import("../random.js").Random} Random */

const PRINTABLE = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at))
const SDP = [...PRINTABLE, "\r", "\n"]

/** @param {Random} random @returns {FrameToServer[]} one frame of each type */
export function framesToServer(random) {
  const draw = drawing(random)
  return [
    {
      type: "hello",
      resume: draw.orNull(() => random.bytes(32)),
      epoch: draw.orNull(() => random.bytes(16)),
      links: draw.few(() => random.bytes(16)),
    },
    {
      type: "ice_client",
      onion_key: random.bytes(117),
      capabilities: { forward: draw.flag() },
      nat: random.pick(NATS),
      offers: draw.few(() => ({ id: random.bytes(8), sdp: draw.sdp() })),
      tickets: draw.few(() => random.bytes(1 + random.below(512))),
    },
    { type: "offer", id: random.bytes(8), sdp: draw.sdp() },
    { type: "answer", link: random.bytes(16), sdp: draw.sdp() },
    { type: "link_up", link: random.bytes(16) },
    { type: "link_down", link: random.bytes(16) },
    { type: "hop_failed", hop: random.bytes(8) },
    { type: "receipt", hop: random.bytes(8), ...draw.receipt() },
    { type: "complete", tx: draw.uuid() },
    { type: "repath", tx: draw.uuid(), attempt: 1 + random.below(65_535) },
    { type: "path_keepalive", tx: draw.uuid() },
    { type: "watch", tokens: draw.few(() => random.bytes(32)) },
    { type: "direct_offer", tx: draw.uuid(), id: random.bytes(8), sdp: draw.sdp(), proof: random.bytes(32) },
    { type: "direct_answer", hop: random.bytes(8), sdp: draw.sdp(), proof: random.bytes(32) },
  ]
}

/** @param {Random} random @returns {FrameToPeer[]} one frame of each type */
export function framesToPeer(random) {
  const draw = drawing(random)
  const tx = draw.uuid
  return [
    {
      type: "welcome",
      versions: draw.few(draw.text, 1),
      ice_servers: draw.few(draw.iceServer),
      limits: { ...draw.counts(), offers: 1 + random.below(8) },
      epoch: random.bytes(16),
      resume: random.bytes(32),
      resumed: draw.flag(),
    },
    { type: "ice_servers", ice_servers: draw.few(draw.iceServer) },
    {
      type: "snapshot",
      hops: draw.few(() => random.bytes(8)),
      transactions: draw.few(() => ({
        tx: tx(),
        state: random.pick(TRANSACTION_STATES),
        attempt: random.below(65_536),
      })),
      receipts: draw.few(() => ({ tx: tx(), ...draw.receipt() })),
      conversations: draw.few(() => ({ conversation: draw.uuid(), revision: draw.revision() })),
    },
    { type: "guard", ticket: random.bytes(1 + random.below(512)), in: draw.inOrder(), out: draw.outOrder() },
    { type: "offer_wanted" },
    { type: "ready_to_receive", in: draw.inOrder(), out: draw.outOrder() },
    {
      type: "path_ready",
      tx: tx(),
      attempt: 1 + random.below(65_535),
      device: draw.uuid(),
      onion_key: random.bytes(117),
      forwarders: random.several(3, () => random.bytes(32)),
      hops: random.several(4, () => random.bytes(8)),
      link: random.bytes(16),
    },
    { type: "answer", link: random.bytes(16), sdp: draw.sdp() },
    { type: "link_drop", link: random.bytes(16) },
    { type: "receipt", tx: tx(), ...draw.receipt() },
    {
      type: "attempt_failed",
      tx: tx(),
      attempt: random.below(65_536),
      cause: random.pick(CAUSES),
      forwarders: draw.orNull(() => random.below(4)),
    },
    {
      type: "transaction_ended",
      tx: tx(),
      state: random.pick(END_STATES),
      cause: draw.orNull(() => random.pick(CAUSES)),
    },
    { type: "contact_online", token: random.bytes(32) },
    { type: "mailbox" },
    { type: "refresh", conversation: draw.uuid(), revision: draw.revision() },
    { type: "session_end", cause: random.pick(SESSION_END_CAUSES) },
    {
      type: "direct_asked",
      token: random.bytes(32),
      hop: random.bytes(8),
      sdp: draw.sdp(),
      proof: random.bytes(32),
    },
    {
      type: "direct_ready",
      tx: tx(),
      attempt: 1 + random.below(65_535),
      device: draw.uuid(),
      hop: random.bytes(8),
      offer: random.bytes(8),
      sdp: draw.sdp(),
      proof: random.bytes(32),
    },
  ]
}

/** @param {Random} random */
function drawing(random) {
  /** @template T @param {() => T} draw */
  const orNull = (draw) => (random.below(2) ? draw() : null)
  /** @template T @param {() => T} draw */
  const few = (draw, atLeast = 0) => random.several(atLeast + random.below(5 - atLeast), draw)
  const count = () => 1 + random.below(2 ** 31)
  const flag = () => random.below(2) === 1
  const text = () => random.several(1 + random.below(40), () => random.pick(PRINTABLE)).join("")
  const sdp = () => random.several(1 + random.below(200), () => random.pick(SDP)).join("")
  const entry = () => ({ digest: random.bytes(16), mac: random.bytes(16) })
  const credit = () => ({ stream: random.bytes(8), index: random.below(65_536) })
  const hop = () => ({ hop: random.bytes(8), link: random.bytes(16) })
  const open = () => ({ ...hop(), how: /** @type {const} */ ("open"), sdp: null, offer: null })
  const answer = () => ({ ...hop(), how: /** @type {const} */ ("answer"), sdp: sdp(), offer: null })
  const taken = () => ({ ...hop(), how: /** @type {const} */ ("taken"), sdp: null, offer: random.bytes(8) })
  return {
    orNull,
    few,
    flag,
    text,
    sdp,
    uuid: () =>
      toHex(random.bytes(16)).replace(
        /^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/,
        `$1-$2-4$3-${random.pick(["8", "9", "a", "b"])}$4-$5`,
      ),
    revision: () => random.below(2 ** 21) * 2 ** 32 + random.below(2 ** 32),
    iceServer: () => ({ urls: few(text, 1), username: orNull(text), credential: orNull(text) }),
    counts: () => ({ frame_bytes: count(), frames_per_s: count(), sdp_bytes: count(), watch: count() }),
    receipt: () =>
      flag() ? { entries: few(entry, 1), credit: orNull(credit) } : { entries: few(entry), credit: credit() },
    inOrder: () => (flag() ? open() : answer()),
    outOrder: () => (flag() ? open() : taken()),
  }
}
