// What happens to bytes on their way.

/** The same bytes with one bit changed. @param {Uint8Array} raw @param {number} at @param {number} [bit] */
export function flipped(raw, at, bit = 0) {
  const changed = Uint8Array.from(raw)
  changed[at] ^= 1 << bit
  return changed
}
