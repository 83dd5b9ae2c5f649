"""Run what the README tells a newcomer to type: ``python -P tests/readme.py README.md [--local]``, in an empty folder.

Blocks between ``<!-- newcomer -->`` and ``<!-- end -->`` are taken in order: a table becomes the file it is named
after, continued day by day as the text below it says; lines of a console are typed, and Python is run as one program.
With ``--local`` everything runs in one process, without Ray. Needs the standard library alone.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
from pathlib import Path

DAYS = 200
TABLE = "flows.csv"
_PART = re.compile(r"<!-- newcomer -->\n(.*?)<!-- end -->", re.DOTALL)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(readme: str) -> list[tuple[str, str]]:
    """Language and text of the marked blocks."""
    return [(language, text) for part in _PART.findall(readme) for language, text in _BLOCK.findall(part)]


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
    """The lines typed after a prompt."""
    return [line[2:] for line in console.splitlines() if line.startswith("$ ")]


def main(readme: str, *options: str) -> None:
    local = "--local" in options
    found = blocks(Path(readme).read_text(encoding="utf-8"))
    assert {language for language, _ in found} == {"text", "console", "python"}, "marked blocks are missing"
    for language, text in found:
        if language == "text":
            Path(TABLE).write_text(continued(text), encoding="utf-8")
        elif language == "console":
            for line in commands(text):
                _type(line, local=local)
        else:
            code = text.replace("tidecast.run(", 'tidecast.run(executor="local", data=') if local else text
            subprocess.run([sys.executable, "-c", code], check=True)


def _type(line: str, *, local: bool) -> None:
    print(f"$ {line}", flush=True)
    if local and line.startswith("tidecast run"):
        line = line.partition("#")[0] + " --executor local"
    own = "" if shutil.which("tidecast") else f'tidecast() {{ "{sys.executable}" -m cluster.cli "$@"; }}\n'
    subprocess.run(["bash", "-euc", own + line], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
