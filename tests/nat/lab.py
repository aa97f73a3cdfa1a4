"""A small internet in network namespaces: homes behind NAT boxes, and one host that everybody reaches.

Nothing in it leads out of this machine. Addresses are those that are reserved for documentation.

    lab.inside("ada")          what to put before a command that is to run at ada's
    lab.homes["ada"].lan       ada's own address, which only her network knows
    lab.homes["ada"].wan       what others see of her
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "mesa-nat-"
MESA, TURN = "203.0.113.1", "203.0.113.2"
WAN = "203.0.113.{}"
LAN = "10.77.{}.{}"
HOST = "host"
PROGRAMS = {"ip": "iproute2", "nft": "nftables", "turnserver": "coturn"}


class Nat(StrEnum):
    """What a NAT box does with the source port, in nft's words."""

    # The same port towards everybody, as long as it is free.
    CONE = "masquerade"
    # Another one towards each.
    SYMMETRIC = "masquerade fully-random"


@dataclass(frozen=True)
class Home:
    """A machine behind a NAT box."""

    name: str
    number: int

    @property
    def lan(self) -> str:
        return LAN.format(self.number, 2)

    @property
    def wan(self) -> str:
        return WAN.format(10 + self.number)

    @property
    def box(self) -> str:
        return f"{self.name}-box"


class Lab:
    """Namespaces of this process's own; `close` removes them all."""

    def __init__(self, names: Sequence[str]) -> None:
        self.homes = {name: Home(name, number) for number, name in enumerate(names, 1)}
        remove_leftovers()
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for name in existing():
            if name.startswith(f"{PREFIX}{os.getpid()}-"):
                ip("netns", "delete", name)

    def inside(self, name: str) -> tuple[str, ...]:
        """What to put before a command that is to run in this namespace: in a home, a box or the host."""
        return ("ip", "netns", "exec", namespace(name))

    def translate(self, nat: Nat, *names: str) -> None:
        """Have the boxes of these homes translate in this way from now on; all homes if none is named."""
        for name in names or self.homes:
            rules = f"""
                table ip nat
                delete table ip nat
                table ip nat {{
                    chain out {{
                        type nat hook postrouting priority 100
                        oifname "wan" {nat.value}
                    }}
                }}
                """
            self._run(self.homes[name].box, ("nft", "-f", "-"), rules)

    def _build(self) -> None:
        for name in (HOST, *self.homes, *(home.box for home in self.homes.values())):
            ip("netns", "add", namespace(name))
            self._run(name, ("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"))
            self._ip(name, "link set lo up")
        self._ip(
            HOST,
            "link add name net type bridge",
            "link set net up",
            f"address add {MESA}/24 dev net",
            f"address add {TURN}/24 dev net",
        )
        for home in self.homes.values():
            self._connect(home)
        self.translate(Nat.CONE)

    def _connect(self, home: Home) -> None:
        box, port = home.box, f"port{home.number}"
        self._ip(
            HOST,
            f"link add name {port} type veth peer name wan netns {namespace(box)}",
            f"link set {port} master net",
            f"link set {port} up",
        )
        self._ip(
            box,
            f"link add name lan type veth peer name eth netns {namespace(home.name)}",
            f"address add {home.wan}/24 dev wan",
            f"address add {LAN.format(home.number, 1)}/24 dev lan",
            "link set wan up",
            "link set lan up",
        )
        self._ip(
            home.name,
            f"address add {home.lan}/24 dev eth",
            "link set eth up",
            f"route add default via {LAN.format(home.number, 1)}",
        )
        self._run(box, ("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"))
        # What nobody inside asked for is dropped, as home routers do. A box that answered it would, besides,
        # hold an entry that makes it change the port of what comes from inside a moment later.
        self._run(
            box,
            ("nft", "-f", "-"),
            """
            table ip filter {
                chain to_box {
                    type filter hook input priority 0
                    iifname "wan" ct state new drop
                }
                chain to_home {
                    type filter hook forward priority 0
                    iifname "wan" ct state new drop
                }
            }
            """,
        )

    def _ip(self, name: str, *lines: str) -> None:
        ip("-n", namespace(name), "-batch", "-", text="\n".join(lines))

    def _run(self, name: str, command: Sequence[str], text: str = "") -> None:
        run([*self.inside(name), *command], text)


def missing() -> str:
    """Why there can be no lab on this machine; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if absent:
        return f"needs the packages {' '.join(absent)}"
    try:
        run(["unshare", "--net", "nft", "-f", "-"], "table ip nat { chain out { masquerade\n}\n}")
    except (subprocess.CalledProcessError, OSError):
        return "network namespaces or address translation are not allowed here"
    return ""


def namespace(name: str) -> str:
    return f"{PREFIX}{os.getpid()}-{name}"


def existing() -> list[str]:
    return [line.split()[0] for line in ip("netns", "list").splitlines() if line.strip()]


def remove_leftovers() -> None:
    """Remove what a run left behind that was killed."""
    for name in existing():
        owner = re.match(rf"{PREFIX}(\d+)-", name)
        if owner is not None and not os.path.exists(f"/proc/{owner[1]}"):
            with suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


def main() -> None:
    """Say why there can be no lab; nothing when there can."""
    sys.stdout.write(missing())


def ip(*arguments: str, text: str = "") -> str:
    return run(["ip", *arguments], text)


def run(command: Sequence[str], text: str = "", *, limit_s: float = 20) -> str:
    """Run a command to its end.

    Raises:
        CalledProcessError: it failed; what it said is a note on the error.
    """
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=limit_s, check=False)
    try:
        done.check_returncode()
    except subprocess.CalledProcessError as error:
        error.add_note(done.stderr)
        raise
    return done.stdout


if __name__ == "__main__":
    main()
