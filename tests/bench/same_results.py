"""Whether this tree gives the results of an older commit, on this machine.

    python -m tests.bench.same_results OLD_COMMIT                    # the demo on generated data
    python -m tests.bench.same_results OLD_COMMIT --data FOLDER      # also FOLDER/yuebao and FOLDER/afac2025
    python -m tests.bench.same_results OLD_COMMIT --data FOLDER --keep DIR --only yuebao

The old commit is exported into a temporary folder. Both programs run the same cases in processes of their own, one
after another and without Ray, and the files that they write are compared: `RUN_FILES` says which and how. Then this
tree's `predict` forecasts from the run directory that the old commit wrote, and must repeat the old `predict`
(`PREDICTED_FILES`). Only the command line and the files are used, so the modules of either side may lie anywhere.

`--keep` stores the old side's directories under their commit and case, and a later call reuses them. Prints a line for
each check. Exits with 1 when something differs, and names the file and the first difference; with 2 when the old side
cannot be had.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
MISSING = "nothing"
"""Stands in a difference for a key, a row or a file that one side does not have."""
LAUNCH = """
import os, runpy, sys
from pathlib import Path
tree, packages = Path(sys.argv.pop(1)), {"cluster", "ensembles", "forecasting"}
try:
    runpy.run_module("cluster.cli", run_name="__main__", alter_sys=True)
finally:
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in packages}
    files = [Path(module.__file__).resolve() for module in ours.values() if getattr(module, "__file__", None)]
    foreign = [str(file) for file in files if not file.is_relative_to(tree)]
    if foreign or not files:
        print(f"not imported from {tree}: {foreign[:3]}", file=sys.stderr, flush=True)
        os._exit(1)  # the program has set its own exit code
