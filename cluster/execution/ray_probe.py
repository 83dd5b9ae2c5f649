"""Tries to join a Ray cluster, in a process of its own: ``python -P ray_probe.py ADDRESS``; exit code 0 when it can.

Where Ray cannot join it may wait for many minutes, or end the process that asks. Neither may happen to a run. This
file is run as a script, so it imports nothing of the program.
"""

from __future__ import annotations

import logging
import socket
import sys

__all__ = ["main"]

CONNECT_SECONDS = 5
"""A host that is there answers well within this."""


def main(address: str) -> None:
    """Join the cluster and leave it again; what stands in the way is printed, and the exit code is 1 then."""
    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        import ray

        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        ray.shutdown()
    except Exception as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        print(" ".join(said.split()) or type(error).__name__)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(sys.argv[1])
