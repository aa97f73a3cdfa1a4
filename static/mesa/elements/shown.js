// What others wrote, as it may be shown: no sign hides, turns around or steers what stands beside it.

const REPLACEMENT = "\uFFFD"
// Controls, format signs (zero-width and bidi ones among them), signs without a meaning, lone surrogates.
const HIDDEN_IN_NAMES =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2028\u2029\u3164\uFE00-\uFE0F\uFFA0]/gu
// In a text, marks and isolates serve Arabic and Hebrew, joiners serve emoji; embeddings and overrides only deceive.
const HIDDEN_IN_TEXTS = /[\p{Cs}\u202A-\u202E\u2028\u2029]|(?![\n\t])\p{Cc}/gu
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
  return text.replaceAll("\r\n", "\n").replace(HIDDEN_IN_TEXTS, REPLACEMENT)
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
 * a name before an @, signs that are not seen, letters that look like others.
 *
 * @param {string} address
 */
function safeHref(address) {
  if (!URL.canParse(address) || shownName(address) !== address) return null
  const url = new URL(address)
  const isWeb = url.protocol === "https:" || url.protocol === "http:"
  const isPlain = url.username === "" && url.password === "" && !url.hostname.includes("xn--")
  return isWeb && isPlain && address.toLowerCase().includes(url.host) ? url.href : null
}
