"""Stored files with damages: is every one noticed?

    python -m tests.bench.flips                      # 2,000 flipped bits, and each file damaged in other ways
    python -m tests.bench.flips --flips 100 --seed 7

Makes a small run with predictions, then damages one file at a time: a random bit is flipped, or the file is cut off,
zeroed, exchanged with another one of its kind, or edited by hand. Every command that reads the file must then repeat
the output of the undamaged run or end with exit code 2 and a sentence, and `verify` must name the file. A flipped bit
of every tenth batch is also met by `run`, which must name the batch and write the same submission.

Prints a JSON object with counts by kind of file and damage. Exits with 1 when a damage passed in silence or ended in a
traceback, and says where.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.runs import Done, run, tidecast, write_inputs

CONFIG = """
seed: 3
data: {kind: table}
windows: {unit: day, n_windows: 3, horizon: 14}
members:
  - {model: seasonal-naive}
  - {model: calendar-level, level: recent}
  - {model: lightgbm-direct, rounds: 5, seeds: 2}
  - {model: lstm-direct, input_size: 7, hidden_size: 4, epochs: 2, seeds: 4}
"""
RUN = "run"
PREDICT = ("predict", RUN, "--data", "data.csv", "--out", "out")
BOARD, EVALUATE, MONITOR = ("leaderboard", RUN, "--json"), ("evaluate", RUN, "--json"), ("monitor", RUN, "--json")
STATUS, REPORT, VERIFY = ("status", RUN, "--json"), ("report", RUN), ("verify", RUN)
READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "run.json": (STATUS, BOARD, EVALUATE, PREDICT, REPORT),
    "digests.json": (BOARD, EVALUATE, MONITOR, PREDICT, REPORT),
    "blend.json": (PREDICT, MONITOR, REPORT),
    "leaderboard.json": (BOARD, EVALUATE, MONITOR, REPORT),
    "oof.parquet": (EVALUATE, MONITOR, REPORT),
    "forecast.parquet": (PREDICT, MONITOR, REPORT),
    "history.parquet": (PREDICT, MONITOR, REPORT),
    "batches/*.parquet": (STATUS, PREDICT, REPORT),
    "batches/*.safetensors": (PREDICT, REPORT),
}
"""By kind of file the commands that read it; other files are read by `verify` alone."""
RUN_EVERY = 10


@dataclass
class Bench:
    """A run in `folder`, and what its commands say of it undamaged."""

    folder: Path
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_inputs(self.folder)
        (self.folder / "config.yaml").write_text(CONFIG)
        for command in (
            ("run", "config.yaml", "--data", "data.csv", "--run-dir", RUN, "--executor", "local"),
            PREDICT[:4],
        ):
            assert tidecast(self.folder, *command).returncode == 0
        self.said = {command: self._outcome(command) for readers in READERS.values() for command in readers}
        self.files = sorted(p.relative_to(self.folder / RUN) for p in (self.folder / RUN).rglob("*") if p.is_file())
        self.whole = {file: (self.folder / RUN / file).read_bytes() for file in self.files}
        self.batches_met = 0

    def _outcome(self, command: tuple[str, ...]) -> tuple[int, str, bytes]:
        """Exit code, what was printed, and the submission of a prediction."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        done = tidecast(self.folder, *command)
        made = out / "submission.csv"
        return done.returncode, done.stdout, made.read_bytes() if made.exists() else b""

    def meet(self, damage: str, file: Path, data: bytes) -> None:
        """Let every reader of a file meet it with other bytes."""
        kind = f"batches/*{file.suffix}" if file.parts[0] == "batches" else file.as_posix()
        self.counts[f"{damage} {kind if kind in READERS else 'read by verify alone'}"] += 1
        path = self.folder / RUN / file
        path.write_bytes(data)
        try:
            self._meet(f"{damage} {file}", kind, file)
        finally:
            self._restore()

    def _meet(self, what: str, kind: str, file: Path) -> None:
        for command in READERS.get(kind, ()):
            self._judge(f"{what}: {command[0]}", lambda c=command: self._unchanged(c))
            (self.folder / RUN / file).exists() or self.faults.append(f"{what}: {command[0]} deleted it")
        self._judge(f"{what}: verify", lambda: self._named(file))
        if file.parts[0] == "batches":
            self.batches_met += 1
            if self.batches_met % RUN_EVERY == 1:
                self._judge(f"{what}: run", lambda: self._trained_again(file))

    def _judge(self, what: str, check: Callable[[], str | None]) -> None:
        try:
            fault = check()
        except Exception as error:  # what a user would see as a traceback
            fault = f"{type(error).__name__}: {error}"
        if fault is not None:
            self.faults.append(f"{what}: {fault}")

    def _unchanged(self, command: tuple[str, ...]) -> str | None:
        found = self._outcome(command)
        if found[0] == 2 or found == self.said[command]:
            return None
        return f"exit code {found[0]} and another result"

    def _named(self, file: Path) -> str | None:
        done = tidecast(self.folder, *VERIFY)
        return None if done.returncode == 2 and file.name in done.stdout else f"exit code {done.returncode}, not named"

    def _trained_again(self, file: Path) -> str | None:
        done: Done = run(self.folder, RUN)
        same = (self.folder / RUN / "submission.csv").read_bytes() == self.whole[Path("submission.csv")]
        named = file.name in done.stderr
        return None if done.returncode == 0 and same and named else f"exit code {done.returncode}, {same=}, {named=}"

    def _restore(self) -> None:
        for path in (self.folder / RUN).rglob("*"):
            if path.is_file() and path.relative_to(self.folder / RUN) not in self.whole:
                path.unlink()
        for file, data in self.whole.items():
            path = self.folder / RUN / file
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)

    def flips(self, n: int) -> None:
        """Random bits, files in turn, so that small files are met as often as large ones."""
        for i in range(n):
            file = self.files[i % len(self.files)]
            data = bytearray(self.whole[file])
            place = self.random.randrange(len(data))
            data[place] ^= 1 << self.random.randrange(8)
            self.meet("flip", file, bytes(data))

    def others(self, most: int | None) -> None:
        """Each file damaged in each other way; `most` files by chance, None: all of them."""
        chosen = self.files if most is None else self.random.sample(self.files, min(most, len(self.files)))
        for file in chosen:
            for damage, data in self._damaged(file):
                if data != self.whole[file]:
                    self.meet(damage, file, data)

    def _damaged(self, file: Path) -> Iterator[tuple[str, bytes]]:
        data = self.whole[file]
        yield "cut off", data[: len(data) // 2]
        yield "emptied", b""
        yield "zeroed", bytes(len(data))
        middle = len(data) // 2
        yield "zeroed inside", data[:middle] + bytes(min(16, len(data) - middle)) + data[middle + 16 :]
        like = [other for other in self.files if other.suffix == file.suffix and other != file]
        if like:
            yield "exchanged", self.whole[self.random.choice(like)]
        digits = [place for place, byte in enumerate(data) if byte in b"0123456789"]
        if file.suffix in (".json", ".csv", ".jsonl", ".html") and digits:
            place = self.random.choice(digits)
            yield "edited", data[:place] + (b"1" if data[place : place + 1] != b"1" else b"2") + data[place + 1 :]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=2000, help="random bits to flip")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=None, help="files to damage in other ways; default: all")
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tidecast-flips-") as folder:
        bench = Bench(Path(folder), random.Random(asked.seed))
        bench.flips(asked.flips)
        bench.others(asked.files)
    for fault in bench.faults:
        print(fault, file=sys.stderr)
    seconds = round(time.perf_counter() - started, 1)
    facts = {"damages": sum(bench.counts.values()), "faults": len(bench.faults), "seconds": seconds}
    print(json.dumps(facts | {"by_kind": dict(sorted(bench.counts.items()))}, indent=1))
    return 1 if bench.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
