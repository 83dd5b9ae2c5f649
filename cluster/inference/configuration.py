"""From a table and the user's wishes to the keys of a configuration.

What the user said with `--set` stands; the rest is inferred, and each decision has a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from cluster.config import RunConfig, explain
from cluster.inference.columns import Columns, columns_of, look_at
from cluster.inference.presets import DEFAULT_PRESET, preset_keys
from cluster.inference.wishes import Wishes
from cluster.keys import AsOf, asked_day, set_key
from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError
from forecasting.panel import Panel
from forecasting.schema import iso

__all__ = ["Inferred", "infer"]

HORIZON = {"D": 14, "B": 10, "W": 4}
"""Periods forecast unless the user says more."""
N_WINDOWS = 4
HISTORY_DAYS = 56
"""Days that the history before the first window should be worth, where the data allow it."""
SHORT_FAILED_SHARE = 0.6
"""Share of members that may need a longer history than there is."""
ZERO_HEAVY = 0.1
"""Share of days without a flow from which on relative errors say little."""
TIMES = {"fast": "seconds", "standard": "up to two minutes", "best": "up to ten minutes"}
"""What two series of two years take on two cores."""


@dataclass
class Inferred:
    """The keys of a configuration, sentences about them, and for sections and keys of `data` why they are so."""

    keys: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)
    about: str = ""
    """What the data are, in a few words."""

    def say(self, key: str, value: Any, note: str) -> None:
        """Take a value for a key that nobody gave, and say why."""
        self.keys[key] = value
        self.notes.append(f"{key}: {note}")
        self.comments[key] = note


def infer(path: str, name: str, wishes: Wishes, overrides: Sequence[str], as_of: AsOf) -> Inferred:
    """A configuration for the table at `path`.

    Parameters
    ----------
    name
        What the user calls the table.
    overrides
        Keys that the user gave, as ``key=value``.
    as_of
        Look at the data up to this day only.

    Raises
    ------
    DataError, ConfigError
        When the table cannot be read, or one of its columns could be meant in more than one way.
    """
    overrides = (*wishes.keys, *overrides)
    given = _given(overrides)
    _check(given)
    data = _section(given, "data")
    if as_of is not None:
        data["as_of"] = asked_day(as_of)
    columns = columns_of(look_at(path, data), data, wishes.targets)
    found = Inferred({"data": {**columns.data, **data}}, [f"no configuration: it is inferred from {name}"])
    found.notes += columns.notes
    found.comments |= columns.comments
    found.keys |= {key: value for key, value in given.items() if key != "data"}
    panel = _panel(found, path, as_of=data.get("as_of"))
    _windows(found, panel, given)
    _score(found, panel, columns, given)
    _members(found, columns, wishes, given)
    for override in overrides:
        set_key(found.keys, override)
    return found


def _given(overrides: Sequence[str]) -> dict[str, Any]:
    """The keys that the user gave; those inside a list of members come later."""
    given: dict[str, Any] = {}
    for override in overrides:
        if not override.strip().startswith("members."):
            set_key(given, override)
    return given


def _check(given: Mapping[str, Any]) -> None:
    """Refuse a value that its key cannot have, before anything is inferred from it; raises ConfigError.

    How keys agree is seen later, when all are known.
    """
    for name, section in given.items():
        keys = [{key: value} for key, value in section.items()] if isinstance(section, dict) else [section]
        for value in keys:
            try:
                RunConfig.model_validate({"members": [{"model": "seasonal-naive"}], name: value})
            except ValidationError as error:
                if error.errors()[0]["loc"] != (name,) or name in ("calendar", "seed"):
                    raise ConfigError(explain(error, RunConfig)) from None


def _section(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = given.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigError(
            where=f"--set {name}", what="is a section of keys", remedy=f"set one of them, as {name}.KEY=…"
        )
    return dict(section)


def _panel(found: Inferred, path: str, as_of: object) -> Panel:
    """The series as a run reads them, amounts of any sign allowed."""
    try:
        spec = DataSpec(**found.keys["data"])
    except ValidationError as error:
        raise ConfigError(explain(error, DataSpec, "data")) from None
    panel = open_data(spec, path, found.keys.get("calendar"), signed=True).panel
    found.about = f"{len(panel.ds)} {panel.axis.noun}, {iso(panel.ds[0])} to {iso(panel.end)}"
    found.about += f", cut on {as_of}" if as_of is not None else ""
    return panel


def _windows(found: Inferred, panel: Panel, given: Mapping[str, Any]) -> None:
    said = _section(given, "windows")
    if said.get("unit") == "month" or said.get("split") is not None:
        return
    axis, n = panel.axis, len(panel.ds)
    horizon = said.get("horizon") or HORIZON[axis.freq]
    whole = isinstance(horizon, int) and horizon > 0
    fitting = min(N_WINDOWS, max(1, (n - axis.worth(HISTORY_DAYS)) // horizon)) if whole else N_WINDOWS
    keys = {"unit": "day", "n_windows": fitting, "horizon": horizon, **said}
    note = f"judged on {keys['n_windows']} x {horizon} {axis.noun} at the end of the data"
    if fitting < N_WINDOWS and "n_windows" not in said:
        note += f"; {n} {axis.noun} are too few for the usual {N_WINDOWS}"
    found.say("windows", keys, note)
    first = n - keys["n_windows"] * horizon if whole else n
    if first < max(axis.worth(HISTORY_DAYS), axis.season_length) and "max_failed_share" not in _section(given, "run"):
        share = {"max_failed_share": SHORT_FAILED_SHARE, **_section(given, "run")}
        found.say("run", share, f"the history is short: models that need more than {first} {axis.noun} are left out")


def _score(found: Inferred, panel: Panel, columns: Columns, given: Mapping[str, Any]) -> None:
    if _section(given, "score").get("surrogate") is not None:
        return
    known = panel.y[~np.isnan(panel.y)]
    zero = float((known == 0).mean())
    why = ""
    if (known < 0).any():
        why = "some amounts are negative"
    elif zero >= ZERO_HEAVY:
        why = f"{zero:.0%} of the amounts are zero"
    elif columns.data["kind"] == "panel":
        why = "series of a panel count by their size"
    if why:
        found.say(
            "score", {"surrogate": "wape"}, f"wape, the sum of errors divided by the sum of amounts, because {why}"
        )
    else:
        one = panel.axis.noun.removesuffix("s")
        found.say("score", {"surrogate": "linear"}, f"points a {one}, 10 without an error and 0 from 30% on")


def _members(found: Inferred, columns: Columns, wishes: Wishes, given: Mapping[str, Any]) -> None:
    if "members" in given and wishes.preset is None:
        return
    name = wishes.preset or DEFAULT_PRESET
    keys = preset_keys(name, panel=columns.data["kind"] == "panel")
    found.keys["blend"] = {**keys.get("blend", {}), **_section(given, "blend")}
    found.keys["members"] = keys["members"]
    others = ", ".join(f"--preset {other} takes {time}" for other, time in TIMES.items() if other != name)
    found.notes.append(f"members: preset {name}; {others}")
    found.comments["members"] = f"preset {name}"
