"""Writes pictures of pages as small PNG files: 256 colours are enough for text on flat surfaces.

The browser that took the picture counts its colours; nothing else here reads PNG.
"""

import base64
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page

# The most frequent colours stay as they are; each other one becomes the nearest of them.
COUNT_COLOURS = """async (png) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
    const { width, height } = image
    const canvas = new OffscreenCanvas(width, height).getContext("2d")
    canvas.drawImage(image, 0, 0)
    const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer)
    const counts = new Map()
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1)
    const kept = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour)
    const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255]
    const palette = kept.map(parts)
    const distance = ([a, b, c], [d, e, f]) => (a - d) ** 2 + (b - e) ** 2 + (c - f) ** 2
    const places = new Map(kept.map((colour, at) => [colour, at]))
    for (const colour of counts.keys()) {
        if (places.has(colour)) continue
        const wanted = parts(colour)
        let best = 0
        for (const at of palette.keys())
            if (distance(palette[at], wanted) < distance(palette[best], wanted)) best = at
        places.set(colour, best)
    }
    const indexes = Uint8Array.from(pixels, (pixel) => places.get(pixel))
    return { width, height, palette: palette.flat(), indexes: indexes.toBase64() }
}"""


def write_small(png: bytes, path: Path, *, counter: Page) -> None:
    """Write a picture with a palette; `counter` is any blank page."""
    found = counter.evaluate(COUNT_COLOURS, base64.b64encode(png).decode())
    width, height = found["width"], found["height"]
    indexes = base64.b64decode(found["indexes"])
    # Each row begins with its filter: none.
    rows = b"".join(b"\0" + indexes[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", bytes(found["palette"]))
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
