// What a test of a script may say.

/** A claim that does not hold. */
export class AssertionError extends Error {}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 * @param {string} [what]
 */
export function assertEqual(actual, expected, what = "") {
  const [left, right] = [describe(actual), describe(expected)]
  if (left !== right) throw new AssertionError(`${what && what + ": "}${left} is not ${right}`)
}

/**
 * @param {unknown} claim
 * @param {string} [what]
 * @returns {asserts claim}
 */
export function assert(claim, what = "claim does not hold") {
  if (!claim) throw new AssertionError(what)
}

/**
 * Waits for a failure of one kind.
 *
 * @template {Error} T
 * @param {new (...args: any[]) => T} kind
 * @param {() => unknown} act
 * @returns {Promise<T>}
 */
export async function assertFails(kind, act) {
  try {
    await act()
  } catch (error) {
    if (error instanceof kind) return error
    throw error
  }
  throw new AssertionError(`no ${kind.name}`)
}

/** @param {unknown} value @returns {string} */
function describe(value) {
  if (value instanceof Uint8Array)
    return `bytes ${Array.from(value, (each) => each.toString(16).padStart(2, "0")).join("")}`
  if (value instanceof Map) return `Map ${describe([...value])}`
  if (value instanceof Set) return `Set ${describe([...value].sort())}`
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "object" && value !== null) {
    const parts = Object.keys(value)
      .sort()
      .map((key) => `${key}: ${describe(/** @type {any} */ (value)[key])}`)
    return `{${parts.join(", ")}}`
  }
  return value === undefined ? "undefined" : JSON.stringify(value)
}
