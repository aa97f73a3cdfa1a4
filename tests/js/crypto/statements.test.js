import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { verifyChain } from "../../../static/mesa/crypto/chain.js"
import { Reader } from "../../../static/mesa/crypto/encoding.js"
import { Malformed } from "../../../static/mesa/crypto/errors.js"
import { DeviceEntry, DeviceKeys, createDevice } from "../../../static/mesa/crypto/identity.js"
import { Ed25519Private, Ed25519Public, X25519Private } from "../../../static/mesa/crypto/keys.js"
import { RecoveryKey, createRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import {
  createFirstStatement,
  createNextStatement,
  readStatement,
} from "../../../static/mesa/crypto/statements.js"
import { assertEqual, assertFails } from "../assert.js"
import { casesOf } from "../vectors.js"
import { putAll } from "./cases.js"

/** @typedef {import("../vectors.js").Case} Case */

export async function firstStatementsAreWrittenAsVectorsSay() {
  await putAll("identity", "statement", async (each) => {
    const signing = new Ed25519Private(fromHex(each.device_signing_private))
    const agreement = new X25519Private(fromHex(each.device_agreement_private))
    const device = new DeviceKeys(fromHex(each.device_id), signing, agreement, each.suite)
    const recovery = await RecoveryKey.fromCode(each.recovery_code)
    const made = await createFirstStatement(each.user_name, device, recovery, each.day)
    assertEqual(toHex(made), each.statement)
    assertEqual(toHex((await verifyChain([made])).fingerprint), each.fingerprint)
  })
}

export async function nextStatementsAreWrittenAsVectorsSay() {
  await putAll("identity", "next-statement", async (each) => {
    const before = each.statements.map(fromHex)
    const signers = each.private.map((/** @type {string} */ seed) => new Ed25519Private(fromHex(seed)))
    const made = await createNextStatement(await verifyChain(before), changeOf(each), signers, each.day)
    assertEqual(toHex(made), each.statement)
    await verifyChain([...before, made])
  })
}

/** @param {Case} each @returns {import("../../../static/mesa/crypto/statements.js").Change} */
function changeOf(each) {
  const [signer, device] = [
    fromHex(each.signer),
    each.device && DeviceEntry.read(new Reader(fromHex(each.device))),
  ]
  switch (each.kind) {
    case 1:
      return { kind: 1, signer, device }
    case 2:
      return { kind: 2, signer, deviceId: fromHex(each.device_id) }
    case 3:
      return { kind: 3, signer, suite: each.suite }
    case 4:
      return { kind: 4, recovery: new Ed25519Public(fromHex(each.recovery)) }
  }
  return { kind: 5, device }
}

export async function theSignaturesOfAStatementCoverAllThatIsBeforeThem() {
  for (const { statement } of await casesOf("identity", "statement")) {
    const place = { number: 0, previous: new Uint8Array(32) }
    const { body, signatures } = readStatement(fromHex(statement), place)
    assertEqual(toHex(concat(body, ...signatures)), statement)
  }
}

export async function aStatementIsNotDatedBeforeTheOneItFollows() {
  const [{ statements, private: seeds, day, ...each }] = await casesOf("identity", "next-statement")
  const before = await verifyChain(statements.map(fromHex))
  const signers = seeds.map((/** @type {string} */ seed) => new Ed25519Private(fromHex(seed)))

  const made = await createNextStatement(before, changeOf({ ...each, day }), signers, before.day - 1)

  assertEqual((await verifyChain([...before.statements, made])).day, before.day)
}

export async function namesThatNeedFoldingAreNotSigned() {
  const recovery = await RecoveryKey.fromCode(createRecoveryCode())

  for (const name of ["Ada", "", "a da", "a\x7f", "a".repeat(65), "\ud800"])
    await assertFails(Malformed, () => createFirstStatement(name, createDevice(1), recovery, 20_780))
}
