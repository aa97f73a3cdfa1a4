import { HOP_IDLE_S, HOP_LIFE_S, PENDING_CELLS, PENDING_S } from "../../../static/mesa/protocol/cells.js"
import { HopTable } from "../../../static/mesa/peer/hops.js"
import { MAX_HOPS } from "../../../static/mesa/protocol/limits.js"
import { assert, assertEqual } from "../assert.js"

/** @param {number} number */
const link = (number) => new Uint8Array(16).fill(number)
/** @param {number} number */
const hopId = (number) => new Uint8Array(8).fill(number)
/** @param {number} hop @param {number} on */
const place = (hop, on) => /** @type {any} */ ({ link: link(on), hop: hopId(hop), how: "open" })
/** @param {number} hop @param {number} cell */
const frame = (hop, cell) => ({ hop: hopId(hop), cell: new Uint8Array([cell]) })
/** @param {{cell: Uint8Array}[]} frames */
const cells = (frames) => frames.map(({ cell }) => cell[0])

/** A table with one hop, from 1 on link 1 to 11 on link 2. @param {number} [now] */
function makeTable(now = 0) {
  const table = new HopTable()
  return { table, hop: table.order(place(1, 1), place(11, 2), now) }
}

export function hopIsKnownOnItsLinkAlone() {
  const { table, hop } = makeTable()

  assert(table.find(link(1), hopId(1), 0) === hop)
  assertEqual([table.find(link(2), hopId(1), 0), table.find(link(1), hopId(11), 0)], [undefined, undefined])
}

export function hopThatStandsStillEndsAndCellsProlongItUpToItsLife() {
  const { table, hop } = makeTable()

  assert(table.find(link(1), hopId(1), HOP_IDLE_S))
  assertEqual(table.find(link(1), hopId(1), HOP_IDLE_S + 1), undefined)
  hop.extend(HOP_IDLE_S)
  assert(table.find(link(1), hopId(1), 2 * HOP_IDLE_S))
  hop.extend(HOP_LIFE_S)
  assertEqual(table.find(link(1), hopId(1), HOP_LIFE_S + 1), undefined)
}

export function repeatedOrderProlongsTheSameHop() {
  const { table, hop } = makeTable()

  assert(table.order(place(1, 1), place(11, 2), 5) === hop)

  assert(table.find(link(1), hopId(1), 5 + HOP_IDLE_S) === hop)
}

export function whatIsOverIsForgottenAndTheRestStays() {
  const { table, hop } = makeTable()
  const later = table.order(place(3, 1), place(13, 2), 5)

  assertEqual(table.expire(HOP_IDLE_S), [])
  assert(table.expire(HOP_IDLE_S + 1)[0] === hop)

  assertEqual(table.expire(HOP_IDLE_S + 1), [])
  assert(table.find(link(1), hopId(3), HOP_IDLE_S + 1) === later)
}

export function oldestHopGoesWhenThereAreTooMany() {
  const table = new HopTable()
  const id = (/** @type {number} */ at) => new Uint8Array([...hopId(0).subarray(2), at >> 8, at & 255])
  for (let at = 0; at <= MAX_HOPS; at += 1)
    table.order({ ...place(0, 1), hop: id(at) }, { ...place(0, 2), hop: id(at) }, 0)

  assertEqual(table.leavingBy(link(2)).length, MAX_HOPS)
  assertEqual([table.find(link(1), id(0), 0), Boolean(table.find(link(1), id(1), 0))], [undefined, true])
}

export function hopsThatLeaveByALinkAreThoseOfNoOther() {
  const { table, hop } = makeTable()
  table.order(place(3, 2), place(13, 1), 0)

  const [leaving, ...more] = table.leavingBy(link(2))

  assert(leaving === hop)
  assertEqual(more, [])
}

export function cellsThatCameBeforeTheirOrderAreGivenOutOnceAndToTheirHopAlone() {
  const table = new HopTable()
  table.hold(link(1), frame(1, 1), 0)
  table.hold(link(1), frame(3, 2), 0)
  table.hold(link(1), frame(1, 3), 0)
  table.hold(link(2), frame(1, 4), 0)
  const hop = table.order(place(1, 1), place(11, 2), 0)
  const other = table.order(place(3, 1), place(13, 2), 0)

  assertEqual(cells(table.release(hop, PENDING_S)), [1, 3])
  assertEqual(cells(table.release(hop, PENDING_S)), [])
  assertEqual(cells(table.release(other, PENDING_S)), [2])
}

export function cellsThatWaitTooLongOrAreTooManyAreDropped() {
  const { table, hop } = makeTable()
  table.hold(link(1), frame(1, 0), 0)
  assertEqual(cells(table.release(hop, PENDING_S + 1)), [])

  for (let cell = 0; cell <= PENDING_CELLS; cell += 1) table.hold(link(1), frame(1, cell), 0)

  assertEqual(
    cells(table.release(hop, 0)),
    Array.from({ length: PENDING_CELLS }, (_, at) => at + 1),
  )
}

export function snapshotEndsHopsThatItDoesNotListUnlessTheyAreNew() {
  const { table, hop } = makeTable()
  const listed = table.order(place(3, 1), place(13, 2), 0)
  const fresh = table.order(place(5, 1), place(15, 2), 4)

  const gone = table.keepOnly([hopId(13)], 6)

  assertEqual([gone.length, gone[0] === hop], [1, true])
  assertEqual(
    [listed, fresh].map((each) => table.leavingBy(link(2)).includes(each)),
    [true, true],
  )
}

export function cellsOfTooManyLinksAreDroppedOldestLinkFirst() {
  const table = new HopTable()
  for (let on = 0; on < 64; on += 1) table.hold(link(on), frame(1, on), 0)
  // A link that has cells waiting takes no other's place.
  table.hold(link(5), frame(1, 200), 0)
  const waiting = (/** @type {number} */ on) =>
    cells(table.release(table.order(place(1, on), place(11, 99), 0), 0))
  assertEqual(waiting(0), [0])
  table.hold(link(0), frame(1, 0), 0)

  table.hold(link(64), frame(1, 64), 0)

  assertEqual([waiting(1), waiting(5), waiting(0), waiting(64)], [[], [5, 200], [0], [64]])
}
