"""Events that the user names become known in advance."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from tests.forecasting.data.daily_csv import table, write
from tests.forecasting.data.opened import load


def test_events_become_known_in_advance(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5))
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,promotion\n20140301,limit\n")
    panel: Panel = load(DataSpec(kind="table", events="events.csv"), path, "CN")
    assert panel.calendar.days(panel.ds).event == ("", "", "", "", "promotion")
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,promotion\n20140203,limit\n")
    with pytest.raises(DataError, match=r"events\.csv:3: 2014-02-03 has two events"):
        load(DataSpec(kind="table", events="events.csv"), path, "CN")
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,\n")
    with pytest.raises(DataError, match=r"events\.csv:2: the event on 2014-02-03 has no name"):
        load(DataSpec(kind="table", events="events.csv"), path, "CN")
    with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
        load(DataSpec(kind="table", events="none.csv"), path, "CN")


def test_a_table_of_prophets_holidays_is_understood(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5))
    spec = DataSpec(kind="table", events="ev.csv")
    write(tmp_path / "ev.csv", "holiday,ds,lower_window,upper_window\nsale,2014-02-01,-1,1\n")
    panel = load(spec, path, None)
    assert panel.calendar.days(panel.ds).event == ("", "sale", "sale", "sale", "")
    write(tmp_path / "ev.csv", "ds,what\n2014-02-01,sale\n")
    with pytest.raises(DataError, match=r"name among ds, what: name it in data\.columns \(name: COLUMN\)"):
        load(spec, path, None)
    mapped = DataSpec(kind="table", events="ev.csv", columns={"name": "what"})
    assert load(mapped, path, None).calendar.events == (("2014-02-01", "sale"),)
    write(tmp_path / "ev.csv", "holiday,ds,lower_window,upper_window\nsale,2014-02-01,1,1\n")
    with pytest.raises(DataError, match=r"ev\.csv:2: lower_window and upper_window are 1 and 1"):
        load(spec, path, None)


def test_captions_of_the_data_hold_for_the_events_too(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5).replace("report_date", "tag"))
    write(tmp_path / "ev.csv", "tag,name\n2014-02-01,sale\n")
    spec = DataSpec(kind="table", events="ev.csv", columns={"ds": "tag"})
    assert load(spec, path, None).calendar.events == (("2014-02-01", "sale"),)


def test_events_of_one_name_in_other_capitals_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5))
    spec = DataSpec(kind="table", events="ev.csv")
    write(tmp_path / "ev.csv", "ds,name\n2014-02-01,Sale\n2014-02-02, Sale\n2014-02-05,sale\n")
    with pytest.raises(
        DataError, match=r"ev\.csv:4: an event is called sale, and others Sale: they would count as two"
    ):
        load(spec, path, None)


def test_events_whose_effect_nobody_can_know_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5))
    spec = DataSpec(kind="table", events="ev.csv")

    def said(rows: str) -> list[str]:
        write(tmp_path / "ev.csv", f"ds,name\n{rows}")
        return [note for note in open_data(spec, path, None).loaded.notes if "event" in note]

    assert said("2014-02-01,sale\n2014-02-09,sale\n") == []
    assert said("2014-02-01,sale\n2014-02-09,fair\n1999-02-09,fair\n") == [
        "fair: no such event lies in the data, so nothing is known of its effect"
    ]
    assert said("1999-02-01,sale\n") == ["all events of data.events lie before 2014-01-30, when the data begin"]
