import { checkFeatures } from "../../../static/mesa/crypto/feature-check.js"
import { assertEqual } from "../assert.js"

const NAMES = ["X25519", "Ed25519", "HKDF", "HMAC", "SHA-256", "PBKDF2", "AES-GCM"]

export async function thisBrowserHasAllThatIsNeededAndMlKem() {
  assertEqual(await checkFeatures(), { missing: [], suite: 1 })
}

export async function aBrowserWithoutMlKemGetsSuite2() {
  await lacking("ML-KEM-768", async () => assertEqual(await checkFeatures(), { missing: [], suite: 2 }))
}

export async function whatABrowserLacksIsNamed() {
  for (const name of NAMES)
    await lacking(name, async () => assertEqual(await checkFeatures(), { missing: [name], suite: 1 }))
}

export async function aPageWithoutASecureOriginDoesNotStart() {
  assertEqual(await checkFeatures(false), { missing: ["secure origin"], suite: 2 })
}

/**
 * Lets the browser refuse an algorithm as one that does not have it.
 *
 * @param {string} lacked
 * @param {() => Promise<void>} act
 */
async function lacking(lacked, act) {
  const browser = SubtleCrypto.prototype
  const { importKey, digest } = browser
  /** @param {any} way */
  const refuse = (way) => {
    if ((way.name ?? way) === lacked) throw new DOMException("", "NotSupportedError")
  }
  /** @type {any} */ browser.importKey = async function (/** @type {any[]} */ ...given) {
    refuse(given[2])
    return Reflect.apply(importKey, this, given)
  }
  /** @type {any} */ browser.digest = async function (/** @type {any[]} */ ...given) {
    refuse(given[0])
    return Reflect.apply(digest, this, given)
  }
  try {
    await act()
  } finally {
    Object.assign(browser, { importKey, digest })
  }
}
