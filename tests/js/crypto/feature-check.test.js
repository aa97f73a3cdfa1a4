import { checkFeatures } from "../../../static/mesa/crypto/feature-check.js"
import { assertEqual } from "../assert.js"
import { withBrowserThatLacks } from "./browser.js"

const NAMES = ["X25519", "Ed25519", "HKDF", "HMAC", "SHA-256", "PBKDF2", "AES-GCM"]

export async function thisBrowserHasAllThatIsNeededAndMlKem() {
  assertEqual(await checkFeatures(), { missing: [], suite: 1 })
}

export async function aBrowserWithoutMlKemGetsSuite2() {
  await withBrowserThatLacks("ML-KEM-768", async () =>
    assertEqual(await checkFeatures(), { missing: [], suite: 2 }),
  )
}

export async function whatABrowserLacksIsNamed() {
  for (const name of NAMES)
    await withBrowserThatLacks(name, async () =>
      assertEqual(await checkFeatures(), { missing: [name], suite: 1 }),
    )
}

export async function aPageWithoutASecureOriginDoesNotStart() {
  assertEqual(await checkFeatures(false), { missing: ["secure origin"], suite: 2 })
}
