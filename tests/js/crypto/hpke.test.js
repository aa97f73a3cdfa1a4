import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { NotOpened } from "../../../static/mesa/crypto/errors.js"
import { hpkeOpen, hpkeSeal } from "../../../static/mesa/crypto/hpke.js"
import { X25519Private } from "../../../static/mesa/crypto/keys.js"
import { assertEqual, assertFails } from "../assert.js"

const TEXT = fromHex("68656c6c6f")
const CONTEXT = fromHex("01")

export async function whatIsSealedOpensForItsKeyNameAndContextOnly() {
  const bo = X25519Private.generate()
  const sealed = await hpkeSeal(await bo.public(), "example", CONTEXT, TEXT)

  assertEqual(await hpkeOpen(bo, "example", CONTEXT, sealed), TEXT)
  await assertFails(NotOpened, () => hpkeOpen(X25519Private.generate(), "example", CONTEXT, sealed))
  await assertFails(NotOpened, () => hpkeOpen(bo, "sample", CONTEXT, sealed))
  await assertFails(NotOpened, () => hpkeOpen(bo, "example", TEXT, sealed))
}

export async function noPartOfASealOpens() {
  const bo = X25519Private.generate()
  const sealed = await hpkeSeal(await bo.public(), "example", CONTEXT, TEXT)

  for (let size = 0; size < sealed.length; size += 1)
    await assertFails(NotOpened, () => hpkeOpen(bo, "example", CONTEXT, sealed.slice(0, size)))
}
