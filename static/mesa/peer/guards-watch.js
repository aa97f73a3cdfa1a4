// STUB
export class GuardsWatch {
  static async open(/** @type {any} */ _s, /** @type {any} */ _c, /** @type {(event: object) => void} */ _r) {
    return new GuardsWatch()
  }
  stands(/** @type {any} */ _link) {
    return false
  }
  tickets() {
    return /** @type {any[]} */ ([])
  }
  async take(/** @type {any} */ _ticket) {
    return /** @type {any} */ (null)
  }
  hold(/** @type {any} */ _n, /** @type {any} */ _l) {}
  linkUp(/** @type {any} */ _l) {}
  linkGone(/** @type {any} */ _l) {}
  online(/** @type {boolean} */ _o) {}
  async tick() {}
  get count() {
    return 0
  }
}
