"""A coturn of the tests' own in the lab, with the configuration that Mesa ships."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.live_tree import ROOT
from tests.nat.lab import HOST, TURN, WAN, Lab
from tests.waiting import wait_for

CONFIGURATION = ROOT / "docker" / "coturn" / "turnserver.conf"
SECRET = "the-secret-of-the-lab-and-of-nothing-else"
STUN_URL, TURN_URL, TURNS_URL = f"stun:{TURN}:3478", f"turn:{TURN}:3478", f"turns:{TURN}:5349"
CERTIFICATE = "certificate.pem"
START_LIMIT_S = 10
STOP_LIMIT_S = 10


@contextmanager
def running_coturn(lab: Lab, folder: Path) -> Iterator[Path]:
    """Run coturn on the lab's host; gives the folder it was started in, for what it leaves there."""
    place = folder / "coturn"
    place.mkdir()
    certificate, key = write_certificate(folder)
    command = [
        *lab.inside(HOST),
        *("turnserver", "-c", str(CONFIGURATION), f"--static-auth-secret={SECRET}", "--realm=mesa.example"),
        *(f"--listening-ip={TURN}", f"--relay-ip={TURN}", f"--pidfile={place}/pid"),
        # The lab's addresses are not those of the real internet.
        f"--allowed-peer-ip={WAN.format(0)}-{WAN.format(255)}",
        *(f"--cert={certificate}", f"--pkey={key}"),
    ]
    with (place / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=place, stdout=said, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: process.poll() is not None or is_listening(lab), limit_s=START_LIMIT_S)
        assert process.poll() is None, (place / "said").read_text()
        yield place
    finally:
        process.terminate()
        process.wait(STOP_LIMIT_S)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the lab's TURN server that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "turn")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(TURN))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / CERTIFICATE, folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def is_listening(lab: Lab) -> bool:
    command: Sequence[str] = (*lab.inside(HOST), "cat", "/proc/net/udp")
    return ":0D96 " in subprocess.run(command, capture_output=True, text=True, check=True).stdout
