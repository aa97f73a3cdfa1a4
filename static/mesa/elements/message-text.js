// The text of a message: its own line breaks, links that can be seen through, its own direction.

import { cutIntoPieces, shownText } from "./shown.js"

export class MessageText extends HTMLElement {
  /** @param {string} text */
  set text(text) {
    this.replaceChildren(
      ...cutIntoPieces(shownText(text)).map((piece) =>
        piece.href === null ? piece.text : linkTo(piece.text, piece.href),
      ),
    )
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
