"""How the first minute feels: ``python -m tests.bench.first_minute [--against COMMIT] [--factor F] [-- COMMAND …]``.

Runs the demo (or another command line of `tidecast`) on a pseudo-terminal, in an empty folder, and measures the time
to the first line, the longest time without a sign of life, and the whole. `--against` does the same with a commit in
turn, so that both meet the same machine; of either the first run compiles its kernels anew, as a new installation does.
The exit code is 1 where a limit, times the factor, is passed.
"""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

__all__ = ["Felt", "feel", "main"]

ROOT = Path(__file__).parents[2]
FIRST_LINE, SILENCE, SHARE = 1.0, 2.0, 0.8
"""Seconds to the first line and of silence, and the whole over that of the other commit."""


@dataclass(frozen=True)
class Felt:
    """Seconds; `silent_from` is when the longest silence began. `output`: what the terminal got."""

    first_line: float
    silence: float
    silent_from: float
    whole: float
    code: int
    output: bytes

    def __str__(self) -> str:
        silence = f"longest silence {self.silence:.1f} s, from {self.silent_from:.1f} s on"
        return f"first line {self.first_line:.2f} s, {silence}, whole {self.whole:.1f} s, exit code {self.code}"


def feel(tree: Path, folder: Path, *command: str, kernels: Path | None = None) -> Felt:
    """Run a command line of the program in `tree` on a pseudo-terminal of its own.

    Parameters
    ----------
    kernels
        Where compiled kernels are kept; None: where the installation keeps them.
    """
    started = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ |= {"PYTHONPATH": str(tree), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        os.environ |= {} if kernels is None else {"NUMBA_CACHE_DIR": str(kernels)}
        os.execv(sys.executable, [sys.executable, "-m", "cluster.cli", *command])
    signs, output, first = [started], b"", None
    while chunk := _read(terminal):
        signs.append(time.monotonic())
        output += chunk
        if first is None and b"\n" in output:
            first = signs[-1]
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    ended = time.monotonic()
    pauses = [(after - before, before - started) for before, after in zip(signs, [*signs[1:], ended], strict=True)]
    code = os.waitstatus_to_exitcode(status)
    return Felt((first or ended) - started, *max(pauses), ended - started, code, output)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so when the other end is closed
        return b""


def _tree_of(commit: str, folder: Path) -> Path:
    """The files of a commit."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def main(arguments: list[str]) -> int:
    """Measure, print, and judge; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--factor", type=float, default=1.0, help="how much slower than promised a busy machine may be")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the fastest counts")
    parser.add_argument("command", nargs="*", default=["run"])
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="first-minute-") as scratch:
        trees = {"this tree": ROOT}
        if asked.against:
            trees[asked.against] = _tree_of(asked.against, Path(scratch) / "other")
        felt: dict[str, list[Felt]] = {name: [] for name in trees}
        for number in range(asked.rounds):
            for place, (name, tree) in enumerate(trees.items()):
                folder = Path(scratch) / f"{place}-{number}"
                folder.mkdir()
                felt[name].append(feel(tree, folder, *asked.command, kernels=Path(scratch) / f"kernels-{place}"))
                print(f"{name}: {felt[name][-1]}", flush=True)
    best = {name: min(found, key=lambda one: one.whole) for name, found in felt.items()}
    ours = best["this tree"]
    broken = [f"exit code {ours.code}"] if ours.code else []
    broken += [f"first line {ours.first_line:.2f} s"] * (ours.first_line > FIRST_LINE * asked.factor)
    broken += [f"silence {ours.silence:.2f} s"] * (ours.silence > SILENCE * asked.factor)
    if asked.against:
        share = ours.whole / best[asked.against].whole
        print(f"whole: {share:.2f} times that of {asked.against}")
        broken += [f"whole {share:.2f}"] * (share > SHARE * asked.factor)
    print("too slow: " + ", ".join(broken) if broken else "within the limits")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
