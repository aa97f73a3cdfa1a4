// What others wrote, as it may be shown: no sign hides, turns around or steers what stands beside it.

const REPLACEMENT = "\uFFFD"
// Controls, format signs (zero-width and bidi ones among them), signs without a meaning, lone surrogates.
const HIDDEN_IN_NAMES =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2028\u2029\u3164\uFE00-\uFE0F\uFFA0]/gu
// In a text, marks and isolates serve Arabic and Hebrew, joiners serve emoji; embeddings and overrides only deceive.
const HIDDEN_IN_TEXTS = /[\p{Cs}\u202A-\u202E\u2028\u2029]|(?![\n\t])\p{Cc}/gu
// Browsers stack marks, and open levels of direction, for seconds. No script needs so many.
const MOST_MARKS = 16
const MANY_MARKS = new RegExp(`([\\p{M}\\u200C\\u200D]{${MOST_MARKS}})[\\p{M}\\u200C\\u200D]+`, "gu")
const MOST_LEVELS = 4
const ISOLATES = /[\u2066-\u2069\n]/gu
const CLOSES_ISOLATE = "\u2069"
const PREVIEW_SIGNS = 200
// Half of a sign of two units.
const CUT_SIGN = /[\uD800-\uDBFF]$/u
const ADDRESS = /(?<![\p{L}\p{N}:])https?:\/\/[^\s<>"]+/giu
const TRAILING = /[.,;:!?'’”»)\]}]+$/u
const FIRST_LETTER = /\p{L}|\p{N}/u

/** @typedef {{text: string, href: string | null}} Piece */

/**
 * Gives a name in which every sign can be seen.
 *
 * @param {string} name
 */
export function shownName(name) {
  return name.replace(HIDDEN_IN_NAMES, REPLACEMENT)
}

/** @param {string} text */
export function shownText(text) {
  const seen = text.replaceAll("\r\n", "\n").replace(HIDDEN_IN_TEXTS, REPLACEMENT)
  return flat(seen.replace(MANY_MARKS, `$1${REPLACEMENT}`))
}

/**
 * Gives the beginning of a text, for a list of many.
 *
 * @param {string} text
 */
export function shownBeginning(text) {
  const beginning = beginningOf(text, PREVIEW_SIGNS)
  return shownText(beginning === text ? text : `${beginning}…`)
}

/** @param {string} text @param {number} length in units; no sign is cut in two */
export function beginningOf(text, length) {
  return text.length <= length ? text : text.slice(0, length).replace(CUT_SIGN, "")
}

/** Takes out what would open too many levels of direction in one line, with what closes them. @param {string} text */
function flat(text) {
  let [levels, left] = [0, 0]
  return text.replace(ISOLATES, (sign) => {
    if (sign === "\n") levels = left = 0
    else if (sign === CLOSES_ISOLATE && left > 0) {
      left -= 1
      return REPLACEMENT
    } else if (sign === CLOSES_ISOLATE) levels = Math.max(0, levels - 1)
    else if (levels === MOST_LEVELS) {
      left += 1
      return REPLACEMENT
    } else levels += 1
    return sign
  })
}

/** @param {string} name */
export function letterOf(name) {
  return FIRST_LETTER.exec(name)?.[0] ?? "?"
}

/**
 * Cuts a text into what is an address and what is not.
 *
 * @param {string} text
 * @returns {Piece[]}
 */
export function cutIntoPieces(text) {
  /** @type {Piece[]} */
  const pieces = []
  let at = 0
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrail(match[0])
    const href = safeHref(address)
    if (href === null) continue
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), href: null })
    pieces.push({ text: address, href })
    at = match.index + address.length
  }
  if (at < text.length) pieces.push({ text: text.slice(at), href: null })
  return pieces
}

/**
 * Takes off what ends a sentence; a bracket only if it was not opened within the address.
 *
 * @param {string} address
 */
function withoutTrail(address) {
  const bare = address.replace(TRAILING, "")
  const isOpen = bare.includes("(") && !bare.includes(")") && address[bare.length] === ")"
  return isOpen ? `${bare})` : bare
}

/**
 * Gives where a link may lead, or null. What could be read as another address than the one it leads to is none:
 * a name before an @, signs that are not seen, letters that look like others, a host that is not the one written there.
 *
 * @param {string} address
 */
function safeHref(address) {
  if (!URL.canParse(address) || shownName(address) !== address) return null
  const url = new URL(address)
  const isWeb = url.protocol === "https:" || url.protocol === "http:"
  const isPlain = url.username === "" && url.password === "" && !url.hostname.includes("xn--")
  const isWritten = address.toLowerCase().startsWith(`${url.protocol}//${url.host}`)
  return isWeb && isPlain && isWritten ? url.href : null
}
