import { isTurn } from "../../../static/mesa/protocol/ice-urls.js"
import { assert } from "../assert.js"

export function onlyTurnServersWantALogin() {
  assert(isTurn("turn:turn.example.org:3478?transport=udp") && isTurn("turns:turn.example.org"))
  assert(!isTurn("stun:turn.example.org") && !isTurn("stun:turn:s") && !isTurn("turnip:s"))
}
