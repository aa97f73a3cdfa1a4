// What can be wrong with the local store. Each message says what a person can do.

/** The local store does not do what it should. */
export class StoreError extends Error {
  get name() {
    return this.constructor.name
  }
}

/** There is no space left; nothing was changed. */
export class StoreFull extends StoreError {
  message = "This device has no space left for Mesa. Free some and try again."
}

/** Another window leads: what this one remembers may be out of date, and nothing was changed. */
export class LeadershipLost extends StoreError {
  message = "Another window of Mesa has taken over."
}

/** A newer release of the web app wrote this store. */
export class NewerVersion extends StoreError {
  message = "This browser profile was used with a newer version of Mesa. Reload the page."
}

/** There is no such store: it was deleted, or never begun. */
export class StoreMissing extends StoreError {
  message = "This browser profile does not have this account any more."
}

/** A record does not open, or the browser has taken the database away. */
export class StoreDamaged extends StoreError {
  message = "The local store is damaged, or the browser has deleted it."
}
