import { BadFrame, FrameTooLarge, ProtocolError } from "../../../static/mesa/protocol/errors.js"
import { parse, toText } from "../../../static/mesa/protocol/frames.js"
import { FRAME_BYTES, FRAME_STEP_BYTES } from "../../../static/mesa/protocol/limits.js"
import { TO_PEER } from "../../../static/mesa/protocol/to-peer.js"
import { TO_SERVER } from "../../../static/mesa/protocol/to-server.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { Random } from "../random.js"
import { casesOf, joinText } from "../vectors.js"
import { framesToPeer, framesToServer } from "./random-frames.js"

/** @typedef {import("../../../static/mesa/protocol/frames.js").Kinds} Kinds */
/** @type {Record<string, Kinds>} */
const KINDS = { to_server: TO_SERVER, to_peer: TO_PEER }
const PADDED = ["hello", "ice_client", "snapshot", "guard", "ready_to_receive"]
const LINK = "AAAAAAAAAAAAAAAAAAAAAA"
const TX = "6f0c1f9e-1c7d-4c4b-9b1e-5a1d3a0a7c11"
// What readers of JSON disagree about, or take for something else.
const ODD_SIGNS = [...'0 1A"\\{}[],:.-_eu=\u00e9\u2028\ufeff\ud800\0\t']
// What follows is padding, or more of the same.
const BODY_SIGNS = 400

/** The good frames of the page, written. */
async function goodTexts() {
  const cases = (await casesOf("signaling", "frame")).filter((each) => each.expect === "ok")
  return cases.map((each) => ({ text: joinText(each.text), kinds: KINDS[each.direction], name: each.name }))
}

export async function everyFrameOfThePageIsReadOrRefused() {
  for (const { name, direction, expect, text } of await casesOf("signaling", "frame")) {
    const [whole, kinds] = [joinText(text), KINDS[direction]]
    const read = () => parse(whole, kinds)
    if (expect === "ok") assertEqual(JSON.parse(toText(read(), kinds)), JSON.parse(whole), name)
    else assertEqual((await assertFails(ProtocolError, read)).name, expect, name)
  }
}

export async function checksOfThePageThatAreLeftOutAreTheServersAlone() {
  const left = (await casesOf("signaling")).filter((each) => each.check !== "frame")

  // Only a server makes logins for TURN servers.
  assertEqual([...new Set(left.map((each) => each.check))], ["turn_login"])
}

export async function everyTypeOfFrameHasAGoodCase() {
  const good = await goodTexts()
  for (const kinds of Object.values(KINDS)) {
    const types = good.filter((each) => each.kinds === kinds).map((each) => JSON.parse(each.text).type)
    assertEqual(new Set(types), new Set(Object.keys(kinds)))
  }
}

export function framesComeBackAsTheyWereWritten() {
  const random = new Random(1)
  for (let round = 0; round < 40; round++) {
    for (const frame of framesToServer(random)) {
      const text = toText(frame, TO_SERVER)
      assertEqual(parse(text, TO_SERVER), frame)
      assertEqual(toText(parse(text, TO_SERVER), TO_SERVER), text)
    }
    for (const frame of framesToPeer(random)) {
      const text = toText(frame, TO_PEER)
      assertEqual(parse(text, TO_PEER), frame)
      assertEqual(toText(parse(text, TO_PEER), TO_PEER), text)
    }
  }
}

export function randomFramesAreOfEveryType() {
  const random = new Random(1)
  const types = (/** @type {{type: string}[]} */ frames) => new Set(frames.map((frame) => frame.type))

  assertEqual(types(framesToServer(random)), new Set(Object.keys(TO_SERVER)))
  assertEqual(types(framesToPeer(random)), new Set(Object.keys(TO_PEER)))
}

export function onlyPaddedFramesAreWholeSteps() {
  const random = new Random(2)
  const written = [
    ...framesToServer(random).map((frame) => ({ type: frame.type, text: toText(frame, TO_SERVER) })),
    ...framesToPeer(random).map((frame) => ({ type: frame.type, text: toText(frame, TO_PEER) })),
  ]

  for (const { type, text } of written)
    assertEqual(text.length % FRAME_STEP_BYTES === 0, PADDED.includes(type), type)
}

export async function aFrameWithOneSignChangedIsRefusedOrSaysWhatIsWrittenAgain() {
  const random = new Random(3)
  // The others hold more of the same.
  const short = (await goodTexts()).filter(({ text }) => text.length <= FRAME_STEP_BYTES)
  let [read, refused] = [0, 0]
  for (const { text, kinds, name } of short)
    for (let at = 0; at < Math.min(text.length, BODY_SIGNS); at++) {
      const [before, odd, sign, after] = [
        text.slice(0, at),
        random.pick(ODD_SIGNS),
        text[at],
        text.slice(at + 1),
      ]
      const changed = before + random.pick([odd, "", odd + sign]) + after
      if (isReadWhole(changed, kinds, `${name}, at ${at}`)) read++
      else refused++
    }

  assert(read > 500 && refused > 5_000, `${read} read, ${refused} refused`)
}

