"""Rate tables: absent, unreadable, too short, with holes, with empty cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.files import Folder, open_location
from forecasting.data.quality.rate_checks import check_rates
from forecasting.data.sources.rates import BANK_RATES, rate_rows
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

SPAN = np.arange("2014-03-03", "2014-03-15", dtype="datetime64[D]")


def test_absent_and_unreadable_tables_are_said() -> None:
    error = DataError(where="b.csv", what="it is empty", remedy="give a file")
    absent, unreadable = check_rates({"a": None, "b": error}, SPAN, Calendar(None))
    assert (absent.severity, absent.where, absent.value) == ("info", "a", "absent")
    assert (unreadable.severity, unreadable.where, unreadable.remedy) == ("error", "b.csv", "give a file")


def test_reach_holes_and_empty_cells(tmp_path: Path) -> None:
    text = "mfd_date,rate\n20140304,1\n20140306,\n20140307,3\n20140310,4\n"
    for stem in ("daily", BANK_RATES):
        (tmp_path / f"{stem}.csv").write_text(text)
    folder = open_location(tmp_path)
    assert isinstance(folder, Folder)
    for stem, hole in (("daily", "no row for 2014-03-05"), (BANK_RATES, "no row for 2014-03-05, a bank day")):
        begin, end, missing, empty = check_rates({stem: rate_rows(folder, stem, DataSpec())}, SPAN, Calendar(None))
        assert begin.value == "begins on 2014-03-04, the data on 2014-03-03"
        assert end.value == "ends on 2014-03-10, the data on 2014-03-14"
        assert (missing.where, missing.value) == (f"{stem}.csv:3", hole)
        assert missing.count == (1 if stem == BANK_RATES else 3)
        assert (empty.where, empty.value) == (f"{stem}.csv:3", "rate is empty")
