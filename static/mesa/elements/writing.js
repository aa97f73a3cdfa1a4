// What is written in each chat and not accepted: the text in its composer, and messages that could not be sent.
// Spec: docs/spec/web-app.md, section "What is being written"

/** @typedef {{text: string, id: string}} Message id: 16 bytes as hex, so that it is accepted once */
/** @typedef {Message & {number: number, contact: number, why: string, time: number}} Unsent number: below zero, a place of no message */

/**
 * One chat of which this window knows more than the disk.
 *
 * @typedef {object} Chat
 * @property {string} text in its composer
 * @property {Unsent[]} unsent
 * @property {number} busy calls about it that have no answer
 * @property {boolean} isDue the disk has not all of it
 * @property {(() => void) | null} takeBack ends the wait for what is written next, if there is one
 */

const KEEP_AFTER_S = 0.5
const BETWEEN = "\n\n"

/** Holds what is written until it is sent, and has it kept on the disk as drafts. */
export class Writing {
  #clock
  #keep
  #last = 0
  /** @type {Map<number, Chat>} */
  #chats = new Map()

  /** @param {import("../lib/timing.js").Clock} clock @param {(contact: number, text: string) => Promise<boolean>} keep whether it is on the disk */
  constructor(clock, keep) {
    this.#clock = clock
    this.#keep = keep
  }

  /** What a composer shows: what is on the disk, unless this window knows more. @param {number} contact @param {string} kept */
  textOf(contact, kept) {
    return this.#chats.get(contact)?.text ?? kept
  }

  /** @param {number} contact */
  unsentOf(contact) {
    return [...(this.#chats.get(contact)?.unsent ?? [])]
  }

  /** Keeps it soon, and what is written until then. @param {number} contact @param {string} text */
  change(contact, text) {
    const chat = this.#chat(contact)
    Object.assign(chat, { text, isDue: true })
    chat.takeBack ??= this.#clock.after(KEEP_AFTER_S, () => void this.#keepNow(contact))
  }

  /** Keeps at once what waits for that. */
  keepAll() {
    for (const [contact, { isDue }] of this.#chats) if (isDue) void this.#keepNow(contact)
  }

  /** What stood in the composer goes out. @param {number} contact */
  submitted(contact) {
    const chat = this.#chat(contact)
    chat.takeBack?.()
    Object.assign(chat, { text: "", isDue: false, takeBack: null })
    chat.busy += 1
  }

  /** It was accepted, and its draft is gone from the disk, whatever else stood there. @param {number} contact */
  accepted(contact) {
    const chat = this.#chat(contact)
    chat.busy -= 1
    if (chat.unsent.length > 0) void this.#keepNow(contact)
    this.#forget(contact)
  }

  /** @param {number} contact @param {Message & {why: string, time: number}} message */
  refused(contact, message) {
    const chat = this.#chat(contact)
    chat.busy -= 1
    this.#last -= 1
    chat.unsent.push({ ...message, contact, number: this.#last })
    void this.#keepNow(contact)
  }

  /** Takes a message that could not be sent, to try it again. @param {number} number @returns {Unsent | undefined} */
  retried(number) {
    const chats = [...this.#chats.values()]
    const found = chats.flatMap(({ unsent }) => unsent).find((each) => each.number === number)
    if (!found) return undefined
    const chat = this.#chat(found.contact)
    chat.unsent = chat.unsent.filter((each) => each !== found)
    chat.busy += 1
    return found
  }

  /** Puts a message that could not be sent back into its composer. @param {number} number @returns {number | undefined} its contact */
  edited(number) {
    const found = this.retried(number)
    if (!found) return undefined
    const chat = this.#chat(found.contact)
    chat.busy -= 1
    this.change(found.contact, joined([found.text, chat.text]))
    return found.contact
  }

  /** @param {number} contact */
  async #keepNow(contact) {
    const chat = this.#chat(contact)
    chat.takeBack?.()
    Object.assign(chat, { isDue: false, takeBack: null })
    chat.busy += 1
    const isKept = await this.#keep(contact, joined([...chat.unsent.map(({ text }) => text), chat.text]))
    chat.busy -= 1
    chat.isDue ||= !isKept
    this.#forget(contact)
  }

  /** @param {number} contact */
  #chat(contact) {
    const chat = this.#chats.get(contact) ?? {
      ...{ text: "", unsent: [], busy: 0, isDue: false },
      takeBack: null,
    }
    this.#chats.set(contact, chat)
    return chat
  }

  /** Lets the disk alone know a chat, once it knows all. @param {number} contact */
  #forget(contact) {
    const { unsent, busy, isDue } = this.#chat(contact)
    if (unsent.length === 0 && busy === 0 && !isDue) this.#chats.delete(contact)
  }
}

/** @param {string[]} texts */
function joined(texts) {
  return texts.filter((text) => text !== "").join(BETWEEN)
}
