// What all elements have in common: listeners that end with them, named parts, events that go up.

/** What the markup around an element promises is not there, or of another kind. */
class PartMissing extends Error {}

/** An element whose listeners all end when it leaves the page. */
export class MesaElement extends HTMLElement {
  #listening = new AbortController()

  connectedCallback() {
    this.#listening = new AbortController()
    this.connected()
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  /** What an element does when it comes into the page. */
  connected() {}

  /**
   * @param {string} type
   * @param {(event: Event) => void} act
   * @param {EventTarget} [target]
   */
  listen(type, act, target = this) {
    target.addEventListener(type, act, { signal: this.#listening.signal })
  }

  /**
   * Calls `act` with the word of each button that has `data-act`.
   *
   * @param {(word: string, button: HTMLElement) => void} act
   */
  listenToActs(act) {
    this.listen("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-act]") : null
      if (button instanceof HTMLElement && this.contains(button)) act(button.dataset.act ?? "", button)
    })
  }

  /** @param {string} type @param {unknown} [detail] */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }))
  }
}

/**
 * Finds the part of this name.
 *
 * @param {ParentNode} around
 * @param {string} name
 * @returns {HTMLElement}
 * @throws {PartMissing}
 */
export function part(around, name) {
  const found = around.querySelector(`[data-part="${name}"]`)
  if (found === null) throw new PartMissing(name)
  return /** @type {HTMLElement} */ (found)
}

/**
 * Finds one element of a kind.
 *
 * @template {Element} T
 * @param {ParentNode} around
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 * @throws {PartMissing}
 */
export function find(around, selector, kind) {
  const found = around.querySelector(selector)
  if (!(found instanceof kind)) throw new PartMissing(selector)
  return found
}

/**
 * Clones what a template of the page holds.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function clone(id) {
  return cloneOf(find(document, `template#${id}`, HTMLTemplateElement))
}

/** @param {HTMLTemplateElement} template @returns {HTMLElement} the first of what it holds @throws {PartMissing} it is empty */
export function cloneOf(template) {
  const copy = document.importNode(template.content, true).firstElementChild
  if (copy === null) throw new PartMissing(template.id)
  return /** @type {HTMLElement} */ (copy)
}

/** @param {ParentNode} around @param {string} name @param {string} text */
export function fill(around, name, text) {
  part(around, name).textContent = text
}

/** @param {ParentNode} around @param {string} name @param {boolean} isShown */
export function show(around, name, isShown) {
  part(around, name).hidden = !isShown
}

/**
 * Puts elements into a list in this order; nothing else stays there. Moving what is there already would lose focus and
 * selection, and a press that has begun on it: only differences are touched.
 *
 * @param {Element} list
 * @param {Element[]} items
 */
export function placeItems(list, items) {
  const wanted = new Set(items)
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove()
  for (const [at, item] of items.entries())
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null)
}

/** @param {ParentNode} around @param {string} icon */
export function setIcon(around, icon) {
  part(around, "icon").setAttribute("href", `#icon-${icon}`)
}
