// The leader of a browser profile dies between encrypting and sending.

import { sealed } from "../../../static/mesa/peer/sealer.js"
import { LeadershipLost } from "../../../static/mesa/store/errors.js"
import { assertEqual, assertFails } from "../assert.js"
import { couple } from "./people.js"

export async function leaderThatDiesBetweenSealingAndSendingLeavesTheSameBytesToTheNext() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const before = await ada.write(boToAda, "one")

  await ada.restart()
  const [device] = (await ada.known(bo)).devices
  const after = await sealed(ada.parts, boToAda, before.number, device)
  const next = await ada.write(boToAda, "two")

  assertEqual(after.envelope, before.envelope)
  await bo.inbox.takeAll([before.envelope, after.envelope, next.envelope])
  assertEqual(await bo.shown(adaToBo), ["one", "two"])
}

export async function leaderThatDiesBetweenEncryptingAndCommittingHasSentNothing() {
  const { ada, bo, boToAda, adaToBo } = await couple()
  const { store: old } = ada

  await ada.restart()
  ada.store = old
  await assertFails(LeadershipLost, () => ada.write(boToAda, "of the one that is gone"))
  await ada.restart()
  const { envelope } = await ada.write(boToAda, "of the next")

  await bo.inbox.takeAll([envelope])
  assertEqual(await bo.shown(adaToBo), ["of the next"])
  assertEqual(await ada.shown(boToAda), ["of the next"])
}
