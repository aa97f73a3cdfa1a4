import { browserClock } from "../../../static/mesa/lib/timing.js"
import { LINK_FRAME_BYTES } from "../../../static/mesa/protocol/cells.js"
import { Links } from "../../../static/mesa/peer/links.js"
import { transportsWith } from "../../../static/mesa/peer/rtc.js"
import { assert, assertEqual } from "../assert.js"
import { FakeClock, settled, until } from "../clock.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

/** Links of one peer, with what they reported. @param {(link: Bytes, sdp: string) => void} answered */
function makeLinks(answered = () => {}, { clock = browserClock, make = transportsWith([], false) } = {}) {
  /** @type {string[]} */
  const said = []
  /** @type {Bytes[]} */
  const frames = []
  const links = new Links(
    {
      up: () => said.push("up"),
      down: () => said.push("down"),
      gone: () => said.push("gone"),
      answer: answered,
      received: (_link, frame) => frames.push(frame),
    },
    clock,
  )
  links.use(make)
  return { links, said, frames }
}

/** @param {number} number */
function linkId(number) {
  return new Uint8Array(16).fill(number)
}

/** Opens a link between two peers of this page, over the browser's own WebRTC. */
async function linked() {
  const ada = makeLinks()
  const bo = makeLinks((link, sdp) => ada.links.answer(link, sdp))
  await ada.links.stock.fill()
  const [offer] = ada.links.stock.current()
  const [link, hop] = [linkId(7), new Uint8Array(8)]
  assert(ada.links.follow({ link, hop, how: "taken", offer: offer.id, sdp: null }))
  assert(bo.links.follow({ link, hop, how: "answer", sdp: offer.sdp, offer: null }))
  await until(() => ada.links.count === 1 && bo.links.count === 1)
  return { ada, bo, link }
}

export async function frameCrossesALinkBothWays() {
  const { ada, bo, link } = await linked()
  const [one, other] = [1, 2].map((value) => new Uint8Array(LINK_FRAME_BYTES).fill(value))

  assert(ada.links.send(link, one))
  assert(bo.links.send(link, other))
  await until(() => ada.frames.length === 1 && bo.frames.length === 1)

  assertEqual([bo.frames[0], ada.frames[0]], [one, other])
  assertEqual([ada.said, bo.said], [["up"], ["up"]])
}

export async function burstArrivesWholeAndInOrder() {
  const { ada, bo, link } = await linked()
  const sent = Array.from({ length: 500 }, (_, at) => {
    const frame = new Uint8Array(LINK_FRAME_BYTES)
    new DataView(frame.buffer).setUint32(4, at)
    return frame
  })

  for (const frame of sent) await until(() => ada.links.send(link, frame))
  await until(() => bo.frames.length === sent.length)

  assertEqual(
    bo.frames.map((frame) => new DataView(frame.buffer).getUint32(4)),
    sent.map((_, at) => at),
  )
}

export async function neighbourNoticesTheEndOfALinkAtOnce() {
  const { ada, bo } = await linked()

  ada.links.closeAll()
  await until(() => bo.said.length > 1)

  assertEqual(bo.said, ["up", "gone", "down"])
  assertEqual(ada.said, ["up", "gone"])
}

export async function frameOfAnotherSizeEndsTheLink() {
  const { ada, bo, link } = await linked()

  ada.links.passOn(link, new Uint8Array(5))
  await until(() => bo.said.length > 1)

  assertEqual(bo.frames, [])
}

export async function offerIsGivenAwayOnce() {
  const { links } = makeLinks()
  await links.stock.fill()
  const [offer] = links.stock.current()
  /** @param {number} number */
  const order = (number) => ({
    link: linkId(number),
    hop: new Uint8Array(8),
    how: "taken",
    offer: offer.id,
    sdp: null,
  })

  assert(links.follow(/** @type {any} */ (order(1))))
  assert(!links.follow(/** @type {any} */ (order(2))))

  assertEqual(links.stock.current().length, 3)
}

export async function stockTakesEightOffersHoweverOftenOneIsAskedFor() {
  const { links } = makeLinks(undefined, { make: deaf() })
  await links.stock.fill()

  const made = await Promise.all(Array.from({ length: 30 }, () => links.stock.make()))

  assertEqual([links.stock.current().length, made.filter(Boolean).length], [8, 4])
}

export async function browserThatAllowsNoConnectionMakesNoLinkAndHarmsNothing() {
  const unfit = { urls: ["stun:"], username: null, credential: null }
  const { links, said } = makeLinks(undefined, { make: transportsWith([unfit], false) })

  await links.stock.fill()
  const order = { link: linkId(1), hop: new Uint8Array(8), how: "answer", sdp: "offer", offer: null }

  assertEqual([links.follow(/** @type {any} */ (order)), links.stock.current(), said], [false, [], []])
}

/** Transports that never open. */
function deaf() {
  /** @type {import("../../../static/mesa/peer/rtc.js").MakeTransport} */
  const make = () =>
    /** @type {any} */ ({
      bufferedBytes: 0,
      unconfirmed: null,
      offer: async () => "offer",
      answer: async () => "answer",
      accept: async () => {},
      send: () => {},
      close: () => {},
    })
  return make
}

export async function linkThatDoesNotOpenIsGivenUpAfterThreeSeconds() {
  const clock = new FakeClock()
  const { links, said } = makeLinks(undefined, { clock, make: deaf() })
  links.follow({ link: linkId(1), hop: new Uint8Array(8), how: "answer", sdp: "offer", offer: null })

  await clock.advance(2.9)
  assertEqual(said, [])
  await clock.advance(0.2)

  assertEqual(said, ["gone", "down"])
}

export async function answerThatComesBeforeItsOrderIsUsed() {
  const clock = new FakeClock()
  /** @type {string[]} */
  const used = []
  const make = () =>
    /** @type {any} */ ({
      ...deaf()(/** @type {any} */ (null)),
      accept: async (/** @type {string} */ sdp) => used.push(sdp),
    })
  const { links } = makeLinks(undefined, { clock, make })
  await links.stock.fill()
  const [offer] = links.stock.current()

  links.answer(linkId(1), "early")
  links.follow({ link: linkId(1), hop: new Uint8Array(8), how: "taken", offer: offer.id, sdp: null })
  await settled()

  assertEqual(used, ["early"])
}

export async function sixtyFifthLinkDisplacesTheOneLongestUnused() {
  const clock = new FakeClock()
  const { links, said } = makeLinks(undefined, { clock, make: deaf() })
  for (let number = 0; number < 64; number += 1) {
    links.follow({ link: linkId(number), hop: new Uint8Array(8), how: "answer", sdp: "offer", offer: null })
    await clock.advance(0.01)
  }
  assertEqual(said, [])

  links.follow({ link: linkId(64), hop: new Uint8Array(8), how: "answer", sdp: "offer", offer: null })

  assertEqual(said, ["gone", "down"])
  assertEqual(links.passOn(linkId(0), new Uint8Array(LINK_FRAME_BYTES)), "gone")
  assertEqual(links.passOn(linkId(1), new Uint8Array(LINK_FRAME_BYTES)), "sent")
}
