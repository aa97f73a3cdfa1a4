import { Transport, usableCandidates } from "../../../static/mesa/peer/rtc.js"
import { assertEqual } from "../assert.js"

const HEAD = ["v=0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]
const LOCAL = "0b6c1b3e-8d1e-4e2c-9a54-7f6d1f1f0c11.local"
const NAMES = [
  ...["who-asks.example", "localhost", "192.168.0.7.example", "1.2.3.999", "010.0.0.1", "x.local"],
  ...["::g", "::1]:80/x", "2130706433", `${LOCAL}.`, `who.${LOCAL}`, `${LOCAL}.example`],
]
const ADDRESSES = ["203.0.113.9", "10.0.0.255", "2001:db8::7", "::ffff:203.0.113.9"]

/** @param {string} address */
function candidate(address) {
  return `a=candidate:1 1 udp 2130706431 ${address} 50000 typ host generation 0 network-cost 999`
}

/** @param {...string} candidates */
function described(...candidates) {
  return [...HEAD, ...candidates].map((line) => `${line}\r\n`).join("")
}

export function noNameOfANeighboursChoiceIsLookedUp() {
  for (const name of NAMES) {
    assertEqual(usableCandidates(described(candidate(name)), true), described(), name)
  }
}

export function lineThatTheBrowserCouldReadOtherwiseIsDropped() {
  const line = candidate("who-asks.example")
  const lines = [
    line.replace("1 1 udp", "1\t1 1 udp"),
    line.replace("udp", "udp\t203.0.113.9"),
    line.replace(":1 1", ": 1"),
    line.replace("a=", " a="),
    candidate("203.0.113.9").replace(" udp", "  udp"),
  ]
  for (const each of lines) assertEqual(usableCandidates(described(each), true), described(), each)
}

export function everyAddressIsUsed() {
  for (const address of ADDRESSES) {
    const description = described(candidate(address))
    assertEqual(usableCandidates(description, false), description)
  }
}

export function nameOfABrowserIsUsedUnlessTheWayIsThroughTurnAlone() {
  const description = described(candidate(LOCAL))

  assertEqual(usableCandidates(description, true), description)
  assertEqual(usableCandidates(description, false), described())
}

export function nameIsDroppedWhateverEndsItsLine() {
  for (const end of ["\r\n", "\n", "\r", "\n\r"]) {
    const description = [...HEAD, candidate("who-asks.example"), candidate("203.0.113.9")].join(end)
    assertEqual(usableCandidates(description, true), described(candidate("203.0.113.9")))
  }
}

const NOBODY = { opened: () => {}, closed: () => {}, received: () => {}, drained: () => {} }

export async function browserGetsNoNameOfANeighboursChoice() {
  const Real = globalThis.RTCPeerConnection
  /** @type {string[]} */
  const given = []
  globalThis.RTCPeerConnection = class extends Real {
    /** @param {any} description */
    setRemoteDescription(description) {
      given.push(description.sdp)
      return super.setRemoteDescription(description)
    }
  }
  const [ada, bo] = [new Transport(NOBODY, [], false), new Transport(NOBODY, [], false)]
  const line = `${candidate("who-asks.example")}\r\n`
  try {
    await ada.accept((await bo.answer((await ada.offer()) + line)) + line)
  } finally {
    globalThis.RTCPeerConnection = Real
    ada.close()
    bo.close()
  }

  assertEqual([given.length, given.some((sdp) => sdp.includes("who-asks"))], [2, false])
}
