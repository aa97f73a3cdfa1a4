// A button inside opens the dialog that the attribute `dialog` names; the dialog's own markup closes it.

import { MesaElement } from "./base.js"

class DialogOpener extends MesaElement {
  /** @override */
  connected() {
    this.listen("click", () => this.#open())
  }

  #open() {
    const dialog = document.getElementById(this.getAttribute("dialog") ?? "")
    if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal()
  }
}

customElements.define("dialog-opener", DialogOpener)
