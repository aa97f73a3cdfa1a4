// What can end something that a user asked for. Pages have a sentence for each name; texts here are for developers.
// Names as in docs/spec/agent.md, section "Exit codes"

/** A failure that a person can act on; `code` is a word for what is wrong, where there is more than one thing. */
export class PeerError extends Error {
  /** @param {string} [code] @param {number | null} [retryAfterS] as the server asked, if it did */
  constructor(code = "", retryAfterS = null) {
    super(code)
    this.code = code
    this.retryAfterS = retryAfterS
  }

  get name() {
    return this.constructor.name
  }
}

/** The command can not be carried out as it was given. */
export class UsageError extends PeerError {}

/** The server does not accept this login, or it has ended (`ended`). */
export class LoginRefused extends PeerError {}

/** Another window or device took this device's place at the server. */
export class Replaced extends PeerError {}

/** The server does not answer, or says that it can not serve at the moment. */
export class ServerUnreachable extends PeerError {}

/** The server refused; `code` is the code of its problem document. */
export class Refused extends PeerError {
  /** Which parts of the request it does not take, of code `invalid`. @type {string[]} */
  fields = []
}

/** No such user, or no contact of that name. */
export class UnknownUser extends PeerError {}

/** Nothing goes to a contact: its keys do not match, or the user blocked it. */
export class ContactBlocked extends PeerError {}
