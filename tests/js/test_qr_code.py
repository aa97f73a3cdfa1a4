"""Codes that the page draws: read by a decoder, and the same as another maker's."""

import random
import string

import pytest
import zxingcpp
from playwright.sync_api import Page
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_8BIT_BYTE, QRData

DRAW = """async (asked) => {
    const { qrCode } = await import("/static/mesa/lib/qr-code.js")
    return asked.map(([text, mask]) => qrCode(text, mask ?? undefined).map((row) => row.map(Number).join("")))
}"""
REFUSE = """async (text) => {
    const { qrCode } = await import("/static/mesa/lib/qr-code.js")
    try { qrCode(text) } catch (error) { return error.name }
}"""
LONGEST = 331
LINK = "https://mesa.example/invite/#ada.k7Qm4xWp2d9HvTb3RnCe6fYj8A0sLu5ZgNi1oEhBtXc"
QUIET, SCALE = 4, 3
MASKS = 8


def texts() -> list[str]:
    rng = random.Random(1)
    lengths = [*range(1, 60, 7), 84, 85, 106, 107, 122, 123, 152, 153, 180, 181, 213, 214, 251, 252, 287, 288]
    drawn = ["".join(rng.choices(string.ascii_letters + string.punctuation, k=size)) for size in lengths]
    return [LINK, "Žemaitė ąčę", *drawn, "x" * LONGEST]


def picture_of(rows: list[str]) -> memoryview:
    """Grey values, white around."""
    size = SCALE * (len(rows) + 2 * QUIET)
    around = ["0" * (len(rows) + 2 * QUIET)] * QUIET
    lines = [*around, *("0" * QUIET + row + "0" * QUIET for row in rows), *around]
    pixels = bytes(
        255 * (dark == "0") for line in lines for _ in range(SCALE) for dark in line for _ in range(SCALE)
    )
    return memoryview(pixels).cast("B", shape=[size, size])


def rows_of_another_maker(text: str, mask: int) -> list[str]:
    code = QRCode(error_correction=ERROR_CORRECT_M, mask_pattern=mask, border=0)
    code.add_data(QRData(text.encode(), mode=MODE_8BIT_BYTE))
    code.make(fit=True)
    return ["".join(str(int(bool(dark))) for dark in row) for row in code.modules]


def test_codes_are_those_of_another_maker(module_page: Page) -> None:
    asked = [(text, at % MASKS) for at, text in enumerate(texts())]

    for (text, mask), rows in zip(asked, module_page.evaluate(DRAW, asked), strict=True):
        assert rows == rows_of_another_maker(text, mask), text


def test_codes_are_read(module_page: Page) -> None:
    asked = [[text, None] for text in texts()]

    for text, rows in zip(texts(), module_page.evaluate(DRAW, asked), strict=True):
        assert [found.text for found in zxingcpp.read_barcodes(picture_of(rows))] == [text]


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "ž" * 166])
def test_longer_text_is_refused(module_page: Page, text: str) -> None:
    assert module_page.evaluate(REFUSE, text) == "RangeError"
