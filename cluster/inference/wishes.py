"""What a user says in a word or two about a run, on the command line or from Python."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from typing import Any

from forecasting.errors import ConfigError

__all__ = ["PRESET_NAMES", "Wishes"]

PRESET_NAMES = ("fast", "standard", "best")


@dataclass(frozen=True)
class Wishes:
    """Wishes, None or empty where nothing was said.

    `horizon` periods to forecast; `calendar` a country, an exchange or a central bank; `targets` columns to forecast;
    `preset` the name of a list of members; `unit` a label for the amounts; `save_config` the file to write the
    inferred configuration to; `seed` of all random numbers.
    """

    horizon: int | None = None
    calendar: str | None = None
    targets: tuple[str, ...] = ()
    preset: str | None = None
    unit: str | None = None
    save_config: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("horizon", "seed"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, _whole(name, given))
        if self.preset not in (None, *PRESET_NAMES):
            raise ConfigError(where=f"preset {self.preset!r}", what=f"choose one of {', '.join(PRESET_NAMES)}")
        if self.horizon is not None and self.horizon < 1:
            raise ConfigError(where=f"horizon {self.horizon}", what="give at least one period")
        if len(set(self.targets)) < len(self.targets):
            raise ConfigError(where="--target", what="a column is named twice", remedy="name each once")

    @property
    def keys(self) -> tuple[str, ...]:
        """The wishes that are keys of any configuration, as ``key=value``."""
        said: dict[str, Any] = {"seed": self.seed, "calendar": self.calendar, "data.unit": self.unit}
        said["windows.horizon"] = self.horizon
        given = {"windows.unit": "day"} if self.horizon is not None else {}
        return tuple(f"{key}={json.dumps(value)}" for key, value in (given | said).items() if value is not None)


def _whole(name: str, given: Any) -> int:
    """A whole number of Python, also from one of NumPy; raises ConfigError for anything else."""
    try:
        if isinstance(given, bool):
            raise TypeError
        return int(given) if isinstance(given, float) and given.is_integer() else operator.index(given)
    except TypeError:
        what = "it is no whole number"
        raise ConfigError(where=f"{name} {given!r}", what=what, remedy="give one, such as 14") from None
