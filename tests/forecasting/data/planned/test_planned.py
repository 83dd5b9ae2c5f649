"""A plan is read as it is meant, and what cannot be is refused with its file and row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from forecasting.data.dataset import open_data
from forecasting.data.loaded import Loaded
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

HEADER = "date,series,amount,known,until,kind,note,author"
WEEKDAYS = np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]")
WORK = WEEKDAYS[np.is_busday(WEEKDAYS)]


def data(folder: Path, days: np.ndarray = WEEKDAYS, y: str = "100.50") -> Path:
    path = folder / "d.csv"
    path.write_text("ds,in,out\n" + "".join(f"{d},{y},{y}\n" for d in days))
    return path


def loaded(
    folder: Path, plan: str, as_of: dt.date | None = None, days: np.ndarray = WEEKDAYS, unpaid: str = "error"
) -> Loaded:
    path = data(folder, days)
    (folder / "plan.csv").write_text(plan)
    keys = {"unit": "EUR", "planned": "plan.csv", "as_of": as_of, "unpaid": unpaid}
    spec = DataSpec.model_validate({"kind": "table", "targets": {"in": 0.5, "out": 0.5}, **keys})
    return open_data(spec, path, None).loaded


def test_the_rows_of_a_plan(tmp_path: Path) -> None:
    lines = [
        HEADER,
        "2024-02-01,out,80.5,2024-01-20,,,tax,Ann",
        "2024-04-03,out,70,2024-03-01,,planned,dividend,",
        "2024-04-02,in,-3.25,,2024-04-05,adjust,a holiday week,Ben",
    ]
    found = loaded(tmp_path, "\n".join(lines) + "\n")
    planned = found.panel.planned
    assert planned is not None
    assert [(r.unique_id, str(r.first), str(r.last), r.amount, r.kind) for r in planned.rows] == [
        ("out", "2024-02-01", "2024-02-01", 80.5, "planned"),
        ("out", "2024-04-03", "2024-04-03", 70.0, "planned"),
        ("in", "2024-04-02", "2024-04-05", -3.25, "adjust"),
    ]
    assert next((r.note, r.author, r.place) for r in planned.rows) == ("tax", "Ann", "plan.csv:2")
    assert found.decimals == 2
    assert found.panel.history("out").y[31] == 20.0
    assert found.notes == (
        "plan.csv: planned amounts up to 2024-03-31, left out of training: 1; later ones, added to the forecast: 1; "
        "adjustments, added to the forecast on each of their days: 1",
    )


def test_a_plan_without_known_says_so_in_one_line(tmp_path: Path) -> None:
    found = loaded(tmp_path, "date,series,amount\n2024-02-01,out,80\n")
    assert found.notes[-1] == (
        "plan.csv: it has no column known, so its amounts count in the final forecast alone; backtests see the history "
        "as it was"
    )
    assert found.panel.history("out", np.datetime64("2024-03-30")).y[31] == 100.5
    half = loaded(tmp_path, "date,series,amount,known\n2024-02-01,out,80,\n2024-02-02,out,80,2024-01-01\n")
    assert half.notes[-1].startswith("plan.csv: 1 row is without known, and such amounts count in the final")


def test_as_of_leaves_out_what_became_known_later(tmp_path: Path) -> None:
    plan = "date,series,amount,known\n2024-02-20,out,80,2024-02-25\n2024-02-10,out,50,2024-01-25\n"
    found = loaded(tmp_path, plan, dt.date(2024, 2, 15))
    assert found.panel.planned is not None
    assert [str(r.first) for r in found.panel.planned.rows] == ["2024-02-10"]


def test_rows_before_the_data_are_passed_over_with_a_word(tmp_path: Path) -> None:
    found = loaded(tmp_path, "date,series,amount,known\n2023-12-01,out,80,2023-11-01\n")
    assert found.panel.planned is not None
    assert not found.panel.planned.rows
    assert found.notes[-1] == "plan.csv: 1 row is from before 2024-01-01, when the data begin, and not used"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-02-01,outt,80,,,,,", r"plan\.csv:2: there is no series 'outt' in the data: use one of in, out"),
        ("2024-02-01,,80,,,,,", r"plan\.csv:2: the row names no series: use one of in, out"),
        ("2024-02-30,out,80,,,,,", r"plan\.csv:2: date is '2024-02-30', not a day"),
        ("2024-02-01,out,eighty,,,,,", r"plan\.csv:2: amount is 'eighty', not a number"),
        ("2024-02-01,out,,,,,x,", r"plan\.csv:2: amount is empty, not a number"),
        ("2024-02-01,out,1e16,,,,x,", r"plan\.csv:2: amount is '1e16', too large to be held exactly"),
        ("2024-02-01,out,80,soon,,,,", r"plan\.csv:2: known is 'soon', not a day"),
        ("2024-02-01,out,80,,,maybe,,", r"plan\.csv:2: kind is 'maybe': write planned or adjust"),
        ("2024-04-02,out,80,,,adjust,,", r"plan\.csv:2: the adjustment has no reason: say why in the column note"),
        ("2024-04-02,out,80,,2024-04-01,adjust,x,", r"plan\.csv:2: until is 2024-04-01, before its date 2024-04-02"),
        ("2024-04-02,out,80,,2024-04-03,,x,", r"plan\.csv:2: until is for adjustments"),
        (
            "2024-02-01,out,100.51,,,,,",
            r"plan\.csv:2: 100\.51 was planned for out on 2024-02-01, and the actual amount is 100\.5",
        ),
        (
            "2024-02-01,out,80,,,,tax,\n2024-02-01,out,80,,,,tax,",
            r"plan\.csv:3: out on 2024-02-01 stands in plan\.csv:2 already, with the same note",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_row(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, f"{HEADER}\n{row}\n")


def test_other_columns_units_and_days_off_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"plan\.csv: the column knwon means nothing here: use the columns date"):
        loaded(tmp_path, "date,series,amount,knwon\n2024-02-01,out,80,2024-01-01\n")
    with pytest.raises(DataError, match=r"plan\.csv: there is no column 'amount'"):
        loaded(tmp_path, "date,series\n2024-02-01,out\n")
    with pytest.raises(DataError, match=r"plan\.csv:2: the amount is in USD, and out is in EUR"):
        loaded(tmp_path, "date,series,amount,unit\n2024-02-01,out,80,USD\n")
    for day, near in (("2024-02-03", "2024-02-02 or 2024-02-05"), ("2024-04-06", "2024-04-05 or 2024-04-08")):
        with pytest.raises(DataError, match=rf"plan\.csv:2: {day} is none of the data's work days: write {near}"):
            loaded(tmp_path, f"date,series,amount\n{day},out,8\n", days=WORK)
    with pytest.raises(DataError, match=r"2024-03-30 is none of the data's work days: write 2024-04-01$"):
        loaded(tmp_path, "date,series,amount\n2024-03-30,out,8\n", days=WORK)
    with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
        _ = open_data(DataSpec(kind="table", planned="none.csv", targets={"in": 1}), data(tmp_path), None).panel


def test_an_amount_may_exceed_the_actual_one_where_amounts_have_either_sign(tmp_path: Path) -> None:
    path = data(tmp_path)
    path.write_text(path.read_text().replace("2024-03-01,100.50", "2024-03-01,-7"))
    (tmp_path / "plan.csv").write_text("date,series,amount\n2024-02-01,in,400\n")
    spec = DataSpec(kind="table", targets={"in": 1}, planned="plan.csv")
    panel = open_data(spec, path, None, signed=True).loaded.panel
    assert panel.history("in").y[31] == -299.5


def test_a_wide_panel_names_entity_and_target(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    lines = [f"{name},{d},100,90" for name in ("a/b", "c") for d in WEEKDAYS]
    lines += [f"old,{d},100,90" for d in WEEKDAYS[:40]]
    path.write_text("bank,ds,in,out\n" + "\n".join(lines) + "\n")
    spec = DataSpec(kind="panel", entity="bank", targets={"in": 0.5, "out": 0.5}, planned="plan.csv", max_lag=5)
    plan = tmp_path / "plan.csv"
    plan.write_text("date,entity,target,amount\n2024-02-01,a/b,in,80\n2024-02-02,c,out,1\n2024-01-05,old,out,1\n")
    found = open_data(spec, path, None).loaded
    assert found.panel.planned is not None
    assert [r.unique_id for r in found.panel.planned.rows] == ["a/b/in", "c/out"]
    assert found.notes[-1] == "plan.csv: nothing is planned for old/out: left out, and not forecast"
    plan.write_text("date,series,amount\n2024-02-01,a/b/in,80\n")
    assert open_data(spec, path, None).panel.history("a/b/in").y[31] == 20.0
    plan.write_text("date,entity,target,amount\n2024-02-01,d,in,80\n")
    with pytest.raises(DataError, match=r"plan\.csv:2: there is no series 'd/in' in the data: use one of a/b/in"):
        _ = open_data(spec, path, None).panel
    plan.write_text("date,series,entity,amount\n2024-02-01,c/in,c,80\n")
    with pytest.raises(DataError, match=r"plan\.csv:2: the row names a series, and an entity or a target too"):
        _ = open_data(spec, path, None).panel


def test_as_of_uses_no_later_row_that_does_not_say_when_it_was_known(tmp_path: Path) -> None:
    plan = "date,series,amount\n2024-02-01,out,80\n2024-02-20,out,90\n"
    found = loaded(tmp_path, plan, dt.date(2024, 2, 10))
    assert found.panel.planned is not None
    assert [str(row.first) for row in found.panel.planned.rows] == ["2024-02-01"]
    assert "1 row is for days after 2024-02-10 without known, and not used: say when it was known" in found.notes[-1]


def test_a_payment_that_did_not_come_is_passed_over_where_that_is_asked(tmp_path: Path) -> None:
    """With it, what else was planned for the day: which of them came is not known. Others stay."""
    rows = ["2024-02-01,out,80,,,,tax,", "2024-02-01,out,20.51,,,,fee,", "2024-02-02,out,90,,,,rent,",
            "2024-02-01,in,9,,,,x,", "2024-04-01,out,70000,,,,to come,",
            "2024-02-01,out,5,,2024-02-03,adjust,why,"]  # fmt: skip
    found = loaded(tmp_path, "\n".join([HEADER, *rows]) + "\n", unpaid="skip")
    planned = found.panel.planned
    assert planned is not None
    assert [row.note for row in planned.rows] == ["rent", "x", "to come", "why"]
    assert found.panel.history("out").y[31:33].tolist() == [100.5, 10.5]
    sentence = "plan.csv:3: 100.51 was planned for out on 2024-02-01, and the actual amount is 100.5"
    assert f"{sentence}: taken to be not paid, and not used" in found.notes
    with pytest.raises(DataError, match=r"take out what was not paid, or set data\.unpaid to skip"):
        loaded(tmp_path, "\n".join([HEADER, *rows]) + "\n")
