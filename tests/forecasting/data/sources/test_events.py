"""Events that the user names become known in advance."""

from __future__ import annotations

from pathlib import Path

import pytest

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
