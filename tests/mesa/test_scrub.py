import base64
import io
import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesa.scrub import Scrubber, scrub

SDP = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-pwd:YH75Fviy6338Vbrhrlp8Yh\r\nm=application 9 UDP"
SECRETS = [
    "203.0.113.9",
    "203.0.113.9:52000",
    "2001:db8::8a2e:370:7334",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "fe80::1%eth0",
    "::1",
    "4d8912be-4aa3-4c7b-9d3b-8f1a2b3c4d5e.local",
    "8c5e2f10-9d3b-4f6a-8b1c-2d3e4f5a6b7c",
    "8C5E2F10-9D3B-4F6A-8B1C-2D3E4F5A6B7C",
    "8c5e2f109d3b4f6a8b1c2d3e4f5a6b7c",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "Bearer 1a2b3c",
    "candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx",
    "ice-ufrag:EsAw",
    "fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24",
    "D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24",
    SDP,
    SDP.replace("\r\n", "\\r\\n"),
]
HARMLESS = [
    "deadlines wait, the store does not answer: ConnectionError",
    "2026-01-02 03:04:05,678 a push was lost",
    'File "/srv/mesa/lib/python3.11/site-packages/django/core/handlers/exception.py", line 55, in inner',
    "tests.mesa.test_scrub.test_what_a_person_reads_stays",
    "no such setting: DEFAULT_THROTTLE_CLASSES",
    "took 1.25 s for 4096 bytes at 12:30:45",
]


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Scrubber())
    logger = logging.getLogger("mesa.test_scrub")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_does_not_pass(secret: str) -> None:
    cleaned = scrub(f"refused {secret}, again")

    assert secret not in cleaned
    assert not any(part in cleaned for part in secret.split() if len(part) > 8)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_a_person_reads_stays(line: str) -> None:
    assert scrub(line) == line


@given(st.binary(min_size=16, max_size=64).filter(lambda raw: len(set(raw)) > 8))
def test_key_bytes_do_not_pass_in_any_writing(raw: bytes) -> None:
    writings = [raw.hex(), base64.urlsafe_b64encode(raw).decode().rstrip("="), base64.b64encode(raw).decode()]

    for writing in writings:
        assert writing not in scrub(f"key {writing} was refused")


@pytest.mark.parametrize("secret", SECRETS)
def test_arguments_are_scrubbed(log: tuple[logging.Logger, io.StringIO], secret: str) -> None:
    logger, stream = log

    logger.warning("refused %s after %d s", secret, 3)

    assert secret not in stream.getvalue()
    assert "refused" in stream.getvalue()


def test_secret_split_over_message_and_argument_is_scrubbed(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log

    logger.warning("from 203.0.%s", "113.9")

    assert "113.9" not in stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS)
def test_traceback_is_scrubbed_and_still_tells_the_line(
    log: tuple[logging.Logger, io.StringIO], secret: str
) -> None:
    logger, stream = log

    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed")

    assert secret not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "test_traceback_is_scrubbed" in stream.getvalue()


def test_record_keeps_no_raw_exception_for_later_handlers() -> None:
    try:
        raise ValueError("203.0.113.9")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())

    Scrubber().filter(record)

    assert record.exc_info is None
    assert "203.0.113.9" not in logging.Formatter().format(record)


def test_arguments_that_do_not_fit_do_not_reach_the_log(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log

    logger.warning("one %s", "203.0.113.9", "two")

    assert "203.0.113.9" not in stream.getvalue()


@pytest.mark.parametrize("name", ["daphne.server", "django.request"])
def test_addresses_of_requests_are_not_logged(caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Whoever searches for a user says the name there. daphne logs it when it ends what nobody waits for."""
    logging.getLogger(name).warning("for connection %s", "uri=/api/accounts/users/?prefix=ada")

    assert caplog.text == ""
