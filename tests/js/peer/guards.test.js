import { UsageError } from "../../../static/mesa/peer/errors.js"
import { GuardsBook } from "../../../static/mesa/peer/guards-book.js"
import { GuardsWatch } from "../../../static/mesa/peer/guards-watch.js"
import { Guards } from "../../../static/mesa/peer/guards.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { FakeClock } from "../clock.js"
import { openPlain } from "../store/stores.js"

const HOUR_S = 3_600
const DAY_S = 24 * HOUR_S

/** @param {number} guard @param {number} [sealing] @returns {import("../../../static/mesa/lib/bytes.js").Bytes} */
function ticket(guard, sealing = 0) {
  const raw = new Uint8Array(73).fill(sealing)
  raw[0] = 1
  return raw.fill(guard, 1, 9)
}

/** @param {number} number */
const link = (number) => new Uint8Array(16).fill(number)
/** @param {Guards} guards */
const shown = (guards) => guards.tickets().map((each) => each[1])

/** @param {number} count @param {number} [nowS] */
function taken(count, nowS = 0) {
  let guards = new Guards()
  for (let at = 1; at <= count; at += 1) guards = guards.took(ticket(at), nowS) ?? guards
  return guards
}

/** @param {Guards} guards @param {Record<number, number>} awayS */
const away = (guards, awayS) => guards.wereAway((name) => awayS[name[0]])

async function start() {
  const [{ store }, clock, events] = [await openPlain(), new FakeClock(), /** @type {any[]} */ ([])]
  const book = new GuardsBook(store, clock)
  const watch = new GuardsWatch(book, clock, (event) => events.push(event))
  await watch.resume()
  return { store, clock, book, watch, events }
}

export function laterTicketOfAGuardReplacesTheEarlier() {
  const guards = taken(2).took(ticket(1, 7), 5)

  assertEqual(guards?.tickets(), [ticket(1, 7), ticket(2)])
}

export function guardIsGivenUpAfterADayOrAnHourIfAllAreAway() {
  const [two, all] = [away(taken(2), { 1: DAY_S }), away(taken(2), { 1: HOUR_S, 2: HOUR_S })]

  assertEqual(
    two.known.map((each) => two.state(each)),
    ["given_up", "here"],
  )
  assertEqual(
    all.known.map((each) => all.state(each)),
    ["given_up", "given_up"],
  )
  assertEqual([shown(two), shown(away(taken(2), { 1: DAY_S - 1 }))], [[2], [1, 2]])
}

export function ofGuardsThatAreAllGivenUpTheNearestIsShownAlone() {
  assertEqual(shown(away(taken(2), { 1: 2 * DAY_S, 2: DAY_S })), [2])
}

export function sixthGuardNeedsTheUsersWord() {
  const five = away(taken(5), { 1: 5 * DAY_S, 2: DAY_S, 3: DAY_S, 4: DAY_S, 5: DAY_S })

  assertEqual([five.took(ticket(6), 0), five.isOneTooMany(ticket(6)), five.needsWord], [null, true, true])
  assertEqual(shown(five), [1, 2, 3, 4, 5])
  const more = five.oneMore(9)
  assertEqual([more.limit, more.left, more.known[0].ticket], [6, 1, null])
  assertEqual([shown(more), shown(more.took(ticket(6), 9) ?? more)], [[2], [2, 3, 4, 5, 6]])
}

export function replacedGuardDoesNotComeBack() {
  const guards = taken(2).oneMore(1)

  assertEqual([guards.state(guards.known[0]), guards.took(ticket(1, 3), 2)], ["replaced", null])
}

export function guardsAreForgottenAfterThirtyDays() {
  const guards = taken(1, 0).took(ticket(2), 10) ?? new Guards()

  assertEqual(shown(guards.at(30 * DAY_S)), [2])
  assertEqual(shown(taken(1, 100).at(0)), [1])
}

