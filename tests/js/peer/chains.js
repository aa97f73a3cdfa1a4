// Chains that go on from a person's, and chains that do not.

import { verifyChain } from "../../../static/mesa/crypto/chain.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { RecoveryKey, createRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import { Kind, createFirstStatement, createNextStatement } from "../../../static/mesa/crypto/statements.js"
import { DAY, Person } from "./people.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

/** A chain of a person's that names one device more. @param {Person} person @returns {Promise<Bytes[]>} */
export async function withSecondDevice(person) {
  const before = await verifyChain(statementsOf(person))
  const other = createDevice(1)
  const change = { kind: Kind.ADD_DEVICE, signer: person.keys.deviceId, device: await other.entry() }
  const signers = [person.keys.signing, other.signing]
  return [...before.statements, await createNextStatement(before, change, signers, DAY)]
}

/** A chain of a person's that the recovery code put another device into. @param {Person} person */
export async function recovered(person) {
  const before = await verifyChain(statementsOf(person))
  const other = createDevice(1)
  const change = { kind: Kind.RECOVER, device: await other.entry() }
  const signers = [person.recovery.signing, other.signing]
  return [...before.statements, await createNextStatement(before, change, signers, DAY)]
}

/** A chain that somebody else wrote for the same name. @param {string} name */
export async function strangers(name) {
  const recovery = await RecoveryKey.fromCode(createRecoveryCode())
  return [await createFirstStatement(name, createDevice(1), recovery, DAY)]
}

/** @param {Person} person */
export function statementsOf(person) {
  return person.server.user(person.name).statements
}
