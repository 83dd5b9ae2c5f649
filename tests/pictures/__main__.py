"""Makes the README's pictures anew, report.png and terminal.png beside this file: ``python -m tests.pictures``.

Runs the demo on a pseudo-terminal in one process, and photographs its report, and what the terminal shows at the end,
with a headless Chromium. Pillow, which comes with matplotlib, makes the files small.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COLUMNS = 110
_MOVE = re.compile(r"\x1b\[(?:(\d+)A|(2K)|\?25[lh])|\r")


def last_screen(stream: str) -> str:
    """What a terminal shows after this stream, whose program moves up, and clears a line before it writes it anew."""
    lines, at = [""], 0
    for row in stream.replace("\r\n", "\n").split("\n"):
        where = 0
        for move in _MOVE.finditer(row):
            lines[at] += row[where : move.start()]
            where = move.end()
            at = max(at - int(move[1] or 0), 0)
            lines[at] = "" if move[2] or move[1] else lines[at]
        lines[at] += row[where:]
        at += 1
        lines += [""] * (at + 1 - len(lines))
    return "\n".join(lines).rstrip()


def on_terminal(command: list[str], folder: Path) -> str:
    """What a command writes on a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    written = b""
    try:
        while part := os.read(terminal, 65536):
            written += part
    except OSError:  # the other end is closed: the command has ended
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, written.decode()
    return written.decode()


def as_svg(screen: str) -> tuple[str, int, int]:
    """A terminal window with this screen as SVG, its width and its height."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text.from_ansi(screen), overflow="fold")
    svg = console.export_svg(title="tidecast run")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    return svg, round(float(box[1])), round(float(box[2]))


def photograph(page: Path, picture: Path, size: tuple[int, int], shown: int, colours: int) -> None:
    """A picture of a page, laid out on `size` and `shown` pixels wide."""
    from PIL import Image

    width, height = size
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--screenshot={picture}", f"--window-size={width},{height}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    with Image.open(picture) as raw:
        image = raw.convert("RGB").crop((0, 0, width, height))
    image = image.resize((shown, round(height * shown / width)), Image.Resampling.LANCZOS)
    few = colours < 100  # of many, a median cut keeps the pale ones pale
    method = Image.Quantize.MAXCOVERAGE if few else Image.Quantize.MEDIANCUT
    image.quantize(colours, method, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    folder = Path(tempfile.gettempdir()) / "demo"  # its path is in the picture
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    screen = on_terminal([sys.executable, "-m", "cluster.cli", "run", "--executor", "local"], folder)
    svg, width, height = as_svg("$ tidecast run\n" + last_screen(screen))
    page = folder / "terminal.html"
    page.write_text(f'<body style="margin:0">{svg}', encoding="utf-8")
    photograph(page, HERE / "terminal.png", (width, height), 1000, 16)
    photograph(folder / "runs/demo/report.html", HERE / "report.png", (1000, 1230), 800, 200)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
