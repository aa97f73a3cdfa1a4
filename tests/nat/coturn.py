"""A coturn of the tests' own in the lab, with the configuration that Mesa ships."""

import subprocess
import sys
from collections.abc import Iterator
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
def running_coturn(lab: Lab, folder: Path, address: str = TURN) -> Iterator[Path]:
    """Run coturn at an address of the lab's host; gives the folder it was started in."""
    place = folder / "coturn"
    place.mkdir()
    certificate, key = write_certificate(folder)
    command = [
        *lab.inside(HOST),
        *("turnserver", "-c", str(CONFIGURATION), f"--static-auth-secret={SECRET}", "--realm=mesa.example"),
        *(f"--listening-ip={address}", f"--relay-ip={address}", f"--pidfile={place}/pid"),
        # The lab's addresses are not those of the real internet.
        f"--allowed-peer-ip={WAN.format(0)}-{WAN.format(255)}",
        *(f"--cert={certificate}", f"--pkey={key}"),
    ]
    with (place / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=place, stdout=said, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: process.poll() is not None or is_listening(lab, address), limit_s=START_LIMIT_S)
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


def is_listening(lab: Lab, address: str) -> bool:
    """Look for the socket as the kernel lists it: the address and 3478, in hexadecimal digits."""
    command = (*lab.inside(HOST), "cat", "/proc/net/udp")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f" {int.from_bytes(IPv4Address(address).packed, sys.byteorder):08X}:0D96 " in listed
