import {
  cutIntoPieces,
  letterOf,
  shownBeginning,
  shownName,
  shownText,
} from "../../../static/mesa/elements/shown.js"
import { assertEqual } from "../assert.js"

const MARK = "\uFFFD"

/** @param {string} text */
function linksIn(text) {
  return cutIntoPieces(text).flatMap((piece) => (piece.href === null ? [] : [[piece.text, piece.href]]))
}

export function signsThatHideInANameAreSeen() {
  const hidden =
    "\u200B \u200C \u200D \u2060 \uFEFF \u00AD \u202E \u202A \u2066 \u2069 \u200E \u061C \u0000 \u0007 \n \u034F \u3164 \uFE0F \u2028 \uD800"
  for (const sign of hidden.split(" ")) assertEqual(shownName(`a${sign}b`), `a${MARK}b`)
}

export function ordinaryNamesStayAsTheyAre() {
  for (const name of ["bo", "o-2_x", "Žemaitė", "عمر", "李"]) assertEqual(shownName(name), name)
}

export function textKeepsLinesAndWhatScriptsNeed() {
  assertEqual(shownText("one\r\ntwo\n\tthree"), "one\ntwo\n\tthree")
  for (const text of ["שלום\u200F!", "👩\u200D🚒", "می\u200Cخواهم"]) assertEqual(shownText(text), text)
}

export function whatTurnsATextAroundIsMarked() {
  for (const sign of [
    "\u202A",
    "\u202B",
    "\u202C",
    "\u202D",
    "\u202E",
    "\u2028",
    "\u0000",
    "\u001B",
    "\uDC00",
  ])
    assertEqual(shownText(`a${sign}b`), `a${MARK}b`)
}

export function noMoreMarksStandOnOneSignThanScriptsNeed() {
  assertEqual(shownText(`a${"\u0301".repeat(16)}b`), `a${"\u0301".repeat(16)}b`)
  assertEqual(shownText(`a${"\u0301".repeat(30_000)}b`), `a${"\u0301".repeat(16)}${MARK}b`)
  assertEqual(shownText(`a${"\u0301\u200D".repeat(30_000)}`).length, 18)
}

export function noMoreLevelsOfDirectionOpenInALineThanPeopleRead() {
  const nested = (/** @type {number} */ levels) => `${"\u2067".repeat(levels)}a${"\u2069".repeat(levels)}`

  assertEqual(shownText(`${nested(4)}\n${nested(4)}`), `${nested(4)}\n${nested(4)}`)
  assertEqual(
    shownText(`${"\u2067".repeat(6)}a${"\u2069".repeat(7)}`),
    `${"\u2067".repeat(4)}${MARK.repeat(2)}a${MARK.repeat(2)}${"\u2069".repeat(5)}`,
  )
  assertEqual(shownText("\u2067".repeat(9_000)).replaceAll(MARK, "").length, 4)
}

export function beginningOfALongTextIsShort() {
  assertEqual(shownBeginning("a\u202Eb"), `a${MARK}b`)
  assertEqual(shownBeginning("x".repeat(65_000)), `${"x".repeat(200)}…`)
  assertEqual(shownBeginning(`${"x".repeat(199)}👩 and more`), `${"x".repeat(199)}…`)
}

export function addressesOfTheWebAreLinks() {
  assertEqual(linksIn("see https://mesa.example/a?b=c#d, then"), [
    ["https://mesa.example/a?b=c#d", "https://mesa.example/a?b=c#d"],
  ])
  assertEqual(linksIn("(http://mesa.example/x)."), [["http://mesa.example/x", "http://mesa.example/x"]])
  assertEqual(linksIn("https://mesa.example/a_(b)"), [
    ["https://mesa.example/a_(b)", "https://mesa.example/a_(b)"],
  ])
  assertEqual(linksIn("https://a.example https://b.example").length, 2)
}

export function nothingElseIsALink() {
  const others = [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://mesa.example",
    "file:///etc/passwd",
    "mesa.example",
    "https://",
    "https:///",
    "blob:https://mesa.example/1",
  ]
  for (const text of others) assertEqual(linksIn(text), [], text)
}

export function addressThatLooksLikeAnotherIsNoLink() {
  const tricks = [
    "https://bank.example@mallory.example/",
    "https://user:word@mesa.example/",
    "https://:word@mesa.example/",
    "https://mesa.example\u202E/moc.knab//:sptth",
    "https://me\u200Bsa.example/",
    "https://mеsa.example/",
    "https://xn--msa-8cd.example/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://2130706433/127.0.0.1",
    "https://ⓔvil.example/evil.example",
    "https://bank.example\u3002evil.example/bank.example.evil.example",
    "https:///evil.example/",
  ]
  for (const text of tricks) assertEqual(linksIn(text), [], text)
}

export function piecesTogetherAreTheText() {
  const text = "a https://mesa.example/, b (https://mesa.example/c) <b>https://mesa.example</b>\nhttps://"
  assertEqual(
    cutIntoPieces(text)
      .map((piece) => piece.text)
      .join(""),
    text,
  )
}

export function aMegabyteIsCutAtOnce() {
  // What took the square of the length would not end within the limit of a test.
  assertEqual(cutIntoPieces("https://mesa.example/ ".repeat(50_000)).length, 100_000)
  assertEqual(cutIntoPieces("https://".repeat(130_000)).length, 1)
  assertEqual(cutIntoPieces(")".repeat(1_000_000)).length, 1)
}

export function firstLetterSkipsSigns() {
  assertEqual([letterOf("bo"), letterOf("_bo"), letterOf("--"), letterOf("7of")], ["b", "b", "?", "7"])
}
