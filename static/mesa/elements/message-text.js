// The text of a message: its own line breaks, links that can be seen through, its own direction.

import { beginningOf, cutIntoPieces, shownText } from "./shown.js"
import { say } from "./texts.js"

// Of a longer one the beginning alone is drawn: where directions change all the time a browser lays out for seconds.
const DRAWN_AT_ONCE = 4_000

export class MessageText extends HTMLElement {
  /** @param {string} text */
  set text(text) {
    const beginning = beginningOf(text, DRAWN_AT_ONCE)
    this.#draw(beginning)
    if (beginning !== text) this.append("… ", this.#opener(text))
  }

  /** @param {string} text */
  #draw(text) {
    this.replaceChildren(
      ...cutIntoPieces(shownText(text)).map((piece) =>
        piece.href === null ? piece.text : linkTo(piece.text, piece.href),
      ),
    )
  }

  /** @param {string} text */
  #opener(text) {
    const button = document.createElement("button")
    button.type = "button"
    button.className = "button button--link"
    button.textContent = say("message.whole", { count: text.length })
    button.addEventListener("click", () => this.#draw(text))
    return button
  }
}

/** @param {string} text @param {string} href */
function linkTo(text, href) {
  const link = document.createElement("a")
  link.href = href
  // The page that opens learns neither where it was linked nor has a way back to this one.
  link.rel = "noreferrer noopener"
  link.target = "_blank"
  link.dir = "ltr"
  link.textContent = text
  return link
}

customElements.define("message-text", MessageText)
