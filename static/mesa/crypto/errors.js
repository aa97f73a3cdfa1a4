// Why cryptographic input was refused. Texts never carry bytes, names or ids.
// Spec: docs/spec/encoding.md, section "Errors"

/** Base of all refusals; `name` is the word that spec pages and vectors use. */
export class CryptoError extends Error {
  /** @param {string} name @param {string} sentence */
  constructor(name, sentence) {
    super(sentence)
    this.name = name
  }
}

/** @param {string} name @param {string} sentence */
function refusal(name, sentence) {
  return class extends CryptoError {
    constructor() {
      super(name, sentence)
    }
  }
}

export const Malformed = refusal("malformed", "The bytes do not follow their layout.")
export const UnknownVersion = refusal(
  "unknown-version",
  "The format version is not known here; a newer version of Mesa is needed.",
)
export const UnknownStatement = refusal(
  "unknown-statement",
  "The identity uses a statement that needs a newer version of Mesa.",
)
export const UnsupportedSuite = refusal("unsupported-suite", "The key agreement suite is not supported here.")
export const Downgrade = refusal("downgrade", "A weaker suite was offered than was signed for.")
/** Not canonical, of small order, or a repetition of another key. */
export const WeakKey = refusal("weak-key", "A public key is not acceptable.")
export const BadSignature = refusal("bad-signature", "A signature does not verify.")
/** Statements out of order, that do not name the one before, or say what can not follow it. */
export const BrokenChain = refusal("broken-chain", "The identity chain is broken.")
export const UnknownDevice = refusal("unknown-device", "The device is not part of the signed identity.")
export const UnknownPrekey = refusal("unknown-prekey", "The handshake uses a prekey that is no longer held.")
export const NotValidNow = refusal("not-valid-now", "A signed key is not valid at this time.")
/** Changed bytes, a wrong key or a wrong context. */
export const NotOpened = refusal("not-opened", "The sealed bytes do not open.")
export const Replayed = refusal("replayed", "The message was opened before.")
export const TooFarAhead = refusal("too-far-ahead", "The message skips too many others.")
export const NotReady = refusal("not-ready", "The session can not send.")
/** To be dropped in silence; deliberately without a reason. */
export const CellRejected = refusal("rejected", "The cell was dropped.")
export const BadRecoveryCode = refusal("bad-recovery-code", "A recovery code has 26 letters and digits.")
export const WrongPassphrase = refusal("wrong-passphrase", "The passphrase does not unlock this store.")
