import { BadFrame } from "../../../static/mesa/protocol/errors.js"
import * as fields from "../../../static/mesa/protocol/fields.js"
import { serverLimits } from "../../../static/mesa/protocol/parts.js"
import { assertEqual, assertFails } from "../assert.js"

/** @typedef {import("../../../static/mesa/protocol/fields.js").Codec<any>} AnyCodec */

/**
 * What each codec takes and what not, at the edges.
 *
 * @type {Record<string, {codec: AnyCodec, good: unknown[], bad: unknown[]}>}
 */
const EDGES = {
  binary: {
    codec: fields.binary(2),
    good: ["AAA", "__8"],
    bad: ["AA", "AAAA", "AAB", "//8", "AAA=", 0, null],
  },
  binaryUpTo: { codec: fields.binaryUpTo(2), good: ["AA", "AAA"], bad: ["", "AAAA"] },
  number: { codec: fields.number(1, 3), good: [1, 3], bad: [0, 4, 1.5, NaN, true, "1", 2n, null, [1]] },
  choice: { codec: fields.choice(["open"]), good: ["open"], bad: ["Open", "length", 0, null, ["open"]] },
  flag: { codec: fields.flag, good: [true, false], bad: [0, 1, null, "true"] },
  text: {
    codec: fields.text,
    good: [" ", "~".repeat(512)],
    bad: ["", "~".repeat(513), "\x7f", "\x1f", "a\n", "é", 1, null, ["a"]],
  },
  sdp: {
    codec: fields.sdp,
    good: ["\r\n", "~".repeat(6_000), '"'.repeat(3_000), "\\".repeat(3_000), "\n".repeat(3_000)],
    bad: ["", "~".repeat(6_001), '"'.repeat(3_000) + "~", "\n".repeat(3_000) + "~", "\x7f", "\t", "é", null],
  },
  uuid4: {
    codec: fields.uuid4,
    good: ["00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"],
    bad: ["00000000-0000-1000-8000-000000000000", "00000000-0000-4000-c000-000000000000", "", null],
  },
  optional: { codec: fields.optional(fields.flag), good: [null, true], bad: [undefined, 0] },
  listed: {
    codec: fields.listed(fields.flag, 2, 1),
    good: [[true], [true, false]],
    bad: [[], [true, true, true], [0], { 0: true, length: 1 }, null],
  },
  record: {
    codec: fields.record({ one: fields.flag, other: fields.optional(fields.flag) }),
    good: [{ one: true, other: null }],
    bad: [
      { one: true },
      { one: true, more: null },
      { one: true, other: null, more: 1 },
      [true, null],
      null,
      1,
    ],
  },
  limits: {
    codec: serverLimits,
    good: [{ frame_bytes: 2 ** 31, frames_per_s: 1, offers: 8, sdp_bytes: 1, watch: 1 }],
    bad: [{ frame_bytes: 2 ** 31 + 1, frames_per_s: 1, offers: 8, sdp_bytes: 1, watch: 1 }],
  },
}

export function whatIsReadIsWrittenBack() {
  for (const [name, { codec, good }] of Object.entries(EDGES))
    for (const value of good) assertEqual(codec.toJson(codec.parse(value)), value, name)
}

export async function whatIsOverAnEdgeIsRefused() {
  for (const { codec, bad } of Object.values(EDGES))
    for (const value of bad) await assertFails(BadFrame, () => codec.parse(value))
}

export async function whatIsOverAnEdgeIsNotWrittenEither() {
  const { binary, binaryUpTo, ...plain } = EDGES
  for (const { codec, bad } of Object.values(plain))
    for (const value of bad) await assertFails(BadFrame, () => codec.toJson(value))
  for (const value of ["AA", [0, 0], null, new Uint8Array(1), new Uint8Array(3)])
    await assertFails(BadFrame, () => binary.codec.toJson(value))
  for (const length of [0, 3])
    await assertFails(BadFrame, () => binaryUpTo.codec.toJson(new Uint8Array(length)))
}
