// Times as they stand in lists and between messages, in the device's own zone.

import { say } from "./texts.js"

// Days in the order of British English; the clock as this device shows it.
const LANGUAGE = "en-GB"
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })
const WEEKDAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short" })
const DAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", day: "numeric", month: "long" })
const DAY_OF_YEAR = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "long", year: "numeric" })
const SHORT_DAY = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" })
const DAYS_WITH_NAMES = 6

/** @param {number} at @returns {string} */
export function clockTime(at) {
  return CLOCK.format(at)
}

/** Names the day of a moment, to compare: the same text on the same day. @param {number} at */
export function dateOf(at) {
  const date = new Date(at)
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
  return parts.map((each) => String(each).padStart(2, "0")).join("-")
}

/**
 * Says the day above its messages.
 *
 * @param {number} at
 * @param {number} now
 */
export function sayDay(at, now) {
  const days = daysBetween(at, now)
  if (days === 0) return say("time.today")
  if (days === 1) return say("time.yesterday")
  return (isSameYear(at, now) ? DAY : DAY_OF_YEAR).format(at)
}

/**
 * Says in few signs when something was: a time, a weekday, or a date.
 *
 * @param {number} at
 * @param {number} now
 */
export function sayShortly(at, now) {
  const days = daysBetween(at, now)
  if (days === 0) return clockTime(at)
  if (days > 0 && days <= DAYS_WITH_NAMES) return WEEKDAY.format(at)
  return (isSameYear(at, now) ? SHORT_DAY : DAY_OF_YEAR).format(at)
}

/** @param {number} at @param {number} now */
function daysBetween(at, now) {
  return Math.round((Date.parse(dateOf(now)) - Date.parse(dateOf(at))) / 86_400_000)
}

/** @param {number} at @param {number} now */
function isSameYear(at, now) {
  return new Date(at).getFullYear() === new Date(now).getFullYear()
}
