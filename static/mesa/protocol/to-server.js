// Frames from a peer to the server: a wish or a report.
// Spec: docs/spec/signaling.md, section "Frames to the server"

import { binaryUpTo, choice, listed, optional, record, sdp } from "./fields.js"
import { TICKET_BYTES } from "./ids.js"
import { MAX_OFFERS, MAX_TICKETS, MAX_WATCH_PER_FRAME } from "./limits.js"
import { MAX_LINKS } from "./link.js"
import * as parts from "./parts.js"
import { NATS } from "./words.js"

const { linkId, offerId, hopId, transactionId, attemptNumber, proof } = parts

/** By type, each with its keys in the order in which they are written. */
export const TO_SERVER = {
  hello: record({
    resume: optional(parts.resume),
    epoch: optional(parts.epoch),
    links: listed(linkId, MAX_LINKS),
  }),
  ice_client: record({
    onion_key: parts.signedOnionKey,
    capabilities: parts.capabilities,
    nat: choice(NATS),
    offers: listed(parts.stockOffer, MAX_OFFERS),
    tickets: listed(binaryUpTo(TICKET_BYTES), MAX_TICKETS),
  }),
  offer: parts.stockOffer,
  answer: record({ link: linkId, sdp }),
  link_up: record({ link: linkId }),
  link_down: record({ link: linkId }),
  hop_failed: record({ hop: hopId }),
  receipt: parts.receipt({ hop: hopId }),
  complete: record({ tx: transactionId }),
  repath: record({ tx: transactionId, attempt: attemptNumber }),
  path_keepalive: record({ tx: transactionId }),
  watch: record({ tokens: listed(parts.token, MAX_WATCH_PER_FRAME) }),
  direct_offer: record({ tx: transactionId, id: offerId, sdp, proof }),
  direct_answer: record({ hop: hopId, sdp, proof }),
}