export function whatIsNoTicketIsNotTaken() {
  for (const raw of [new Uint8Array(), new Uint8Array(73), ticket(1).slice(1)]) {
    assertEqual(new Guards().took(raw, 0), null)
  }
}

export async function bookKeepsGuardsOnTheDisk() {
  const { store, clock, book } = await start()
  await book.take(ticket(1))
  await book.take(ticket(2))
  await book.wereAway((name) => (name[0] === 2 ? 70 : undefined))

  const again = await new GuardsBook(store, clock).all()

  assertEqual(
    again.known.map(({ name, awayS, cameS }) => [name[0], awayS, cameS]),
    [
      [1, 0, 1_000],
      [2, 70, 1_000],
    ],
  )
}

export async function wordIsOnlyTakenWhereItHelps() {
  const { book } = await start()

  await assertFails(UsageError, () => book.allowOneMore())
  await book.take(ticket(1))

  assertEqual((await book.allowOneMore()).kept, [])
}

export async function newGuardIsToldOnce() {
  const { watch, events } = await start()

  assertEqual(await watch.take(ticket(1)), new Uint8Array(8).fill(1))
  await watch.take(ticket(1, 2))

  assertEqual(events, [{ event: "guard_taken", guards: 1, left: 4 }])
}

export async function guardTooManyIsRefusedAndToldOnceADay() {
  const { watch, events, clock } = await start()
  for (let at = 1; at <= 5; at += 1) await watch.take(ticket(at))

  assertEqual([await watch.take(ticket(6)), await watch.take(ticket(7))], [null, null])
  await clock.advance(DAY_S)
  await watch.take(ticket(6))

  const limits = events.filter(({ event }) => event === "guards_limit")
  assertEqual(limits, Array(2).fill({ event: "guards_limit", limit: 5, cause: "offered" }))
}

export async function timeAwayCountsWhileTheDeviceIsOnlineAndHasNoLink() {
  const { watch, clock, book } = await start()
  const name = await watch.take(ticket(1))
  await clock.advance(100)
  watch.online(true)
  await clock.advance(50)
  watch.online(false)
  await clock.advance(1_000)
  await watch.save()
  assertEqual((await book.all()).known[0].awayS, 50)

  assert(name)
  await watch.hold(name, link(1))
  assert(watch.stands(link(1)) && !watch.stands(link(2)))
  await watch.linkUp(link(1))
  watch.online(true)
  await clock.advance(60)
  await watch.tick()
  assertEqual((await book.all()).known[0].awayS, 0)

  watch.linkGone(link(1))
  await clock.advance(70)
  await watch.tick()
  assertEqual([(await book.all()).known[0].awayS, watch.stands(link(1))], [70, false])
}

export async function openLinkWithAGuardIsTold() {
  const { watch, events } = await start()
  const name = await watch.take(ticket(1))
  assert(name)
  await watch.linkUp(link(1))

  await watch.hold(name, link(1))
  await watch.hold(name, link(1))

  assertEqual(events.slice(1), [{ event: "guard_link", link: link(1) }])
}

export async function timeAwayOfAnEarlierRunIsGoneOnWith() {
  const { store, clock, watch } = await start()
  await watch.take(ticket(1))
  watch.online(true)
  await clock.advance(40)
  await watch.save()
  const book = new GuardsBook(store, clock)
  const next = new GuardsWatch(book, clock, () => {})
  await next.resume()
  next.online(true)
  await clock.advance(30)
  await next.save()

  assertEqual((await book.all()).known[0].awayS, 70)
}

export async function tooFewGuardsAreToldWhenNoneMayCome() {
  const { watch, clock, events } = await start()
  for (let at = 1; at <= 5; at += 1) await watch.take(ticket(at))
  watch.online(true)

  await clock.advance(HOUR_S)
  await watch.tick()

  assertEqual(events.at(-1), { event: "guards_limit", limit: 5, cause: "away" })
}
