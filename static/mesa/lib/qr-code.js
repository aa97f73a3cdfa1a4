// Draws a text as a QR code: bytes, error correction of level M (15 %). Spec: ISO/IEC 18004

/** @typedef {boolean[][]} Matrix rows of modules; true is dark */
/** @typedef {[number, ...[number, number][]]} Blocks bytes of correction for each block, then how many blocks of how many bytes */

// By version, from 1 on. Level M.
/** @type {Blocks[]} */
const BLOCKS = [
  [10, [1, 16]],
  [16, [1, 28]],
  [26, [1, 44]],
  [18, [2, 32]],
  [24, [2, 43]],
  [16, [4, 27]],
  [18, [4, 31]],
  [22, [2, 38], [2, 39]],
  [22, [3, 36], [2, 37]],
  [26, [4, 43], [1, 44]],
  [30, [1, 50], [4, 51]],
  [22, [6, 36], [2, 37]],
  [22, [8, 37], [1, 38]],
]
const BYTE_MODE = 4
const FIRST_WITH_LONG_COUNT = 10
const FIRST_WITH_VERSION = 7
const PADS = [0xec, 0x11]
const FIELD = 0x11d
const FORMAT = { polynomial: 0x537, bits: 10, mask: 0x5412 }
const VERSION = { polynomial: 0x1f25, bits: 12 }
/** @type {((row: number, column: number) => boolean)[]} */
const MASKS = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (_row, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
]

/**
 * @param {string} text at most 331 bytes of UTF-8
 * @param {number} [mask] without one, the mask that reads best
 * @returns {Matrix}
 * @throws {RangeError} a longer text
 */
export function qrCode(text, mask) {
  const bytes = new TextEncoder().encode(text)
  const version =
    1 + BLOCKS.findIndex((_, at) => headBits(at + 1) + 8 * bytes.length <= 8 * dataBytes(at + 1))
  if (version === 0) throw new RangeError("a text is too long for a code")
  const bits = interleaved(version, codewords(version, bytes))
  if (mask !== undefined) return draw(version, bits, mask)
  const drawn = MASKS.map((_, each) => draw(version, bits, each))
  return drawn.reduce((best, each) => (penalty(each) < penalty(best) ? each : best))
}

/** @param {number} version */
function headBits(version) {
  return 4 + (version < FIRST_WITH_LONG_COUNT ? 8 : 16)
}

/** @param {number} version */
function dataBytes(version) {
  const [, ...groups] = BLOCKS[version - 1]
  return groups.reduce((total, [count, size]) => total + count * size, 0)
}

/** @param {number} version @param {Uint8Array} bytes @returns {number[]} */
function codewords(version, bytes) {
  /** @type {number[]} */
  const bits = []
  const write = (/** @type {number} */ value, /** @type {number} */ size) => {
    for (let at = size - 1; at >= 0; at -= 1) bits.push((value >> at) & 1)
  }
  write(BYTE_MODE, 4)
  write(bytes.length, headBits(version) - 4)
  for (const byte of bytes) write(byte, 8)
  const total = 8 * dataBytes(version)
  write(0, Math.min(4, total - bits.length))
  write(0, (8 - (bits.length % 8)) % 8)
  for (let at = 0; bits.length < total; at += 1) write(PADS[at % 2], 8)
  return Array.from({ length: bits.length / 8 }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((byte, bit) => 2 * byte + bit, 0),
  )
}

/** Cuts into blocks, corrects each, and weaves them. @param {number} version @param {number[]} words @returns {number[]} bits */
function interleaved(version, words) {
  const [correction, ...groups] = BLOCKS[version - 1]
  const sizes = groups.flatMap(([count, size]) => Array(count).fill(size))
  let at = 0
  const blocks = sizes.map((size) => words.slice(at, (at += size)))
  const woven = [...weave(blocks), ...weave(blocks.map((block) => remainder(block, correction)))]
  return woven.flatMap((word) => Array.from({ length: 8 }, (_, bit) => (word >> (7 - bit)) & 1))
}

/** @param {number[][]} blocks */
function weave(blocks) {
  const longest = Math.max(...blocks.map((block) => block.length))
  return Array.from({ length: longest }, (_, at) => blocks.flatMap((block) => block.slice(at, at + 1))).flat()
}

/** Reed and Solomon's correction. @param {number[]} words @param {number} size */
function remainder(words, size) {
  let generator = [1]
  for (let power = 1, at = 0; at < size; at += 1, power = times(power, 2)) {
    const shifted = [...generator, 0]
    generator = shifted.map((each, place) => each ^ (place > 0 ? times(generator[place - 1], power) : 0))
  }
  const rest = [...words, ...Array(size).fill(0)]
  for (let at = 0; at < words.length; at += 1) {
    const factor = rest[at]
    generator.forEach((each, place) => (rest[at + place] ^= times(each, factor)))
  }
  return rest.slice(words.length)
}

/** Product in the field of 256 elements. @param {number} one @param {number} other */
function times(one, other) {
  let product = 0
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? FIELD : 0)
    if ((other >> bit) & 1) product ^= one
  }
  return product
}

