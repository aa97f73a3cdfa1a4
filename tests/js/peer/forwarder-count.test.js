import { ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { ForwarderCount } from "../../../static/mesa/peer/forwarder-count.js"
import { assertEqual } from "../assert.js"
import { FakeClock, settled } from "../clock.js"

/** A count, and a server that says `there` of them are. */
function counting() {
  const server = { there: 1, asked: 0, isDown: false }
  const session = { isOpen: true }
  const clock = new FakeClock()
  const api = {
    async forwarders() {
      server.asked += 1
      if (server.isDown) throw new ServerUnreachable()
      return server.there
    },
  }
  const fail = (/** @type {unknown} */ error) => {
    throw error
  }
  const count = new ForwarderCount({ api, clock, isOpen: () => session.isOpen, fail })
  return { server, session, clock, count }
}

export async function lookingAsksTheServerNothing() {
  const { server, clock, count } = counting()
  server.there = 3
  count.begin()
  await settled()

  for (let look = 0; look < 100; look += 1) assertEqual(count.known, 3)
  await clock.advance(59)

  assertEqual(server.asked, 1)
}

export async function serverIsAskedMoreOftenWhileThereAreTooFew() {
  const { server, clock, count } = counting()
  count.begin()

  await clock.advance(11)
  assertEqual([server.asked, count.known], [3, 1])
  server.there = 5
  await clock.advance(5)
  await clock.advance(60)

  assertEqual([server.asked, count.known], [5, 5])
}

export async function withoutASessionNobodyIsThereAndNobodyAsks() {
  const { server, session, clock, count } = counting()
  count.begin()
  await settled()

  session.isOpen = false
  await clock.advance(600)
  assertEqual([server.asked, count.known], [1, 0])
  session.isOpen = true
  count.begin()
  count.begin()
  await clock.advance(5)

  assertEqual(server.asked, 4)
}

export async function serverThatCanNotSayIsAskedAgain() {
  const { server, clock, count } = counting()
  server.isDown = true
  count.begin()

  await clock.advance(6)
  server.isDown = false
  await clock.advance(6)

  assertEqual(count.known, 1)
}
