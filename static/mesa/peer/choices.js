// What the user of this device chose: whether it forwards for others, and whether it is reached through TURN servers alone.
// Kept with its account, so that no later window shows what an earlier one hid. Spec: docs/spec/web-app.md

/** @typedef {import("../store/store.js").Unit} Unit */

const FORWARDS = "forwards"
const TURN_ONLY = "turnOnly"
const KNOWS_RISK = "knowsStorageRisk"
const [NO, YES] = [new Uint8Array([0]), new Uint8Array([1])]

/** Whether the user lets this device forward. @param {Unit} unit @param {boolean} otherwise while nothing was chosen: not on phones and metered connections */
export async function forwards(unit, otherwise) {
  const chosen = await unit.setting(FORWARDS)
  return chosen ? chosen[0] === YES[0] : otherwise
}

/** @param {Unit} unit @param {boolean} wanted */
export function chooseForwards(unit, wanted) {
  return unit.setSetting(FORWARDS, wanted ? YES : NO)
}

/** Whether this device may be reached through TURN servers alone; it begins without that. @param {Unit} unit */
export async function isTurnOnly(unit) {
  return (await unit.setting(TURN_ONLY)) !== undefined
}

/** @param {Unit} unit @param {boolean} wanted */
export function chooseTurnOnly(unit, wanted) {
  return unit.setSetting(TURN_ONLY, wanted ? YES : undefined)
}

/** Whether the user was told that the browser may delete what is stored, and wants to hear no more of it. @param {Unit} unit */
export async function knowsRisk(unit) {
  return (await unit.setting(KNOWS_RISK)) !== undefined
}

/** @param {Unit} unit @param {boolean} knows */
export function noteRisk(unit, knows) {
  return unit.setSetting(KNOWS_RISK, knows ? YES : undefined)
}
