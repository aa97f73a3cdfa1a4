// What a test of another language asks of chains: hex in, names of outcomes out.

import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { judge, verifyChain } from "../../../static/mesa/crypto/chain.js"
import { outcomeOf } from "./cases.js"

/** @param {string[]} chain */
const verified = (chain) => verifyChain(chain.map(fromHex))

/** What each chain is refused for, or `ok`. @param {string[][]} chains */
export function outcomesOf(chains) {
  return Promise.all(chains.map((chain) => outcomeOf(() => verified(chain))))
}

/** The verdict on each of some chains when another is pinned. @param {string[][]} chains */
export async function verdictsOn(chains) {
  const read = await Promise.all(chains.map(verified))
  return read.map((pinned) => read.map((shown) => judge(pinned, shown)))
}
