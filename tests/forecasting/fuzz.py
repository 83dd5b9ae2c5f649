"""Mutated tables, folders and configurations: ``python -m tests.forecasting.fuzz --cases 10000 [--seed 0]``.

Each case takes a small sound data set and its configuration, damages one or both, and asks for three things:

* planning a run succeeds, or raises UserError with one sentence (exit code 2); nothing else;
* then a run raises the same, and leaves no run directory;
* `validate` refuses what a run refuses, with the same sentence, and its findings hold an error then.

A failing case prints its seed; ``--seed N --cases 1`` repeats it. `tests/forecasting/test_fuzz.py` runs a few hundred.
"""

from __future__ import annotations

import argparse
import gzip
import io
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from cluster.config import load_config
from cluster.pipeline import run_pipeline
from cluster.request import RunRequest
from cluster.stages.checks import check_data
from cluster.stages.plan_view import plan_only
from cluster.terminal.screen import Screen
from forecasting.data.quality.finding import Finding
from forecasting.errors import ConfigError, DataError, UserError
from tests.forecasting.fuzz_data import sound_sets

__all__ = ["Broken", "run_case"]

LONGEST = 900
"""Characters of a sentence, file names and column lists included."""
CONFIG = """seed: 1
data: {data}
calendar: {calendar}
windows: {{unit: day, n_windows: 2, horizon: 7}}
members:
  - {{model: seasonal-naive}}
"""
NASTY = (
    "", " ", "-1", "x", "1e400", "nan", "inf", "9007199254740993", "99999999999999999999", "0", "1,234", '"1,234"',
    '"', '"a\nb"', "0x1F", "20140230", "2014-02-29", "30140101", "20140101", "2014-08-10T12:00", "１２", "\u202e",
    "\x00", "NULL", "-0.0", "1_0", "=1+1", "true", "\ufeff", "a" * 300, "2014年8月1日", "1;2", "\t",
    '"1.234,56"', "1.234", '"1,5"', "12-", "(5)", "€ 3", "$4", "\u22127", "1'000.5", "01/02/2014", "31.12.2014",
    "Total", "20140810T00:00Z", "2014-08-10T00:00:00+08:00", "2014-08-10 00:00:00 AM", "|", "Summe;1;2", "sep=;",
)  # fmt: skip
Files = dict[str, bytes]


class Broken(AssertionError):
    """The program did something else than succeed or say one sentence."""


@dataclass
class Case:
    """A data set and its configuration, to be damaged; `path` is what --data names, below the data folder."""

    files: Files
    config: str
    path: str = ""
    as_of: str | None = None


# -- damage


