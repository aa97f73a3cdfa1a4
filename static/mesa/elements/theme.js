// Light, dark, or as the system: applied before the page is first drawn, chosen in the settings.

const KEY = "mesa-theme"
const THEMES = ["light", "dark"]

class ThemeChoice extends HTMLElement {
  connectedCallback() {
    const select = this.querySelector("select")
    if (select === null) return
    select.value = chosen()
    select.addEventListener("change", () => choose(select.value))
  }
}

function chosen() {
  try {
    const theme = localStorage.getItem(KEY) ?? ""
    return THEMES.includes(theme) ? theme : ""
  } catch {
    // No storage for this page: as the system.
    return ""
  }
}

/** @param {string} theme */
function choose(theme) {
  apply(theme)
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // It holds as long as the page.
  }
}

/** @param {string} theme */
function apply(theme) {
  if (theme === "") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

apply(chosen())
customElements.define("theme-choice", ThemeChoice)