/** @param {number} version @param {number[]} bits @param {number} mask @returns {Matrix} */
function draw(version, bits, mask) {
  const size = 17 + 4 * version
  /** @type {(boolean | undefined)[][]} */
  const matrix = Array.from({ length: size }, () => Array(size).fill(undefined))
  drawPatterns(matrix, version)
  drawFormat(matrix, mask)
  if (version >= FIRST_WITH_VERSION) drawVersion(matrix, version)
  let at = 0
  for (const [row, column] of zigzag(size)) {
    if (matrix[row][column] === undefined)
      matrix[row][column] = (bits[at++] === 1) !== MASKS[mask](row, column)
  }
  return /** @type {Matrix} */ (matrix)
}

/** @param {(boolean | undefined)[][]} matrix @param {number} version */
function drawPatterns(matrix, version) {
  const size = matrix.length
  for (const [top, left] of [
    [3, 3],
    [3, size - 4],
    [size - 4, 3],
  ]) {
    drawSquares(matrix, top, left, 4, (ring) => ring !== 2 && ring !== 4)
  }
  const last = size - 7
  const places = version === 1 ? [] : version < FIRST_WITH_VERSION ? [6, last] : [6, size / 2 - 0.5, last]
  for (const top of places) {
    for (const left of places) {
      const isCorner =
        (top === 6 && left === 6) || (top === 6 && left === size - 7) || (top === size - 7 && left === 6)
      if (!isCorner) drawSquares(matrix, top, left, 2, (ring) => ring !== 1)
    }
  }
  for (let at = 8; at < size - 8; at += 1) matrix[6][at] = matrix[at][6] = at % 2 === 0
}

/** Draws rings around a middle. @param {(boolean | undefined)[][]} matrix @param {number} top @param {number} left @param {number} rings @param {(ring: number) => boolean} isDark */
function drawSquares(matrix, top, left, rings, isDark) {
  for (let row = top - rings; row <= top + rings; row += 1) {
    for (let column = left - rings; column <= left + rings; column += 1) {
      if (matrix[row] && column >= 0 && column < matrix.length) {
        matrix[row][column] = isDark(Math.max(Math.abs(row - top), Math.abs(column - left)))
      }
    }
  }
}

/** @param {(boolean | undefined)[][]} matrix @param {number} mask of level M, whose own bits are 0 */
function drawFormat(matrix, mask) {
  const size = matrix.length
  const bits = withCorrection(mask, FORMAT) ^ FORMAT.mask
  for (let at = 0; at < 15; at += 1) {
    const isDark = ((bits >> at) & 1) === 1
    const down = at < 6 ? at : at < 8 ? at + 1 : size - 15 + at
    matrix[down][8] = isDark
    const right = at < 8 ? size - 1 - at : at < 9 ? 7 : 14 - at
    matrix[8][right] = isDark
  }
  matrix[size - 8][8] = true
}

/** @param {(boolean | undefined)[][]} matrix @param {number} version */
function drawVersion(matrix, version) {
  const bits = withCorrection(version, VERSION)
  for (let at = 0; at < 18; at += 1) {
    const [long, short] = [Math.floor(at / 3), matrix.length - 11 + (at % 3)]
    matrix[long][short] = matrix[short][long] = ((bits >> at) & 1) === 1
  }
}

/** @param {number} value @param {{polynomial: number, bits: number}} code */
function withCorrection(value, { polynomial, bits }) {
  let rest = value
  for (let at = 0; at < bits; at += 1) rest = (rest << 1) ^ (rest >> (bits - 1) ? polynomial : 0)
  return (value << bits) | rest
}

/** The places of bits: two columns at a time, up and down in turn, from the right. @param {number} size */
function* zigzag(size) {
  let isUp = true
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1
    for (let step = 0; step < size; step += 1) {
      const row = isUp ? size - 1 - step : step
      yield [row, right]
      yield [row, right - 1]
    }
    isUp = !isUp
  }
}

/** How hard a code is to read. @param {Matrix} matrix */
function penalty(matrix) {
  const columns = matrix.map((_, at) => matrix.map((row) => row[at]))
  const lines = [...matrix, ...columns].map((line) => line.map(Number).join(""))
  let total = 0
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) ?? []) total += run.length - 2
    for (let at = 0; at + 11 <= line.length; at += 1) {
      const part = line.slice(at, at + 11)
      if (part === "10111010000" || part === "00001011101") total += 40
    }
  }
  for (let row = 0; row + 1 < matrix.length; row += 1) {
    for (let column = 0; column + 1 < matrix.length; column += 1) {
      const four = [
        matrix[row][column],
        matrix[row][column + 1],
        matrix[row + 1][column],
        matrix[row + 1][column + 1],
      ]
      if (four.every((each) => each === four[0])) total += 3
    }
  }
  const dark = matrix.flat().filter(Boolean).length / matrix.length ** 2
  return total + 10 * Math.floor(Math.abs(100 * dark - 50) / 5)
}
