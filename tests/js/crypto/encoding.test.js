import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { Reader, exactly, label, pad, u16, u32, u64, u8, utf8 } from "../../../static/mesa/crypto/encoding.js"
import { Malformed, UnknownVersion } from "../../../static/mesa/crypto/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"

/** @param {string} hex */
const reading = (hex) => new Reader(fromHex(hex))

export function noLabelIsTheBeginningOfAnother() {
  assertEqual(toHex(label("a")), "6d6573612f612f3100")
  assert(!toHex(label("ab")).startsWith(toHex(label("a"))))
}

export function numbersComeBackBigEndian() {
  const written = concat(u8(0xfe), u16(0xfedc), u32(0xfedcba98), u64(0xfedcba98_76543210n))
  const reader = new Reader(written)

  assertEqual(toHex(written), "fe" + "fedc" + "fedcba98" + "fedcba9876543210")
  assertEqual([reader.u8(), reader.u16(), reader.u32()], [0xfe, 0xfedc, 0xfedcba98])
  assertEqual(reader.u64(), 0xfedcba98_76543210n)
  reader.finish()
}

export async function numbersOutOfRangeAreRefused() {
  for (const [write, size] of /** @type {[typeof u8, number][]} */ ([
    [u8, 1],
    [u16, 2],
    [u32, 4],
  ]))
    for (const value of [-1, 256 ** size, 0.5, NaN]) await assertFails(Malformed, () => write(value))
  for (const value of [-1n, 2n ** 64n]) await assertFails(Malformed, () => u64(value))
}

export async function bytesThatRunOutAreRefused() {
  const reader = reading("0102")

  await assertFails(Malformed, () => reader.take(3))
  assertEqual(reader.u8(), 1)
  assertEqual(reader.rest(), fromHex("02"))
  assertEqual(reader.taken, fromHex("0102"))
  await assertFails(Malformed, () => reader.u8())
  await assertFails(Malformed, () => reading("01").finish())
  await assertFails(Malformed, () => exactly(fromHex("01"), 2))
}

export async function anotherVersionIsRefused() {
  reading("01").version()
  for (const other of ["00", "02", "ff"]) await assertFails(UnknownVersion, () => reading(other).version())
}

export async function paddingIsZerosUpToTheNextStepAndNoMore() {
  assertEqual(toHex(pad(fromHex("ffff"), 4)), "ffff0000")
  assertEqual(toHex(pad(fromHex("ffffffff"), 4)), "ffffffff")
  for (const [padded, size] of /** @type {[string, number][]} */ ([
    ["ff000000", 1],
    ["ffffffff", 4],
    ["", 0],
  ]))
    readPadded(padded, size)
  for (const [padded, size] of /** @type {[string, number][]} */ ([
    ["ff0000", 1],
    ["ff000001", 1],
    ["ffffffff00000000", 4],
  ]))
    await assertFails(Malformed, () => readPadded(padded, size))
}

/** @param {string} padded @param {number} size */
function readPadded(padded, size) {
  const reader = reading(padded)
  reader.take(size)
  reader.padding(4)
}

export async function textIsStrictUtf8() {
  for (const text of ["žalia", "\ufeffbo", "\u{1f600}", ""])
    assertEqual(new Reader(utf8(text)).text(utf8(text).length), text)
  for (const raw of ["ff", "c080", "eda080", "f4908080", "e2"])
    await assertFails(Malformed, () => reading(raw).text(raw.length / 2))
  await assertFails(Malformed, () => utf8("\ud800"))
}