/**
 * Tells whether a frame is read; then it is written back as what it says.
 *
 * @param {string} text
 * @param {Kinds} kinds
 * @param {string} what
 */
function isReadWhole(text, kinds, what) {
  let frame
  try {
    frame = parse(text, kinds)
  } catch (error) {
    assert(error instanceof ProtocolError, `${what}: ${error}`)
    return false
  }
  const again = toText(frame, kinds)
  if (PADDED.includes(String(frame.type))) assertEqual(again, text, what)
  else assertEqual(JSON.parse(again), JSON.parse(text), what)
  return true
}

export async function aKeyThatComesTwiceIsRefusedInBothDirections() {
  const texts = [
    `{"type":"answer","link":"${LINK}","sdp":"v=0","sdp":"v=0"}`,
    `{"type":"answer","type":"answer","link":"${LINK}","sdp":"v=0"}`,
    `{"type":"answer","link":"${LINK}","sdp":"v=0","s\\u0064p":"v=0"}`,
    `{"type":"answer","link":{"user":"ada"},"link":"${LINK}","sdp":"v=0"}`,
    `{"type":"answer","link":"${LINK}","sdp":"v=0","__proto__":{}}`,
  ]
  for (const kinds of Object.values(KINDS))
    for (const text of texts) await assertFails(BadFrame, () => parse(text, kinds))
}

export async function aNumberHasOneSpelling() {
  const read = (/** @type {string} */ number) =>
    parse(
      `{"type":"attempt_failed","tx":"${TX}","attempt":${number},"cause":"idle","forwarders":null}`,
      TO_PEER,
    )

  assertEqual(read("10").type === "attempt_failed" && read("10"), { ...read("10"), attempt: 10 })
  assert(Object.is(/** @type {any} */ (read("-0")).attempt, 0))
  for (const number of [
    "10.0",
    "1e1",
    "1E1",
    "100e-1",
    "0.0",
    "010",
    "+10",
    "0x1",
    "NaN",
    "Infinity",
    '"10"',
  ])
    await assertFails(BadFrame, () => read(number))
}

export function whatLooksLikeAKeyOrANumberInsideOfATextIsText() {
  const texts = ['"link":"', "1.0 1e1", '\\"sdp\\": 1.5e3', '\\\\":"']
  for (const sdp of texts) {
    const frame = { type: /** @type {const} */ ("answer"), link: new Uint8Array(16), sdp }
    assertEqual(parse(toText(frame, TO_PEER), TO_PEER), frame)
  }
}

export async function aTextOverTheLimitIsRefusedForThat() {
  const padding = FRAME_BYTES - '{"type":"mailbox"}'.length

  assertEqual(parse('{"type":"mailbox"}' + " ".repeat(padding), TO_PEER), { type: "mailbox" })
  for (const more of [" ".repeat(padding + 1), "\u00e9".repeat(FRAME_BYTES / 2)])
    await assertFails(FrameTooLarge, () => parse('{"type":"mailbox"}' + more, TO_PEER))
}

export async function deeplyNestedTextIsRefused() {
  for (const open of ["[", '{"type":'])
    for (const close of ["", open === "[" ? "]" : "}"]) {
      const depth = Math.floor((FRAME_BYTES - 1) / (open.length + 1))
      await assertFails(BadFrame, () => parse(open.repeat(depth) + "1" + close.repeat(depth), TO_PEER))
    }
}

export async function whatWouldNotBeReadIsNotWritten() {
  const wrong = [
    { type: "complete" },
    { type: "complete", tx: TX, user: "ada" },
    { type: "complete", tx: TX.toUpperCase() },
    { type: "constructor", tx: TX },
    { type: "link_up", link: new Uint8Array(15) },
    { type: "link_up", link: "A".repeat(16) },
    { type: "repath", tx: TX, attempt: 0 },
    { type: "receipt", hop: new Uint8Array(8), entries: [], credit: null },
    { type: "watch", tokens: Array(257).fill(new Uint8Array(32)) },
  ]
  for (const frame of wrong) await assertFails(BadFrame, () => toText(/** @type {any} */ (frame), TO_SERVER))
}

export async function aFrameOverTheLimitIsNotWritten() {
  const entry = { digest: new Uint8Array(16), mac: new Uint8Array(16) }
  const held = { tx: TX, entries: Array(64).fill(entry), credit: null }
  const snapshot = { hops: [], transactions: [], receipts: Array(16).fill(held), conversations: [] }

  await assertFails(FrameTooLarge, () => toText({ type: "snapshot", ...snapshot }, TO_PEER))
}

export async function aRefusalNeverRepeatsWhatCame() {
  const secret = "mallory".repeat(9)
  const texts = (await goodTexts()).filter(({ text }) => text.startsWith('{"type":"'))
  for (const { text, kinds } of texts) {
    const error = await assertFails(ProtocolError, () => parse(text.replace('":"', `":"${secret}`), kinds))
    assert(!error.message.includes(secret))
  }
}
