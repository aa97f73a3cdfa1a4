// Posts for a mailbox: one-off sealing to a device's key, so that the server sees neither session nor header.
// Spec: docs/spec/sealing.md

import { concat } from "../lib/bytes.js"
import { Reader, VERSION, pad, u32, u8 } from "./encoding.js"
import { Malformed } from "./errors.js"
import { hpkeOpen, hpkeSeal } from "./hpke.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */

const STEP_BYTES = 4096
const MAX_PLAINTEXT_BYTES = 65_536
const OVERHEAD_BYTES = 1 + 32 + 16
export const MAX_ENVELOPE_BYTES = MAX_PLAINTEXT_BYTES - 4

/**
 * Seals an envelope to a device.
 *
 * @param {DeviceEntry} to
 * @param {Bytes} envelope
 * @param {import("./keys.js").X25519Private} [ephemeral] drawn afresh unless given
 * @throws {Malformed} more than MAX_ENVELOPE_BYTES, or nothing
 */
export async function sealPost(to, envelope, ephemeral) {
  if (envelope.length < 1 || envelope.length > MAX_ENVELOPE_BYTES) throw new Malformed()
  const plaintext = pad(concat(u32(envelope.length), envelope), STEP_BYTES)
  return concat(u8(VERSION), await hpkeSeal(to.agreement, "sealed", to.deviceId, plaintext, ephemeral))
}

/**
 * Opens a post of this device's mailbox.
 *
 * @param {DeviceKeys} own
 * @param {Bytes} post
 * @throws {CryptoError} UnknownVersion, Malformed: not a post. NotOpened: changed, or for another device
 */
export async function openPost(own, post) {
  const size = post.length - OVERHEAD_BYTES
  const reader = new Reader(post)
  reader.version()
  if (size % STEP_BYTES !== 0 || size <= 0 || size > MAX_PLAINTEXT_BYTES) throw new Malformed()
  const opened = new Reader(await hpkeOpen(own.agreement, "sealed", own.deviceId, reader.rest()))
  const envelope = opened.take(opened.u32())
  opened.padding(STEP_BYTES)
  if (envelope.length === 0) throw new Malformed()
  return envelope
}
