"""What README.md and configs/README.md say: blocks run, errors and links are true, pictures are small."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cluster.inference.configuration import infer
from cluster.inference.wishes import Wishes
from tests.pictures.__main__ import last_screen
from tests.readme import REASONS, blocks, commands, continued
from tests.runs import tidecast

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, ROOT / "configs" / "README.md")
WORDS = 2500
PICTURES = 300_000
LOCAL = ("--executor", "local", "--run-dir", "runs/of-this-test")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_block_runs_or_says_why_not(page):
    text = page.read_text()
    found = blocks(text)
    assert len(found) == text.count("\n```") / 2, "a block that nobody sees"
    for block in found:
        if block.reason is not None:
            assert block.reason.startswith(REASONS), block
        elif block.file is None:
            assert block.language in ("python", "console"), block
            assert block.language == "python" or commands(block.text), block


def test_the_table_is_understood_without_a_configuration(tmp_path):
    table = next(block for block in blocks(README.read_text()) if block.file is not None)
    assert len(table.text.splitlines()) == 5
    (tmp_path / "flows.csv").write_text(continued(table.text))
    found = infer(str(tmp_path / "flows.csv"), "flows.csv", Wishes(), (), None)
    assert list(found.keys["data"]["targets"]) == ["inflow", "outflow"]


def test_the_first_run_is_of_the_users_own_file():
    consoles = [block for block in blocks(README.read_text()) if block.language == "console" and block.reason is None]
    assert commands(consoles[0].text) == ["tidecast run flows.csv"]


def test_the_page_is_short():
    assert len(README.read_text().split()) <= WORDS


def test_pictures_are_small():
    shown = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text())
    assert shown
    assert sum((ROOT / picture).stat().st_size for picture in shown) < PICTURES


def test_a_picture_shows_what_is_left_of_progress():
    stream = "begins\r\n\x1b[?25l\r\x1b[2Kworking 1\r\x1b[2Kworking 2\r\n\x1b[?25h\r\x1b[1A\x1b[2Kends\r\nend\r\n"
    assert last_screen(stream) == "begins\nends\nend"


@pytest.mark.parametrize(
    "page",
    sorted(page for page in ROOT.rglob("README.md") if ".pytest_cache" not in page.parts),
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]*(?:#[^)\s]*)?)\)", page.read_text()):
        place, _, section = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if section:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert section in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings], link


# -- the errors


def errors() -> list[str]:
    """The sentences of the table of errors."""
    part = README.read_text().partition("## Errors")[2].partition("\n## ")[0]
    rows = [row for row in part.splitlines() if row.startswith("| `")]
    return [sentence for row in rows for sentence in re.findall(r"`([^`]*)`", row.split("|")[1])]


def provoked(folder: Path) -> list[str]:
    """What the program says to the errors of the table, in their order."""
    table = next(block for block in blocks(README.read_text()) if block.file is not None)
    frame = pd.read_csv(write(folder, "flows.csv", continued(table.text)), dtype=str)
    a_day = frame["date"].eq
    spoiled = {
        "gap.csv": frame[~a_day("2026-02-18")],
        "empty.csv": frame.assign(inflow=frame["inflow"].mask(a_day("2026-02-28"), "")),
        "twice.csv": frame.iloc[[*range(len(frame)), -1]],
        "text.csv": frame.assign(inflow=frame["inflow"].mask(a_day("2026-02-08"), "abc")),
        "dates.csv": frame.iloc[1:12].assign(
            date=[f"0{d}/01/2026" if d < 10 else f"{d}/01/2026" for d in range(2, 13)]
        ),
        "balance.csv": frame[["date"]].assign(balance="1.5"),
        "five.csv": frame[["date"]].assign(**dict.fromkeys("abcde", frame["inflow"])),
        "short.csv": frame.head(20),
    }
    for name, spoilt in spoiled.items():
        spoilt.to_csv(folder / name, index=False)
    said = [tidecast(folder, "run", name, *LOCAL) for name in spoiled]
    done = tidecast(folder, "run", "flows.csv", "--preset", "fast", *LOCAL)
    assert done.returncode == 0, done.stderr
    frame.head(190).to_csv(folder / "other.csv", index=False)
    members = "members=[{model: weekday-median}, {model: seasonal-naive}, {model: file, path: none.parquet}]"
    said += [
        tidecast(folder, "run", "other.csv", "--preset", "fast", *LOCAL),
        tidecast(folder, "run", "flows.csv", "--set", "windows.horizn=3", *LOCAL),
        tidecast(folder, "run", "flows.csv", "--calendar", "DEE", *LOCAL),
        tidecast(folder, "run", "flows.csv", "--executor", "local", "--run-dir", "runs/failed", "--set", members),
    ]
    assert [one.returncode for one in said] == [2] * (len(said) - 1) + [3]
    return [one.stderr for one in said]


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_errors_are_quoted_as_they_are(tmp_path):
    quoted = errors()
    ray = quoted.pop()  # tests/ray/test_connection.py provokes it
    assert ray in (ROOT / "cluster/execution/ray_connection.py").read_text()
    assert len(quoted) == 12
    for sentence, said in zip(quoted, provoked(tmp_path), strict=True):
        assert sentence in said


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_run_in_an_empty_folder(page, tmp_path):
    places = os.pathsep.join([str(ROOT), str(ROOT / "cluster" / "facade")])
    command = [sys.executable, "-P", str(ROOT / "tests" / "readme.py"), str(page), "--local"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": places}, check=True)
    assert (tmp_path / "flows.csv").exists()
    assert list((tmp_path / "runs").glob("*/forecast.csv"))
