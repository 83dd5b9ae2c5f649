from __future__ import annotations

from ensembles.files.day_names import DAY_COLUMNS, named_days
from forecasting.calendar import Calendar
from forecasting.schema import as_dates


def test_a_day_has_its_weekday_type_holiday_and_event() -> None:
    calendar = Calendar("CN", (("2014-09-05", "促销 <b>"),))
    work, off, shifted, holiday = named_days(
        calendar, as_dates(["2014-09-05", "2014-09-06", "2014-09-28", "2014-10-01"])
    )
    assert DAY_COLUMNS == ("date", "weekday", "day_type", "holiday", "event")
    assert work.cells == ("2014-09-05", "Fri", "work day", "", "促销 <b>")
    assert off.cells == ("2014-09-06", "Sat", "day off", "", "")
    assert shifted.cells == ("2014-09-28", "Sun", "shifted work day", "", "")
    assert holiday.day_type == "day off"
    assert holiday.holiday


def test_no_days_are_none() -> None:
    assert named_days(Calendar("CN"), as_dates([])) == ()
