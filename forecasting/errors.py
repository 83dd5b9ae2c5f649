"""The errors this program raises on purpose, as a tree.

TidecastError
├── UserError            exit code 2: one sentence that names the place and the remedy
│   ├── ConfigError      a key or value of the configuration
│   ├── DataError        a file, row, column or date of the input
│   └── StorageError     the run directory cannot be used
├── TrialError           one member failed on one series; becomes a row with a reason
└── TooManyFailures      exit code 3: more members failed than the configuration tolerates

SeriesLeftOut, a warning: a series of a panel cannot be used, and the others are forecast without it.

Every error can carry its place, its cause and its remedy as fields. Code that needs one of them reads the field; it
never takes the sentence apart. No error shows the secrets of a URI, whatever its sentence quotes.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "SeriesLeftOut",
    "StorageError",
    "TidecastError",
    "TooManyFailures",
    "TrialError",
    "UserError",
]


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


class UserError(TidecastError):
    """The user can correct this: the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """The configuration is wrong: unknown key, value out of range, impossible combination."""


class DataError(UserError):
    """The input data is wrong or missing."""


class StorageError(UserError):
    """The run directory cannot be read or written, or belongs to other data."""


class TrialError(TidecastError):
    """A member cannot be fitted or cannot forecast on one series; final for its trial key."""


class TooManyFailures(TidecastError):
    """More members failed than `run.max_failed_share` tolerates."""


class SeriesLeftOut(UserWarning):
    """A series of a panel was left out: the warning names it and says why."""
