import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import {
  GOOD,
  Verdict,
  judge,
  packChain,
  readChain,
  splitChain,
  verifyChain,
} from "../../../static/mesa/crypto/chain.js"
import { BadSignature, CryptoError } from "../../../static/mesa/crypto/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { casesOf } from "../vectors.js"
import { putAll } from "./cases.js"

export async function chainsAreVerifiedAsVectorsSay() {
  await putAll("identity", "chain", async (each) => {
    const found = await verifyChain(each.statements.map(fromHex))
    assertEqual([found.userName, found.number], [each.user_name, each.number])
    assertEqual(toHex(found.fingerprint), each.fingerprint)
    assertEqual(toHex(found.head), each.head)
    assertEqual(toHex(found.recovery.raw), each.recovery)
    const devices = found.devices.map((device) => toHex(device.pack()))
    assertEqual(devices, each.devices)
  })
}

export async function packedChainsAreSplitAsVectorsSay() {
  await putAll("identity", "packed-chain", ({ chain, statements }) => {
    const split = splitChain(fromHex(chain))
    assertEqual(split.map(toHex), statements)
    assertEqual(toHex(packChain(split)), chain)
  })
}

export async function chainsAreJudgedAsVectorsSay() {
  await putAll("identity", "judge", async ({ pinned, shown, verdict }) => {
    const [before, now] = [await verifyChain(pinned.map(fromHex)), await verifyChain(shown.map(fromHex))]
    assertEqual(judge(before, now), verdict)
  })
}

export async function everyVerdictHasACase() {
  const cases = await casesOf("identity", "judge")

  assertEqual(new Set(cases.map(({ verdict }) => verdict)), new Set(Object.values(Verdict)))
  assertEqual(GOOD, ["same", "extended", "recovered"])
}

export async function aChainThatWasReadBeforeIsNotVerifiedAgain() {
  const [{ chain }] = await casesOf("identity", "packed-chain")

  assert((await readChain(fromHex(chain))) === (await readChain(fromHex(chain))))
}

export async function aChainThatFailedOnceFailsAgain() {
  const [{ chain }] = await casesOf("identity", "packed-chain")
  const raw = fromHex(chain)
  const changed = raw.with(-1, raw[raw.length - 1] ^ 1)

  await assertFails(BadSignature, () => readChain(changed))
  await assertFails(BadSignature, () => readChain(changed))
}

export async function noFlippedBitOfAStatementPasses() {
  for (const { before, good } of await everyKind())
    for (let at = 0; at < good.length; at += 1)
      await assertFails(CryptoError, () =>
        verifyChain([...before, good.with(at, good[at] ^ (1 << (at % 8)))]),
      )
}

export async function noTruncatedStatementPasses() {
  for (const { before, good } of await everyKind())
    for (let size = 0; size < good.length; size += 1)
      await assertFails(CryptoError, () => verifyChain([...before, good.slice(0, size)]))
}

/** One good statement of each kind, with the statements before it. */
async function everyKind() {
  const cases = (await casesOf("identity", "next-statement")).filter(({ expect }) => expect === "ok")
  const byKind = new Map(cases.map((each) => [each.kind, each]))
  const kinds = [...byKind.values()].map((each) => ({
    before: each.statements.map(fromHex),
    good: fromHex(each.statement),
  }))
  assertEqual(kinds.length, 5)
  return [...kinds, { before: [], good: kinds[0].before[0] }]
}
