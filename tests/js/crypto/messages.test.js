import { Kind, MAX_SEEN, Message, createMessage, renewMessage } from "../../../static/mesa/crypto/messages.js"
import { Malformed } from "../../../static/mesa/crypto/errors.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { putAll } from "./cases.js"

/** @typedef {import("../../../static/mesa/crypto/messages.js").Content} Content */

const NOW_MS = 1_795_392_000_000
const BYTES = ["chain", "token", "part", "answered", "body"]
const hello = createMessage({ kind: Kind.TEXT, text: "hello" }, { nowMs: NOW_MS })

export async function plaintextsAreReadAndWrittenAsVectorsSay() {
  await putAll("messages", "message", ({ plaintext, fields, expect }) => {
    const message = Message.unpack(fromHex(plaintext))
    // What should have been refused is not given a second chance by its being written.
    if (expect !== "ok") return
    assertEqual(toHex(message.pack()), plaintext)
    assertEqual(message, messageOf(fields))
  })
}

export async function whatDoesNotFitIsNotWritten() {
  await putAll("messages", "pack", ({ fields }) => messageOf(fields).pack())
}

/** @param {Record<string, any>} fields */
function messageOf({ message_id, sent_ms, receipt_key, seen, ...content }) {
  for (const name of BYTES) if (name in content) content[name] = fromHex(content[name])
  if ("body" in content) Object.assign(content, { kind: Kind.UNKNOWN, number: content.kind })
  const [id, key] = [message_id, receipt_key].map(fromHex)
  return new Message(id, BigInt(sent_ms), /** @type {Content} */ (content), key, seen.map(fromHex))
}

/** @param {Content} content */
function sayingOnly(content) {
  return new Message(hello.messageId, hello.sentMs, content, hello.receiptKey)
}

export async function halfASurrogatePairIsNotWritten() {
  const [token, chain] = [new Uint8Array(32), new Uint8Array()]

  await assertFails(Malformed, () => sayingOnly({ kind: 1, text: "a\ud83e" }).pack())
  await assertFails(Malformed, () => sayingOnly({ kind: 2, chain, token, greeting: "\udda2" }).pack())
}

export function whatASenderWroteComesBackToTheSign() {
  for (const text of ["\ufeffbo", "a\0b", "\u202e\u200b", "line\r\nline", "🦢".repeat(16_384)]) {
    const read = Message.unpack(sayingOnly({ kind: Kind.TEXT, text }).pack())
    assertEqual(read.content, { kind: 1, text })
  }
}

export async function noMessageCutShortIsRead() {
  const plaintext = hello.pack()

  for (let size = 0; size < plaintext.length; size += 1)
    await assertFails(Malformed, () => Message.unpack(plaintext.slice(0, size)))
}

export function aTimeOfAnyPeerComesBackAsItWas() {
  const at = (/** @type {bigint} */ ms) => new Message(hello.messageId, ms, hello.content, hello.receiptKey)

  for (const sentMs of [0n, 2n ** 53n + 1n, 2n ** 64n - 1n])
    assertEqual(Message.unpack(at(sentMs).pack()).sentMs, sentMs)
}

export function anIdIsAUuidAndNoTwoMessagesShareAnything() {
  const other = createMessage(hello.content, { nowMs: NOW_MS })

  assertEqual([hello.messageId[6] >> 4, hello.messageId[8] >> 6], [4, 2])
  assert(toHex(hello.messageId) !== toHex(other.messageId))
  assert(toHex(hello.receiptKey) !== toHex(other.receiptKey))
}

export function onlyTheLastSeenIdsAreSaid() {
  const ids = Array.from({ length: 10 }, (_, at) => new Uint8Array(16).fill(at))

  const { seen } = createMessage(hello.content, { nowMs: NOW_MS, seen: ids })

  assertEqual(seen, ids.slice(-MAX_SEEN))
}

export function aRenewedMessageKeepsItsIdAndGetsANewKey() {
  const renewed = renewMessage(hello)

  assertEqual({ ...renewed, receiptKey: hello.receiptKey }, hello)
  assert(toHex(renewed.receiptKey) !== toHex(hello.receiptKey))
}