"""
"""As ``python -m cluster.cli``, and fails when a module of the program came from another tree."""


@dataclass(frozen=True)
class Case:
    """A run of both programs: `data` is a folder below ``--data``, or None for the generated sample."""

    name: str
    data: str | None
    config: str | None
    overrides: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return self.name.replace("/", "-")

    def arguments(self, data: Path) -> tuple[str, ...]:
        config = () if self.config is None else (self.config,)
        sets = tuple(itertools.chain.from_iterable(("--set", override) for override in self.overrides))
        return ("run", *config, "--data", str(data), "--executor", "local", *sets)


SHORT = ("members.0.epochs=20", "members.0.seeds=2", "members.1.epochs=20", "members.1.seeds=2")  # 1000 take minutes
OF_ALL = "blend.candidates=[mean]"  # every member has weight, so that `predict` uses the network
CASES = (
    Case("demo", None, None),
    Case("yuebao", "yuebao", "yuebao"),
    Case("articles/afac2025", "afac2025", "articles/afac2025"),
    Case("articles/single-series-lstm", "yuebao", "articles/single-series-lstm", (OF_ALL, *SHORT)),
)


# -- what is compared


def lines(file: Path) -> list[bytes]:
    """All bytes of a file, so that a difference has a line."""
    return file.read_bytes().splitlines(keepends=True)


def rows(file: Path) -> dict[str, Any]:
    """Columns with their types, and rows in their order."""
    table = pq.read_table(file)
    return {"columns": {field.name: str(field.type) for field in table.schema}, "rows": table.to_pylist()}


def cells(file: Path, *ignored: str) -> list[dict[str, str]]:
    """Rows of a CSV file without the ignored columns."""
    return [without(row, ignored) for row in csv.DictReader(io.StringIO(file.read_text()))]


def facts(file: Path, *ignored: str) -> Any:
    """A JSON file without the ignored keys, at whatever depth they stand."""
    return without(json.loads(file.read_text()), ignored)


def trials(batches: Path) -> dict[str, Any]:
    """Trial key → what the batch files say of the trial: member, series, code, and the reason of a failure."""
    found = {}
    for file in sorted(batches.glob("*.parquet")):
        batch = json.loads(pq.read_metadata(file).metadata[b"tidecast"])
        shared = {key: batch[key] for key in ("model", "family", "code")}
        for trial in (*batch["trials"], *batch["failures"]):
            found[trial["trial_key"]] = shared | without(trial, ("seconds",))
    return found


def without(value: Any, ignored: Iterable[str]) -> Any:
    """The value without these keys."""
    if isinstance(value, dict):
        return {key: without(entry, ignored) for key, entry in value.items() if key not in ignored}
    return [without(entry, ignored) for entry in value] if isinstance(value, list) else value


Reader = Callable[[Path], Any]
RUN_FILES: dict[str, Reader] = {
    ".": lambda folder: sorted(file.name for file in folder.iterdir()),
    "submission.csv": lines,
    "forecast.csv": lines,
    "alerts.csv": lines,
    "cash.csv": lines,
    "cash.json": facts,
    "why.csv": lines,
    "oof.parquet": rows,
    "forecast.parquet": rows,
    "history.parquet": rows,
    "leaderboard.json": lambda file: facts(file, "seconds"),
    "leaderboard.csv": lambda file: cells(file, "seconds"),
    "blend.json": facts,
    "run.json": lambda file: facts(file, "created", "finished", "seconds", "path"),
    "batches": trials,
}
PREDICTED_FILES: dict[str, Reader] = {
    "submission.csv": lines,
    "forecast.csv": lines,
    "why.csv": lines,
    "cash.csv": lines,
    "forecast.parquet": rows,
}


def first_difference(old: Any, new: Any, where: str = "") -> str | None:
    """The first place where two nested values differ, as path, old and new value; NaN equals NaN.

    Keys and columns that the new side adds are no difference: later versions tell more.
    """
    pairs: Iterable[tuple[str, Any, Any]]
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = ((f"{where}.{key}".lstrip("."), old.get(key, MISSING), new.get(key, MISSING)) for key in old)
    elif isinstance(old, list) and isinstance(new, list):
        both = itertools.zip_longest(old, new, fillvalue=MISSING)
        pairs = ((f"{where}[{i}]", was, now) for i, (was, now) in enumerate(both))
    else:
        same = type(old) is type(new) and (old == new or (old != old and new != new))
        return None if same else f"{where}: {old!r:.200} became {new!r:.200}".removeprefix(": ")
    return next((found for place, was, now in pairs if (found := first_difference(was, now, place))), None)


def compare(old: Path, new: Path, readers: dict[str, Reader]) -> Iterator[tuple[str, str | None]]:
    """(file, first difference or None) of the files that either side has."""
    for name, read in readers.items():
        was, now = (read(side / name) if (side / name).exists() else MISSING for side in (old, new))
        if was is not MISSING or now is not MISSING:
            yield name, first_difference(was, now)


# -- the two programs


class ProgramFailedError(Exception):
    """One of the programs left with an error; the message is what it said last."""


def call(tree: Path, *arguments: str) -> None:
    """Run a command of the program in a tree.

    Raises
    ------
    ProgramFailedError
        When it does not succeed, or its modules were imported from elsewhere.
    """
    command = [sys.executable, "-c", LAUNCH, str(tree), *arguments]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode:
        said = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise ProgramFailedError(f"`{arguments[0]}` left with {done.returncode}: {said}")


def run_case(tree: Path, case: Case, data: Path, folder: Path) -> None:
    call(tree, *case.arguments(data), "--run-dir", str(folder / "run"))


def predict(tree: Path, run: Path, data: Path, folder: Path) -> None:
    call(tree, "predict", str(run), "--data", str(data), "--out", str(folder / "predicted"))


class OldSide:
    """What the old commit writes, made when first asked for and kept in a folder."""

    def __init__(self, commit: str, folder: Path, stack: ExitStack) -> None:
        self._commit, self._folder, self._stack = commit, folder, stack

    @cached_property
    def tree(self) -> Path:
        """The files of the commit."""
        archive = subprocess.run(["git", "archive", self._commit], cwd=ROOT, capture_output=True, check=True).stdout
        tree = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="old-"))).resolve()
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(tree, filter="data")
        return tree

    def sample(self) -> Path:
        """The folder of generated data."""
        return self._once("sample", "sample", lambda part: call(self.tree, "sample", str(part / "data"))) / "data"

    def results(self, case: Case, data: Path) -> Path:
        """A folder with the run directory ``run`` and its forecast ``predicted``."""

        def make(part: Path) -> None:
            run_case(self.tree, case, data, part)
            predict(self.tree, part / "run", data, part)

        return self._once(case.folder, " ".join(case.arguments(data)), make)

    def _once(self, name: str, command: str, make: Callable[[Path], None]) -> Path:
        """Make a folder unless there is one by the same command; it takes its name when it is complete."""
        target = self._folder / self._commit / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _is_made_by(target, command):
            part = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=target.parent))
            try:
                make(part)
                (part / "command").write_text(command)
                if not _is_made_by(target, command):  # another call may have made it meanwhile
                    shutil.rmtree(target, ignore_errors=True)
                    part.rename(target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return target


def _is_made_by(folder: Path, command: str) -> bool:
    file = folder / "command"
    return file.is_file() and file.read_text() == command


# -- all of it


def check_case(kept: Path, case: Case, data: Path) -> Iterator[tuple[str, str | None]]:
    """(what, first difference or None) of this tree against the old side's folder."""
    with tempfile.TemporaryDirectory(prefix="new-") as name:
        folder = Path(name)
        try:
            run_case(ROOT, case, data, folder)
            yield from compare(kept / "run", folder / "run", RUN_FILES)
            predict(ROOT, kept / "run", data, folder)
            compared = compare(kept / "predicted", folder / "predicted", PREDICTED_FILES)
            yield from ((f"predict {file}", found) for file, found in compared)
        except ProgramFailedError as error:
            yield "this tree", str(error)


def check(old: OldSide, cases: Sequence[Case], data: Path | None) -> int:
    """Check and print every case; gives the number of differences."""
    differences = 0
    for case in cases:
        place = old.sample() if case.data is None or data is None else data / case.data
        times = [time.perf_counter()]
        kept = old.results(case, place)
        times.append(time.perf_counter())
        for what, found in check_case(kept, case, place):
            print(f"{case.name:28} {what:24} {'same' if found is None else f'DIFFERENT {found}'}", flush=True)
            differences += found is not None
        times.append(time.perf_counter())
        print(f"{case.name:28} {times[1] - times[0]:.0f} s for the old side, {times[2] - times[1]:.0f} s for this tree")
    return differences


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old_commit", metavar="OLD_COMMIT")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="holds yuebao and afac2025; without it only demo runs"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="store and reuse the old side's directories here")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[case.name for case in CASES])
    options = parser.parse_args(arguments)
    resolve = ["git", "rev-parse", "--verify", "--quiet", f"{options.old_commit}^{{commit}}"]
    options.commit = subprocess.run(resolve, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    if not options.commit:
        parser.error(f"{options.old_commit} is no commit of this repository")
    options.cases = [case for case in CASES if case.name in (options.only or [case.name])]
    options.cases = [case for case in options.cases if options.data or case.data is None]
    if not options.cases:
        parser.error("these cases need --data FOLDER")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kept-")))
        old = OldSide(options.commit, folder.resolve(), stack)
        try:
            differences = check(old, options.cases, options.data and options.data.resolve())
        except ProgramFailedError as error:
            print(f"the old side failed: {error}", file=sys.stderr)
            return 2
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