def _cell(rng: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    row = rng.randrange(len(lines)) if rng.random() < 0.9 else 0
    cells = lines[row].split(b",")
    cells[rng.randrange(len(cells))] = rng.choice(NASTY).encode("utf-8", "surrogatepass")
    lines[row] = b",".join(cells)
    return b"\n".join(lines)


def _line(rng: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[a]
        case 1:
            lines.insert(b, lines[a])
        case 2:
            lines[a], lines[b] = lines[b], lines[a]
        case 3:
            lines[a] += rng.choice([b",", b",,1", b'"', b" "])
        case _:
            lines.insert(a, rng.choice([b"", b" ", b"#", b",,,,", b'"']))
    return b"\n".join(lines)


def _bytes(rng: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 8, 64])):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _cut(rng: Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _whole(rng: Random, content: bytes) -> bytes:
    match rng.randrange(10):
        case 0:
            return b""
        case 7:
            return content.replace(b".", rng.choice([b",", b"'", b"\xa0"]))
        case 8:
            return content.replace(b"\n", rng.choice([b",,\n", b";\n", b"\n,,,\n"]))
        case 1:
            return content.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n"]))
        case 2:
            return rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n", b"\x1f\x8b"]) + content
        case 3:
            return content.replace(b",", rng.choice([b";", b"\t", b", "]))
        case 4:
            return content.decode("utf-8", "replace").encode("gb18030")
        case 5:
            return content.split(b"\n", 1)[0] + b"\n"
        case 6:
            return rng.randbytes(rng.randrange(200))
        case _:
            return content + content


def _names(rng: Random, case: Case) -> None:
    name = rng.choice(sorted(case.files))
    content = case.files.pop(name)
    match rng.randrange(4):
        case 0:
            case.files[rng.choice(["other.csv", "daily_totals.xlsx", "d.ods"])] = content
        case 1:
            case.files[f"{name}/inner.csv"] = content
        case 2:
            case.files[name + ".gz"] = gzip.compress(content, 1) if rng.random() < 0.5 else content
        case _:
            case.path = rng.choice(
                ["nothing", "", name, ".", "d.csv/x", "file:///nowhere", "s4://x/y", "\x00", "~nobody"]
            )
            case.files[name] = content


def _settings(rng: Random, case: Case) -> None:
    """Damage to the text of the configuration."""
    match rng.randrange(4):
        case 0:
            cut = case.config.replace(": ", ": ,").encode()
            case.config = _cell(rng, cut).decode("utf-8", "surrogatepass")
        case 1:
            case.config = _line(rng, case.config.encode()).decode()
        case 2:
            case.config = case.config.replace(rng.choice(WORDS), rng.choice(REPLACEMENTS))
        case _:
            key = rng.choice(KEYS)
            case.config = case.config.replace("data: {", "data: {" + key + ", ", 1)


WORDS = (
    "kind: panel", "data: {", "calendar: CN", "horizon: 7", "fund_code", "seed: 1", "day", "past", "missing: error",
    "freq: auto", "missing: skip", "calendar: null",
)  # fmt: skip
REPLACEMENTS = (
    "kind: table", "data: {kind: panel, ", "calendar: XX", "horizon: 900", "views", "seed: -1", "month", "[", "",
    "calendar: null", "kind: 1", "data: [", "data: {kind: table, ", "horizon: 0", "calendar: NO", "calendar: DE",
    "calendar: XNYS", "freq: B", "freq: W", "freq: D", "missing: zero", "missing: error",
    "seed: 1\nscore: {surrogate: wape}",
)  # fmt: skip
KEYS = (
    "freq: D", "freq: B", "freq: W", "freq: M", "missing: zero", "missing: skip", "missing: no", "max_lag: 0",
    "max_lag: 40", "max_lag: -1", "scale: log", "scale: signed", "as_of: 2024-02-20", "as_of: 20140820", "as_of: soon",
    "as_of: 2030-01-01", "unit: thousand USD", "unit: ' '", "unit: null",
    "columns: {purchase: x}", "unit: CNY", "unit: EUR", "past: [y]", "past: 3", "entity: ds", "events: none.csv",
    "decimal: comma", "decimal: point", "decimal: x", "date_format: dmy", "date_format: '%d/%m/%Y'", "date_format: '%'",
    "date_format: ymd", "sheet: a", "sheet: ''", "sheet: 1", "max_bytes: 100", "max_bytes: 0", "max_bytes: 5000",
    "targets: {a: 1}", "targets: {purchase: 1}", "columns: {ds: purchase}", "kind: table", "kind: panel",
    "columns: [1]", "targets: {purchase: .nan}",
)  # fmt: skip
CONTENT: tuple[Callable[[Random, bytes], bytes], ...] = (_cell, _cell, _cell, _line, _line, _bytes, _cut, _whole)


def make_case(rng: Random) -> Case:
    """A sound data set with one to three damages."""
    path, files, data = rng.choice(sound_sets())
    case = Case(dict(files), CONFIG.format(data=data, calendar=rng.choice(["CN", "CN", "null", "null"])), path)
    if rng.random() < 0.2:
        case.as_of = rng.choice(["2024-02-20", "2024-03-29", "2014-08-20", "2024-02-30", "2001-01-01", "2030-01-01"])
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        kind = rng.random()
        if kind < 0.75:
            name = rng.choice(sorted(case.files))
            case.files[name] = rng.choice(CONTENT)(rng, case.files[name])
        elif kind < 0.87:
            _names(rng, case)
        else:
            _settings(rng, case)
    return case


# -- judgement


def run_case(rng: Random, folder: Path) -> str:
    """Make a case in an empty folder and judge it; "success" or the name of the error.

    Raises
    ------
    Broken
        When the program broke a promise.
    """
    case = make_case(rng)
    _write(folder, case.files)
    (folder / "config.yaml").write_bytes(case.config.encode("utf-8", "surrogatepass"))
    data = case.path if "://" in case.path else f"{folder / 'data'}/{case.path}"
    request = RunRequest(str(folder / "config.yaml"), data, str(folder / "run"), case.as_of, (), "local")
    planned = _sentence(lambda: _check_panel(plan_only(request)))
    if planned is not None:
        ran = _sentence(lambda: run_pipeline(request, Screen(file=io.StringIO())))
        if ran is None or str(ran) != str(planned) or (folder / "run").exists():
            raise Broken(f"planning says {planned}; running says {ran}, run directory {(folder / 'run').exists()}")
    _check_report(folder / "config.yaml", data, planned, case.as_of)
    return "success" if planned is None else type(planned).__name__


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    (folder / "data").mkdir()
    for name, content in sorted(files.items()):
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _sentence(work: Callable[[], object]) -> UserError | None:
    """The one-sentence error of `work`, None when it succeeds."""
    try:
        work()
    except UserError as error:
        text = str(error)
        if "\n" in text or not 10 < len(text) < LONGEST or "Traceback" in text:
            raise Broken(f"not one sentence: {text!r}") from None
        return error
    return None


def _check_panel(view: object) -> None:
    panel, config = view.panel, view.plan.config  # type: ignore[attr-defined]
    step = np.diff(panel.ds).astype(int)
    if not (step > 0).all() or (panel.freq != "B" and not (step == {"D": 1, "W": 7}[panel.freq]).all()):
        raise Broken("a panel whose periods do not follow one another")
    if config.score.surrogate != "wape" and not (np.isnan(panel.y) | (panel.y >= 0)).all():
        raise Broken("a panel with negative amounts")
    lag = config.windows.horizon if config.data.max_lag is None else config.data.max_lag
    for row in panel.y:
        known = np.flatnonzero(~np.isnan(row))
        if not len(known) or (config.data.kind == "panel" and len(row) - 1 - known[-1] > lag):
            raise Broken("a closed series in a panel")
        if config.data.missing != "skip" and panel.freq != "B" and np.isnan(row[known[0] : known[-1]]).any():
            raise Broken("a panel with holes")


def _check_report(case: Path, data: str, planned: UserError | None, as_of: str | None) -> None:
    """`validate` says what planning said, or what only a run's checks find."""
    try:
        settings = load_config(str(case))
    except UserError:
        return
    found: UserError | None = None
    findings: Sequence[Finding] = ()
    try:
        checked = check_data(settings, data, as_of)
        found, findings = checked.error, checked.findings
    except ConfigError as error:
        found = error
    if planned is None and found is None:
        return
    if any("\n" in f"{f.check}{f.where}{f.value}{f.remedy}" for f in findings):
        raise Broken(f"a finding of several lines: {findings}")
    if planned is not None and str(found) != str(planned):
        raise Broken(f"planning says {planned}; validate says {found}")
    if isinstance(found, DataError) and not any(f.severity == "error" for f in findings):
        raise Broken(f"validate refuses without an error among its findings: {found}")
    checks = ("duplicate (user, date)", "date", "row shape")
    if planned is None and not any(f": {check} (" in str(found) for check in checks):
        raise Broken(f"planning succeeds, and validate says: {found}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    start = time.monotonic()
    for seed in range(options.seed, options.seed + options.cases):
        folder = Path(tempfile.mkdtemp())
        try:
            outcomes[run_case(Random(seed), folder)] += 1
        except Exception:
            outcomes["BROKEN"] += 1
            print(f"seed {seed} broke:\n{traceback.format_exc()}", flush=True)
        finally:
            shutil.rmtree(folder)
    print(f"{options.cases} cases in {time.monotonic() - start:.0f} s: {dict(outcomes)}")
    return 1 if outcomes["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main())
