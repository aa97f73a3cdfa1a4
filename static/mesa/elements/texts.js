// Every text that scripts show, from one file, in the words of one language.

/** @type {unknown} */
const loaded = await (await fetch(new URL("../i18n/en.json", import.meta.url))).json()
const TEXTS = /** @type {Readonly<Record<string, string>>} */ (loaded)
const LANGUAGE = "en"
const PLURALS = new Intl.PluralRules(LANGUAGE)
const NUMBERS = new Intl.NumberFormat(LANGUAGE)
const PLACE = /\{(\w+)\}/g

/** @typedef {Record<string, string | number>} Values */

/** There is no text under this key, or a value that it names was not given. */
export class TextMissing extends Error {}

/**
 * Says the text of a key. Of a key with plurals the `count` of the values chooses the form.
 *
 * @param {string} key
 * @param {Values} [values]
 * @throws {TextMissing}
 */
export function say(key, values = {}) {
  const form = typeof values.count === "number" ? `.${PLURALS.select(values.count)}` : ""
  const text = TEXTS[key + form] ?? TEXTS[key]
  if (text === undefined) throw new TextMissing(key)
  return text.replace(PLACE, (_, name) => written(values[name], `${key} {${name}}`))
}

/** @param {string} key */
export function hasText(key) {
  return key in TEXTS || `${key}.other` in TEXTS
}

/**
 * Says a duration as people read it: `58 ms`, `1.2 s`.
 *
 * @param {number} milliseconds
 */
export function sayDuration(milliseconds) {
  if (milliseconds < 1_000) return say("time.ms", { count: Math.round(milliseconds) })
  return say("time.s", { count: Math.round(milliseconds / 100) / 10 })
}

/** @param {string | number | undefined} value @param {string} place */
function written(value, place) {
  if (value === undefined) throw new TextMissing(place)
  return typeof value === "number" ? NUMBERS.format(value) : value
}
