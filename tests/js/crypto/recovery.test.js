import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { Ed25519Private, Ed25519Public } from "../../../static/mesa/crypto/keys.js"
import { RecoveryKey, createRecoveryCode, readRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import { assertEqual } from "../assert.js"
import { putAll } from "./cases.js"

export async function codesGiveTheKeysOfTheVectors() {
  await putAll("identity", "recovery-code", async (each) => {
    const code = readRecoveryCode(each.typed)
    const { signing } = await RecoveryKey.fromCode(code)
    assertEqual(code, each.code)
    assertEqual(toHex(signing.raw), each.private)
    assertEqual(toHex((await signing.public()).raw), each.public)
  })
}

export async function recoveryProofsAreMadeAndVerifiedAsVectorsSay() {
  await putAll("identity", "recovery-proof", async (each) => {
    const [fingerprint, challenge] = [fromHex(each.fingerprint), fromHex(each.challenge)]
    const key = new Ed25519Public(fromHex(each.public))
    await key.verify("recover", concat(fingerprint, challenge), fromHex(each.signature))
    const recovery = new RecoveryKey(new Ed25519Private(fromHex(each.private)))
    assertEqual(toHex(await recovery.prove(fingerprint, challenge)), each.signature)
  })
}

export function newCodesReadAsThemselves() {
  const code = createRecoveryCode()

  assertEqual(readRecoveryCode(code), code)
  assertEqual(
    createRecoveryCode((size) => Uint8Array.from({ length: size }, (_, at) => at + 224)),
    "0123456789ABCDEFGHJKMNPQRS",
  )
}
