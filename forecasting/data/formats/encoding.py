"""The bytes of a text file as UTF-8, whatever they were written in."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Any

from forecasting.errors import DataError

__all__ = ["TextBytes", "encoding_of", "read_full"]

_SNIFF = 1 << 20
_BLOCK = 1 << 22
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "an archive or a workbook", "give it its suffix (.zip, .xlsx or .ods)"),
    (b"\x1f\x8b", "compressed", "give it the suffix .gz"),
    (b"PAR1", "a Parquet file", "give it the suffix .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls) or encrypted", "save it as .xlsx without a password"),
    (b"%PDF", "a PDF", "export it as CSV or .xlsx"),
)
_HIGH = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_SIGNS = re.compile(rb"[\x80\xa0\xa3\xa5\xa7\xa9\xb0\x91-\x97]+")
"""Bytes of cp1252 that stand for signs: a run of them is no Chinese."""
_MOSTLY = 3
"""So many times more sound than broken characters make a text a broken UTF-8."""


def encoding_of(name: str, blocks: Callable[[], Iterable[bytes]]) -> tuple[str, bool]:
    """What file `name` is written in, from all its bytes, and whether that is a guess.

    `blocks` gives them from the start, as often as it is called.

    Raises
    ------
    DataError
        When these are no text.
    """
    first = next(iter(blocks()), b"")
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding, False
    row = _first_bad_row(blocks())
    if row is None:
        return "utf-8", False
    return _guess(name, blocks, row), True


def _refuse_other_kinds(name: str, head: bytes) -> None:
    for start, what, remedy in _NO_TEXT:
        if head.startswith(start):
            raise DataError(where=name, what=f"it is {what}", remedy=remedy)
    if head.count(0) > len(head) / _MOSTLY and not any(head.startswith(mark) for mark, _ in _MARKS):
        what = "it holds NUL characters, as UTF-16 without its mark does"
        raise DataError(where=name, what=what, remedy="save it as UTF-8")


def _first_bad_row(blocks: Iterable[bytes]) -> int | None:
    """The row of the first byte that is no UTF-8."""
    decoder, row = codecs.getincrementaldecoder("utf-8")(), 1
    for block in blocks:
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            return row + error.object[: error.start].count(b"\n")
        row += block.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return row
    return None


def _guess(name: str, blocks: Callable[[], Iterable[bytes]], row: int) -> str:
    """Chinese or Western, where it is not UTF-8 from `row` on."""
    chinese, western, n_runs, sound, broken, control, odd = codecs.getincrementaldecoder("gb18030")(), 0, 0, 0, 0, 0, 0
    can_chinese = True
    for block in blocks():
        try:
            chinese.decode(block)
        except UnicodeDecodeError:
            can_chinese = False
        text = block.decode("utf-8", "replace")
        bad = text.count("\ufffd")
        broken, sound = broken + bad, sound + sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - bad
        control, odd = control + bool(_CONTROL.search(block)), odd + bool(_NOT_CP1252.search(block))
        for run in _HIGH.finditer(block):
            n_runs, western = n_runs + 1, western + _is_western(block, run)
    if control:
        raise DataError(where=name, what="it is no text", remedy="save it as CSV in UTF-8")
    if sound >= _MOSTLY * broken:
        raise DataError(
            where=f"{name}:{row}", what="the row is not in UTF-8, and others are", remedy="save it as UTF-8"
        )
    if can_chinese and 2 * western < n_runs:
        return "gb18030"
    return "latin-1" if odd else "cp1252"


def _is_western(block: bytes, run: re.Match[bytes]) -> bool:
    """Whether bytes above ASCII look like letters with accents in a word, or like signs."""
    if len(run[0]) % 2 or _SIGNS.fullmatch(run[0]):
        return True
    before, after = block[run.start() - 1 : run.start()], block[run.end() : run.end() + 1]
    return before.isalpha() and (after.isalpha() or len(run[0]) == len("ae"))


def read_full(raw: IO[bytes], n: int) -> bytes:
    """`n` bytes; fewer at the end alone."""
    pieces, left = [], n
    while left and (piece := raw.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class TextBytes:
    """A file's text from the start as UTF-8 bytes, after its head was looked at.

    `head` is the text of the first bytes, `whole` whether these are all. `digest` is told of every byte of the file as
    it was written.

    Parameters
    ----------
    name
        What messages call the file.
    raw
        Its bytes.
    reopen
        Opens it once more, where its head does not tell how it is written.
    """

    def __init__(
        self, name: str, raw: IO[bytes], reopen: Callable[[], AbstractContextManager[IO[bytes]]], digest: Any = None
    ) -> None:
        self._name, self._raw, self._reopen, self._digest = name, raw, reopen, digest
        self._ahead = read_full(raw, _SNIFF)
        self.whole = len(self._ahead) < _SNIFF
        self.encoding, self.guessed, self._sure = "utf-8", False, self.whole
        self._decoder: codecs.IncrementalDecoder | None = None
        _refuse_other_kinds(name, self._ahead)
        if not self._ahead.isascii():
            self._decide()
        self.head = codecs.getincrementaldecoder(self.encoding)().decode(self._ahead).removeprefix("\ufeff")
        self._written, self._text = self._ahead, b""
        del self._ahead

    def read(self, n: int) -> bytes:
        """The next `n` bytes of text; fewer at the end alone."""
        while self._decoder is not None and len(self._text) < n:
            block = self._next(n)
            self._text += self._decoder.decode(block, not block).encode()
            if not block:
                break
        if self._decoder is not None:
            found, self._text = self._text[:n], self._text[n:]
            return found
        block = self._next(n)
        if self._sure or block.isascii():
            return block
        self._decide()
        if self._decoder is None:
            return block
        self._text = self._decoder.decode(block).encode()  # all before was ASCII
        return self.read(n)

    def _next(self, n: int) -> bytes:
        """Bytes as they were written."""
        block, self._written = self._written[:n], self._written[n:]
        if len(block) < n:
            block += read_full(self._raw, n - len(block))
        if self._digest is not None:
            self._digest.update(block)
        return block

    def _decide(self) -> None:
        self.encoding, self.guessed = encoding_of(self._name, self._blocks)
        self._sure = True
        if self.encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(self.encoding)()

    def _blocks(self) -> Iterator[bytes]:
        if self.whole:
            yield self._ahead
            return
        with self._reopen() as raw:
            while block := read_full(raw, _BLOCK):
                yield block
