// The browser's cryptography, as another browser would have it.

/** @typedef {(...given: any[]) => Promise<unknown>} Call */

const browser = /** @type {Record<string, Call>} */ (/** @type {unknown} */ (SubtleCrypto.prototype))

/**
 * Lets it answer some calls otherwise for a while.
 *
 * @template T
 * @param {Record<string, Call>} answers by name of the call
 * @param {() => Promise<T>} act
 */
export async function withBrowser(answers, act) {
  const before = Object.fromEntries(Object.keys(answers).map((name) => [name, browser[name]]))
  Object.assign(browser, answers)
  try {
    return await act()
  } finally {
    Object.assign(browser, before)
  }
}

/**
 * Lets it refuse an algorithm as one that it does not have.
 *
 * @template T
 * @param {string} algorithm
 * @param {() => Promise<T>} act
 */
export async function withBrowserThatLacks(algorithm, act) {
  return withBrowser(
    { importKey: refusing(algorithm, "importKey", 2), digest: refusing(algorithm, "digest", 0) },
    act,
  )
}

/** @param {string} algorithm @param {string} name @param {number} at which argument says the algorithm @returns {Call} */
function refusing(algorithm, name, at) {
  const call = browser[name]
  return async (...given) => {
    if ((given[at].name ?? given[at]) === algorithm) throw new DOMException("", "NotSupportedError")
    return Reflect.apply(call, crypto.subtle, given)
  }
}
