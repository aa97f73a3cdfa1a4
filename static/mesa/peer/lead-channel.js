// The channel between the windows of an account. Spec: docs/spec/web-app.md, section "Leader window"

/** @param {string} database of the account @returns {string} the name of its channel */
export function channelOf(database) {
  return `mesa-peer/${database}`
}

/** Tells every window of an account, this one too, that it is left; for whoever does that without a leader. @param {string} database */
export function tellLoggedOut(database) {
  const channel = new BroadcastChannel(channelOf(database))
  channel.postMessage({ event: { event: "logged_out" } })
  channel.close()
}
