"""Write the lock files of the three dependency sets from pyproject.toml: `make lock`."""

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILE = (
    *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"),
    *(
        "--allow-unsafe",
        "--no-emit-index-url",
        "--no-emit-trusted-host",
        "--no-emit-find-links",
        "--no-header",
    ),
    *("--no-emit-options", "--no-annotate"),
)


def requirements_of(project: dict, group: str) -> list[str]:
    """List the requirement lines of one dependency group, included groups first."""
    lines: list[str] = []
    for entry in project["dependency-groups"][group]:
        lines += [entry] if isinstance(entry, str) else requirements_of(project, entry["include-group"])
    return lines


def compile_lock(name: str, lines: list[str], *options: str) -> None:
    """Pin everything that the lines need, with the hash of each file, into requirements/<name>.lock."""
    target = HERE / f"{name}.lock"
    subprocess.run(
        [*COMPILE, *options, "--output-file", str(target), "-"],
        input="\n".join(lines),
        text=True,
        check=True,
        cwd=HERE,
    )


def main() -> None:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    agent = project["project"]["dependencies"]
    compile_lock("dev", agent + requirements_of(project, "dev"))
    # One venv may hold several sets: the smaller ones take the versions of the largest.
    same = ("--constraint", str(HERE / "dev.lock"))
    compile_lock("agent", agent, *same)
    compile_lock("server", requirements_of(project, "server"), *same)


if __name__ == "__main__":
    main()
