"""Runs the blocks of a page, in order, in an empty folder: ``python -P tests/readme.py README.md [--local]``.

A line before a block says what it is:

* ``<!-- file: NAME -->``: the block becomes that file; with ``, continued`` a table is continued day by day.
* ``<!-- not run: REASON -->``: the block is skipped. `REASONS` are the words that such a reason begins with.
* nothing: lines of a console that begin with ``$`` are typed; Python runs as a program in an empty folder of its own.

With ``--local`` everything runs in one process, without Ray. Needs the standard library alone.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

DAYS = 200
REASONS = ("GPU", "container", "Ray head", "install", "drawing")
_BLOCK = re.compile(r"(?:^<!-- (file|not run): ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of a page: its language and text; the file it becomes, or why it is not run."""

    language: str
    text: str
    file: str | None = None
    reason: str | None = None


def blocks(page: str) -> list[Block]:
    """All blocks of a page, in order."""
    found = []
    for mark, value, language, text in _BLOCK.findall(page):
        found.append(Block(language, text, value if mark == "file" else None, value if mark == "not run" else None))
    return found


def continued(table: str) -> str:
    """The table with further days, which repeat the pattern of its own with small changes."""
    header, *rows = table.strip().splitlines()
    cells = [row.split(",") for row in rows]
    first = dt.date.fromisoformat(cells[0][0])
    lines = [header, *rows]
    for k in range(len(rows), DAYS):
        weekday = 0.4 if (first + dt.timedelta(k)).weekday() > 4 else 1.0
        amounts = [float(cells[k % len(cells)][i]) * weekday * (1 + k % 11 / 50) for i in (1, 2)]
        lines.append(f"{first + dt.timedelta(k)},{amounts[0]:.2f},{amounts[1]:.2f}")
    return "\n".join(lines) + "\n"


def commands(console: str) -> list[str]:
    """The lines typed after a prompt; a backslash at the end of a line goes on in the next."""
    return [line[2:] for line in console.replace("\\\n", " ").splitlines() if line.startswith("$ ")]


def main(page: str, *options: str) -> None:
    local = "--local" in options
    for block in blocks(Path(page).read_text(encoding="utf-8")):
        if block.file is not None:
            name, _, more = block.file.partition(", ")
            Path(name).write_text(continued(block.text) if more else block.text, encoding="utf-8")
        elif block.reason is None and block.language == "console":
            for line in commands(block.text):
                _type(line, local=local)
        elif block.reason is None:
            assert block.language == "python", f"nobody knows how to run a block of {block.language!r}"
            _compute(block.text, local=local)


def _type(line: str, *, local: bool) -> None:
    print(f"$ {line}", flush=True)
    if local and line.startswith("tidecast run"):
        line = line.partition("#")[0] + " --executor local"
    own = "" if shutil.which("tidecast") else f'tidecast() {{ "{sys.executable}" -m cluster.cli "$@"; }}\n'
    subprocess.run(["bash", "-euc", own + line], check=True)


def _compute(program: str, *, local: bool) -> None:
    if local:
        program = re.sub(
            r"tidecast\.run\((?!.*executor=)(.*)\)$", r'tidecast.run(\1, executor="local")', program, flags=re.MULTILINE
        )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
