"""Windows, score and members that go with a table, and the file that says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cluster.config import bundled_presets, parse_config
from cluster.inference.configuration import Inferred, infer
from cluster.inference.presets import preset_keys
from cluster.inference.saved import as_text, save
from cluster.inference.which import is_data, stem_of
from cluster.inference.wishes import PRESET_NAMES, Wishes
from forecasting.errors import ConfigError, StorageError, UserError


def inferred(
    folder: Path,
    n: int = 200,
    freq: str = "D",
    overrides: tuple[str, ...] = (),
    as_of: str | None = None,
    **wishes: Any,
) -> Inferred:
    y = np.random.default_rng(3).uniform(90, 110, n).round(2)
    frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=n, freq=freq), "flow": y})
    if "edit" in wishes:
        wishes.pop("edit")(frame)
    frame.to_csv(folder / "t.csv", index=False)
    return infer(str(folder / "t.csv"), "t.csv", Wishes(**wishes), overrides, as_of)


@pytest.mark.parametrize(("freq", "n", "horizon"), [("D", 200, 14), ("B", 200, 10), ("W", 120, 4)])
def test_the_horizon_is_that_of_the_periods(tmp_path: Path, freq: str, n: int, horizon: int) -> None:
    found = inferred(tmp_path, n, freq)
    assert found.keys["windows"] == {"unit": "day", "n_windows": 4, "horizon": horizon}
    assert "run" not in found.keys


def test_fewer_windows_are_said(tmp_path: Path) -> None:
    found = inferred(tmp_path, 80)
    assert found.keys["windows"]["n_windows"] == 1
    assert any("80 days are too few for the usual 4" in note for note in found.notes)
    short = inferred(tmp_path, 45)
    assert short.keys["run"]["max_failed_share"] > 0.5
    assert any("models that need more than 31 days are left out" in note for note in short.notes)


def test_what_was_said_stands(tmp_path: Path) -> None:
    said = ("windows.n_windows=2", "score.surrogate=convex", "blend.tie=0", "members.0.name=mine", "data.missing=skip")
    found = inferred(tmp_path, overrides=said, horizon=7, calendar="DE", unit="EUR")
    config = parse_config(found.keys, "t.csv")
    assert (config.windows.n_windows, config.windows.horizon, config.score.surrogate) == (2, 7, "convex")
    assert (config.calendar, config.data.unit, config.data.missing, config.blend.tie) == ("DE", "EUR", "skip", 0)
    assert config.members[0].name == "mine"
    assert not any(note.startswith("score") for note in found.notes)
    with pytest.raises(ConfigError, match=r"data.frq: unknown key; did you mean freq"):
        inferred(tmp_path, overrides=("data.frq=D",))
    with pytest.raises(ConfigError, match="is a section of keys"):
        inferred(tmp_path, overrides=("data=3",))


def negative(frame: pd.DataFrame) -> None:
    frame.loc[3, "flow"] = -1.0


def zeros(frame: pd.DataFrame) -> None:
    frame.loc[::7, "flow"] = 0.0


@pytest.mark.parametrize(
    ("edit", "score", "why"), [(negative, "wape", "negative"), (zeros, "wape", "are zero"), (len, "linear", "points")]
)
def test_the_score_goes_with_the_amounts(tmp_path: Path, edit: Any, score: str, why: str) -> None:
    found = inferred(tmp_path, 203, edit=edit)
    assert found.keys["score"] == {"surrogate": score}
    assert why in next(note for note in found.notes if note.startswith("score"))


def test_rows_after_as_of_are_not_looked_at(tmp_path: Path) -> None:
    def later(frame: pd.DataFrame) -> None:
        frame.loc[150:, "flow"] = -1.0

    found = inferred(tmp_path, edit=later, as_of="2024-05-01")
    assert found.keys["score"] == {"surrogate": "linear"}
    assert found.keys["data"]["as_of"] == dt.date(2024, 5, 1)
    assert "as_of: '2024-05-01'" in as_text(found, "my.yaml", "t.csv")
    with pytest.raises(ConfigError, match="--as-of soon: not a date"):
        inferred(tmp_path, as_of="soon")


def test_the_file_says_the_same(tmp_path: Path) -> None:
    found = inferred(tmp_path)
    path = str(tmp_path / "my.yaml")
    save(found, path, "t.csv")
    text = Path(path).read_text()
    assert parse_config(yaml.safe_load(text), "saved") == parse_config(found.keys, "t.csv")
    assert "# date: the column whose cells are all days" in text
    save(found, path, "t.csv")
    Path(path).write_text("mine: 1\n")
    with pytest.raises(StorageError, match="there is a file already"):
        save(found, path, "t.csv")
    with pytest.raises(StorageError, match="cannot be written"):
        save(found, str(tmp_path / "none" / "my.yaml"), "t.csv")


@pytest.mark.parametrize("name", PRESET_NAMES)
@pytest.mark.parametrize("panel", [False, True])
def test_a_preset_is_members_and_a_blend(name: str, panel: bool) -> None:
    keys = preset_keys(name, panel=panel)
    assert set(keys) == {"members", "blend"}
    parse_config(keys, name)


def test_presets_are_six() -> None:
    assert sorted(bundled_presets()) == sorted([*PRESET_NAMES, *(f"panel-{name}" for name in PRESET_NAMES)])


def test_wishes_are_checked() -> None:
    with pytest.raises(ConfigError, match="preset 'good': choose one of fast, standard, best"):
        Wishes(preset="good")
    with pytest.raises(ConfigError, match="horizon 0"):
        Wishes(horizon=0)
    asked = Wishes(horizon=np.int64(7), seed=np.uint8(3))
    assert asked.keys == ('windows.unit="day"', "seed=3", "windows.horizon=7")
    for horizon in ("7", 7.5, [7]):
        with pytest.raises(ConfigError, match=r"horizon .+: it is no whole number: give one, such as 14"):
            Wishes(horizon=horizon)
    with pytest.raises(ConfigError, match="named twice"):
        Wishes(targets=("a", "a"))


def test_data_are_told_from_configurations(tmp_path: Path) -> None:
    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    assert is_data("s3://bucket/flows")
    assert is_data("none.csv")
    assert is_data(str(tmp_path))
    assert is_data(written("flows", "date,flow\n2024-01-01,1\n"))
    assert is_data(written("flows.txt", "2024-01-01 00:00;1\n"))
    assert not is_data(written("mine", "# mine\nmembers: []\n"))
    assert not is_data(written("mine.yaml", "date,flow\n"))
    assert not is_data("demo")
    assert not is_data("none")
    assert not is_data("-")
    assert [stem_of(name) for name in ("a/flows.csv.gz", "s3://b/x.parquet?r=1", "b/")] == ["flows", "x", "b"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("data.decimal=foo", "data.decimal: input should be 'auto', 'point' or 'comma'"),
        ("data.date_format=xyz", "data.date_format: 'xyz' does not tell day, month and year"),
        ("data.columns=5", "data.columns: input should be a valid dictionary"),
        ("data.targets=5", "data.targets: input should be a valid dictionary"),
        ("data.as_of=foo", "data.as_of: not a date"),
        ("windows.n_windows=abc", "windows.n_windows: input should be a valid integer"),
        ("calendar=5", "calendar: input should be a valid string"),
        ("data.entity=nope", "there is no column 'nope' among date, flow: name one of them in data.entity"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_it_is_used(tmp_path: Path, said: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        inferred(tmp_path, overrides=(said,))


def test_a_format_of_days_needs_no_quotes(tmp_path: Path) -> None:
    def edit(frame: pd.DataFrame) -> None:
        frame["date"] = frame["date"].dt.strftime("%d %b %Y")

    found = inferred(tmp_path, overrides=("data.date_format=%d %b %Y",), edit=edit)
    assert found.about == "200 days, 2024-01-01 to 2024-07-18"
