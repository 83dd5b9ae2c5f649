"""Records when the batches of a run came back; ``python -m tests.bench.recording FILE run CONFIG --data PATH …``.

FILE is JSON for `tests/cluster/execution/test_remaining.py`: the lanes of the batches as the run's session gave them,
and what came back, both as `cluster.execution.remaining` knows them. The rest is a command line of `tidecast`.

With `--executor local` it is for machines that others use, too: every batch's CPU time is measured, and its end is
worked out as if two idle cores had shared the batches on a Ray of their own, tasks before batches of LSTM workers.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from cluster.cli import app
from cluster.execution import progress, worker
from cluster.execution.remaining import Finished, Lane

__all__ = ["main"]

PLACES, FIRST, START = 2, 1.5, 3.0
"""Cores, and seconds that the first tasks and a worker of a Ray on them take to start."""


def main(file: str, *command: str) -> None:
    """Run the command, and write FILE when its training ends."""
    really_exit = progress.RunProgress.__exit__
    is_local = "local" in command

    def write(self, *ended):
        lanes, finished = (_shared if is_local else _as_it_was)(self._lanes, self._finished)
        names = {piece.name: f"b{n}" for n, piece in enumerate(piece for lane in lanes for piece in lane.pieces)}
        stored = {"lanes": [asdict(lane) for lane in lanes], "finished": [asdict(done) for done in finished]}
        for named in (*(piece for lane in stored["lanes"] for piece in lane["pieces"]), *stored["finished"]):
            named["name"] = names[named["name"]]
            named |= {key: round(value, 3) for key, value in named.items() if isinstance(value, float)}
        Path(file).write_text(json.dumps(stored).replace("}, {", "},\n{") + "\n")
        really_exit(self, *ended)

    progress.RunProgress.__exit__ = write
    if is_local:
        worker.time = type("CpuTime", (), {"perf_counter": staticmethod(time.process_time)})
    app(command, standalone_mode=False)


def _as_it_was(lanes, finished):
    return lanes, finished


def _shared(lanes, finished):
    """The batches of one process, as two idle cores would share them."""
    pieces = [replace(p, started=p.model.startswith("lstm")) for lane in lanes for p in lane.pieces]
    lane = Lane(tuple(sorted(pieces, key=lambda piece: piece.started)), PLACES)
    took = {done.name: done.seconds for done in finished}
    free, is_worker, back = [FIRST] * PLACES, [False] * PLACES, []
    for piece in lane.pieces:
        place = free.index(min(free))
        free[place] += took[piece.name] + (START if piece.started and not is_worker[place] else 0.0)
        is_worker[place] = piece.started
        back.append(Finished(piece.name, free[place], took[piece.name]))
    return [lane], sorted(back, key=lambda done: done.at)


if __name__ == "__main__":
    main(*sys.argv[1:])
