import { envelopeHash, isReceipt, makeReceipt } from "../../../static/mesa/crypto/receipts.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assertEqual } from "../assert.js"
import { putAll } from "./cases.js"

export async function receiptsAreMadeAsVectorsSay() {
  await putAll("receipts", "make", async ({ receipt_key, envelope, hash, entry }) => {
    const hashed = await envelopeHash(fromHex(envelope))
    assertEqual(toHex(hashed), hash)
    assertEqual(toHex(await makeReceipt(fromHex(receipt_key), hashed)), entry)
  })
}

export async function receiptsAreCheckedAsVectorsSay() {
  await putAll("receipts", "verify", async ({ receipt_key, envelope, entry, valid }) => {
    const hashed = await envelopeHash(fromHex(envelope))
    assertEqual(await isReceipt(fromHex(entry), fromHex(receipt_key), hashed), valid)
  })
}
