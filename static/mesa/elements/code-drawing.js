// Draws a QR code as one path.

import { qrCode } from "../lib/qr-code.js"

const SVG = "http://www.w3.org/2000/svg"
const QUIET = 4

/** @param {string} text @returns {SVGElement} */
export function drawCode(text) {
  const rows = qrCode(text)
  const size = rows.length + 2 * QUIET
  const drawing = document.createElementNS(SVG, "svg")
  drawing.setAttribute("viewBox", `0 0 ${size} ${size}`)
  // What it is says the place where it stands.
  drawing.setAttribute("aria-hidden", "true")
  const path = document.createElementNS(SVG, "path")
  path.setAttribute("d", rows.map(pathOfRow).join(""))
  drawing.append(path)
  return drawing
}

/** @param {boolean[]} row @param {number} at */
function pathOfRow(row, at) {
  return row.map((isDark, column) => (isDark ? `M${column + QUIET} ${at + QUIET}h1v1h-1z` : "")).join("")
}
