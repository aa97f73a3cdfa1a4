// What the forms of accounts have in common: switched on by scripts, errors beside their fields, one thing at a time.

import { find } from "./base.js"
import { hasText, say } from "./texts.js"

/** @typedef {import("./views.js").Problem} Problem */

/**
 * Lets a form be used, or shows that what it asked for is being done.
 *
 * @param {ParentNode} form
 * @param {boolean} isOn
 * @param {string} [busy] key of what is being done
 */
export function switchForm(form, isOn, busy) {
  for (const fields of form.querySelectorAll("fieldset")) fields.disabled = !isOn
  const status = form.querySelector('[data-part="status"]')
  if (status !== null) status.textContent = busy === undefined ? "" : say(busy)
}

/** @param {ParentNode} form */
export function clearErrors(form) {
  for (const error of form.querySelectorAll("[data-error]"))
    showError(form, error.getAttribute("data-error") ?? "", "")
}

/**
 * Shows what was refused: beside its field where it has one, else above the button; the first field gets the focus.
 *
 * @param {ParentNode} form
 * @param {Problem} problem
 * @param {Record<string, string>} [fieldOf] the field that a code, or a part of the request, belongs to
 */
export function showProblem(form, problem, fieldOf = {}) {
  clearErrors(form)
  /** @type {[string, string[]][]} */
  const named = Object.entries(problem.fields ?? {}).map(([name, said]) => [fieldOf[name] ?? name, said])
  const fields = named.filter(([name]) => errorOf(form, name) !== null)
  if (fields.length === 0) showError(form, fieldOf[problem.code] ?? "", sayProblem(problem))
  for (const [name, sentences] of fields) showError(form, name, sentences.join(" "))
  const wrong = form.querySelector('input[aria-invalid="true"]')
  if (wrong instanceof HTMLElement) wrong.focus()
}

/**
 * Writes an error under a field, or takes it away if the words are empty.
 *
 * @param {ParentNode} form
 * @param {string} name
 * @param {string} words
 */
export function showError(form, name, words) {
  const error = errorOf(form, name) ?? errorOf(form, "")
  if (error === null) return
  error.hidden = words === ""
  find(error, "span", HTMLElement).textContent = words
  const field = error.closest(".field")
  field?.classList.toggle("field--wrong", words !== "")
  field?.querySelector("input")?.setAttribute("aria-invalid", String(words !== ""))
}

/** @param {Problem} problem */
export function sayProblem(problem) {
  const key = `problem.${problem.code}`
  return hasText(key) ? say(key, { count: problem.count ?? 0 }) : say("problem.unknown")
}

/** @param {ParentNode} form @param {string} name */
function errorOf(form, name) {
  return /** @type {HTMLElement | null} */ (form.querySelector(`[data-error="${name}"]`))
}
