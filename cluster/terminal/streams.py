"""stdout and stderr of a program that must end well whoever reads them.

* A reader that left (`| head`) or a terminal that was closed: what is printed from then on is dropped.
* A stream that was closed from the start (`>&-`) swallows what is printed. Its descriptor is occupied, because the next
  file to be opened would get it otherwise, with what libraries print there.
* Characters that the encoding lacks are replaced: those that tables and pictures are made of by plain ones, others by
  their code.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from forecasting.errors import StorageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["has_reader", "open_streams"]

PLAIN = {
    **dict.fromkeys(range(0x2500, 0x2580), "-"),
    **dict.fromkeys(map(ord, "│┃║"), "|"),
    **{ord(bar): str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", start=1)},
    **{ord(sign): plain for sign, plain in {"…": "...", "→": "->", "±": "+-", "–": "-", "·": ".", "×": "x"}.items()},
}
"""What stands for the characters of our tables and pictures where the encoding lacks them."""


class _Outlet(io.RawIOBase):
    """The bytes of a stream. `is_open`: somebody may still read them."""

    def __init__(self, raw: io.RawIOBase, *, must_arrive: bool) -> None:
        self.is_open = True
        self._raw = raw
        self._must_arrive = must_arrive
        self._harmless = {errno.EPIPE, errno.EIO} if raw.isatty() else {errno.EPIPE}

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: ReadableBuffer) -> int | None:
        """Write, or drop what nobody reads.

        Raises
        ------
        StorageError
            When results cannot be written, such as to a full disk.
        """
        size = memoryview(data).nbytes
        if not self.is_open:
            return size
        try:
            return self._raw.write(data)
        except OSError as error:
            self.is_open = False
            if not self._must_arrive or error.errno in self._harmless:
                return size
            what = f"cannot be written: {error.strerror or error}"
            remedy = "free some space there, or send the output elsewhere"
            raise StorageError(where="standard output", what=what, remedy=remedy) from None


class _Stream(io.TextIOWrapper):
    """Text over an `_Outlet`."""

    def __init__(self, outlet: _Outlet, like: TextIO | None) -> None:
        self.outlet = outlet
        lines = bool(getattr(like, "line_buffering", False))
        at_once = bool(getattr(like, "write_through", False))
        encoding = getattr(like, "encoding", None) or "utf-8"
        super().__init__(io.BufferedWriter(outlet), encoding, "tidecast", line_buffering=lines, write_through=at_once)


def open_streams() -> None:
    """Replace stdout and stderr, unless somebody else did so before; see above."""
    codecs.register_error("tidecast", _plain)
    _occupy()
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is sys.__stdout__:
        sys.stdout = _made(sys.stdout, must_arrive=True)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _made(sys.stderr, must_arrive=False)


def has_reader(stream: TextIO) -> bool:
    """Whether somebody may still read what is printed."""
    return not isinstance(stream, _Stream) or stream.outlet.is_open


def _made(stream: TextIO | None, *, must_arrive: bool) -> TextIO:
    if stream is None:
        nowhere = io.FileIO(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
        return _Stream(_Outlet(nowhere, must_arrive=must_arrive), None)
    stream.flush()
    raw: io.RawIOBase = getattr(stream.buffer, "raw", stream.buffer)  # type: ignore[arg-type]  # `python -u` has no buffer
    return _Stream(_Outlet(raw, must_arrive=must_arrive), stream)


def _occupy() -> None:
    """Open every standard descriptor that is closed: a new file gets the lowest free one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replacement for the characters that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return lacking.translate(PLAIN).encode("ascii", "backslashreplace").decode(), error.end
