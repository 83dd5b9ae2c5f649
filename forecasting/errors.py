"""The errors this program raises on purpose, as a tree.

TidecastError
├── UserError            exit code 2: one sentence that names the place and the remedy
│   ├── ConfigError      a key or value of the configuration
│   ├── DataError        a file, row, column or date of the input
│   └── StorageError     the run directory cannot be used
│       └── DamagedFile  a file in it is not as it was written
├── TrialError           one member failed on one series; becomes a row with a reason
└── TooManyFailures      exit code 3: more members failed than the configuration tolerates

SeriesLeftOut, a warning: a series of a panel cannot be used, and the others are forecast without it.

The text of an error is one line without control characters, whatever names it quotes. Every error can carry its
place, its cause and its remedy as fields. Code that needs one of them reads the field; it never takes the sentence
apart. No error shows the secrets of a URI.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = [
    "ConfigError",
    "DamagedFile",
    "DataError",
    "SeriesLeftOut",
    "StorageError",
    "TidecastError",
    "TooManyFailures",
    "TrialError",
    "UserError",
    "visible",
    "visible_lines",
]

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters that a terminal acts on or shows as nothing: controls, ends of lines, marks of the direction of writing,
what has no width. Variation selectors are left out: they belong to emoji.
"""


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def visible(text: str, escaped: Callable[[str], str] = _escaped) -> str:
    r"""Text from data or a configuration as one line that can be shown: ``\x1b`` stands for an escape character.

    What it gives is safe to be given to it again.
    """
    return _HIDDEN.sub(lambda found: escaped(found.group()), text)


def visible_lines(text: str) -> str:
    """Text of several lines, each `visible`."""
    return "\n".join(map(visible, text.split("\n")))


class TidecastError(Exception):
    """Base of every error raised on purpose.

    Parameters
    ----------
    message
        The whole sentence, where the parts are not told apart. It then stands in `what`.
    where
        The place: a file, ``file:row``, a configuration key or a folder.
    what
        What is wrong there.
    remedy
        What to do about it.

    The text of the error is ``where: what: remedy`` without the parts left out.
    """

    def __init__(self, message: str = "", *, where: str = "", what: str = "", remedy: str = "") -> None:
        from forecasting.places.uri import scrubbed

        super().__init__(scrubbed(message or ": ".join(part for part in (where, what, remedy) if part)))
        self.where = scrubbed(where)
        self.what = scrubbed(what or message)
        self.remedy = scrubbed(remedy)

    def __str__(self) -> str:
        return visible(super().__str__())


class UserError(TidecastError):
    """The user can correct this: the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """The configuration is wrong: unknown key, value out of range, impossible combination."""


class DataError(UserError):
    """The input data is wrong or missing."""


class StorageError(UserError):
    """The run directory cannot be read or written, or belongs to other data."""


class DamagedFile(StorageError):
    """A stored file is not as this program wrote it.

    Parameters
    ----------
    file
        The file with its folder.
    reason
        How that shows.
    remedy
        What to do about it.
    """

    def __init__(
        self, file: str, reason: str, remedy: str = "run the same command again, which writes it anew"
    ) -> None:
        super().__init__(f"{file} is damaged ({reason}): {remedy}", where=file, what=reason, remedy=remedy)


class TrialError(TidecastError):
    """A member cannot be fitted or cannot forecast on one series; final for its trial key."""


class TooManyFailures(TidecastError):
    """More members failed than `run.max_failed_share` tolerates."""


class SeriesLeftOut(UserWarning):
    """A series of a panel was left out: the warning names it and says why."""

    def __str__(self) -> str:
        return visible(super().__str__())
