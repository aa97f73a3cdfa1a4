// Addresses of STUN and TURN servers, as WebRTC writes them.
// Spec: docs/spec/signaling.md, section "ICE servers"

/**
 * Tells a TURN server, which wants a login, from a STUN server, which does not.
 *
 * @param {string} url
 */
export const isTurn = (url) => /^turns?:/.test(url)
