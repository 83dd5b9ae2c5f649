"""Records when the batches of a run came back; ``python -m tests.bench.recording FILE run CONFIG --data PATH …``.

FILE is JSON for `tests/cluster/execution/test_remaining.py`: the lanes of the batches as the run's session gave them,
and what came back, both as `cluster.execution.remaining` knows them. The rest is a command line of `tidecast`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from cluster.cli import app
from cluster.execution import progress

__all__ = ["main"]


def main(file: str, *command: str) -> None:
    """Run the command, and write FILE when its training ends."""
    really_exit = progress.RunProgress.__exit__

    def write(self, *ended):
        lanes = [asdict(lane) for lane in self._lanes]
        names = {piece["name"]: f"b{n}" for n, piece in enumerate(piece for lane in lanes for piece in lane["pieces"])}
        finished = [asdict(done) for done in self._finished]
        for named in (*(piece for lane in lanes for piece in lane["pieces"]), *finished):
            named["name"] = names[named["name"]]
            named |= {key: round(value, 3) for key, value in named.items() if isinstance(value, float)}
        Path(file).write_text(json.dumps({"lanes": lanes, "finished": finished}).replace("}, {", "},\n{") + "\n")
        really_exit(self, *ended)

    progress.RunProgress.__exit__ = write
    app(command, standalone_mode=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
