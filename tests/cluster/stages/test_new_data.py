"""Data that come piece by piece: what `predict` and `monitor` say of rows that are new, fewer, or written otherwise."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from cluster.rundir.external import External
from cluster.stages.prediction import predict
from forecasting.errors import ConfigError, DataError
from tests.runs import run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: panel, entity: fund, unit: EUR, targets: {inflow: 0.5, outflow: 0.5}}
windows: {unit: day, n_windows: 2, horizon: 7}
members: [{model: weekday-median}]
blend: {candidates: [mean]}
"""
FUNDS = ("007", "Äpfel", "äpfel")
DAYS = np.arange("2026-01-01", "2026-05-01", dtype="datetime64[D]")
END = 110
"""Days that the run knows."""


def amount(fund, day, target):
    """Three decimals, so that cents are a rounding."""
    return 100 * (1 + FUNDS.index(fund)) + 7 * (day % 7) + 0.123 * (day % 11) + 50 * target


EVERY = range(len(DAYS))


def table(days=EVERY, funds=FUNDS, write="{:.3f}".format, called=lambda fund: fund):
    rows = [
        f"{called(fund)},{DAYS[day]},{write(amount(fund, day, 0))},{write(amount(fund, day, 1))}"
        for fund in funds
        for day in days
    ]
    return "\n".join(["fund,ds,inflow,outflow", *rows]) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pieces")
    (path / "config.yaml").write_text(CONFIG)
    (path / "data.csv").write_text(table(range(END)))
    assert run(path, "r").returncode == 0
    return path


def predicted(folder, tmp_path, text, *given):
    (tmp_path / "new.csv").write_text(text)
    return predict(str(folder / "r"), str(tmp_path / "new.csv"), external=External(given=given))


def monitored(folder, tmp_path, text):
    (tmp_path / "new.csv").write_text(text)
    found = tidecast(folder, "monitor", "r", "--actuals", str(tmp_path / "new.csv"))
    return found.returncode, " ".join((found.stdout + found.stderr).split())


def test_new_rows_alone_are_said_to_be_alone(folder, tmp_path):
    (note,) = predicted(folder, tmp_path, table(range(END, END + 9))).notes
    assert note == (
        "the data begin on 2026-04-21, after the run's, which end on 2026-04-20: the forecast is made from "
        "9 days alone; give the days before too"
    )
    with pytest.raises(DataError, match=r"the data begin on 2026-04-21, and the run's on 2026-01-01: give the earlier"):
        predicted(folder, tmp_path, table(range(END, END + 2)))


def test_new_rows_alone_in_another_unit_are_refused(folder, tmp_path):
    """No day is known to both, so the sizes tell."""
    cents = table(range(END, END + 9), write=lambda y: f"{100 * y:.1f}")
    with pytest.raises(DataError, match=r"has amounts of about 1\d{4}.*, where those of the run were about 1\d\d"):
        predicted(folder, tmp_path, cents)
    twice = table(range(END, END + 9), write=lambda y: f"{2 * y:.3f}")
    assert not predicted(folder, tmp_path, twice).left


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_fewer_decimals_are_a_revision(folder, tmp_path, decimals):
    made = predicted(folder, tmp_path, table(write=f"{{:.{decimals}f}}".format))
    assert not made.left
    assert [note.partition(": ")[2] for note in made.notes] == [
        "other values up to 2026-04-20 than those the run was trained on"
    ]
    with pytest.raises(DataError, match="other data, or another unit"):  # a step of the last decimal is no rounding
        predicted(folder, tmp_path, table(write=lambda y: f"{y + 1.1 * 10.0**-decimals:.{decimals}f}"))


def test_ids_that_are_spelled_otherwise_are_named_with_the_runs(folder, tmp_path):
    spelt = {"007": "7", "Äpfel": unicodedata.normalize("NFD", "Äpfel"), "äpfel": "äpfel"}
    made = predicted(folder, tmp_path, table(called=spelt.get))
    assert set(made.left) == {"007/inflow", "007/outflow", "Äpfel/inflow", "Äpfel/outflow"}
    assert made.left["007/inflow"] == "is in the data as 7/inflow: write it as the run has it"
    assert made.left["Äpfel/outflow"].startswith("is in the data with its letters encoded in another way")
    capitals = predicted(folder, tmp_path, table(called=lambda fund: fund.upper() if fund == "äpfel" else fund))
    assert capitals.left == {
        f"äpfel/{target}": f"is in the data as ÄPFEL/{target}: write it as the run has it"
        for target in ("inflow", "outflow")
    }


def test_series_that_are_missing_alike_share_a_sentence(folder, tmp_path):
    made = predicted(folder, tmp_path, table(funds=FUNDS[:1]))
    assert len(made.left) == 4
    assert made.notes == (
        "Äpfel/inflow, äpfel/inflow, Äpfel/outflow, äpfel/outflow are left out: each is missing from the data, which "
        "hold 007/inflow, 007/outflow: give the run's series",
    )


def test_the_remedies_of_a_table_can_be_followed(folder, tmp_path):
    """A gap and another name are refused with a key, and `predict` takes that key."""
    gap = "\n".join(line for line in table().splitlines() if "2026-04-25" not in line) + "\n"
    assert set(predicted(folder, tmp_path, gap, "data.missing=skip").forecast.blend.unique_id) == {
        f"{fund}/{target}" for fund in FUNDS for target in ("inflow", "outflow")
    }
    renamed = table().replace("outflow", "Paid out", 1)
    with pytest.raises(DataError, match=r"name it in data.columns \(outflow: COLUMN\)"):
        predicted(folder, tmp_path, renamed)
    whole = predicted(folder, tmp_path, table()).files["submission.csv"]
    assert predicted(folder, tmp_path, renamed, "data.columns.outflow=Paid out").files["submission.csv"] == whole
    for override in ("data.targets={inflow: 1}", "data.past=[x]", "windows.horizon=3"):
        with pytest.raises(ConfigError, match=r"and how newer data are read: data\.columns, data\.date_format"):
            predicted(folder, tmp_path, table(), override)


def test_actual_values_of_fewer_or_other_series_are_said(folder, tmp_path):
    code, said = monitored(folder, tmp_path, table(called=lambda fund: fund.lstrip("0")))
    assert code == 0
    assert "007/inflow, 007/outflow: there are forecasts but no actual values" in said
    assert "7/inflow, 7/outflow: not used, because no forecast is of such a series" in said
    code, said = monitored(folder, tmp_path, table().replace("outflow", "Paid out", 1))
    assert code == 2
    assert "there is no column for outflow among fund, ds, inflow, Paid out: call its column outflow" in said


@pytest.mark.parametrize(("freq", "missing"), [("B", "skip"), ("B", "zero"), ("D", "skip"), ("W", "zero")])
def test_on_the_runs_own_data_with_gaps_every_file_is_the_runs(tmp_path, freq, missing):
    """Periods on which nothing is known are periods: why.csv of a run is made from stored amounts alone."""
    days = np.arange("2024-01-01", "2025-06-01", dtype="datetime64[D]")
    days = {"B": days[np.is_busday(days)][:150], "D": days[:150], "W": days[::7][:70]}[freq]
    days = np.delete(days, [30, 31, 44, 45, 46])
    rows = [f"{day},{100 + 9 * (k % 7) + k % 13},{80 + 5 * (k % 5)}" for k, day in enumerate(days)]
    (tmp_path / "data.csv").write_text("\n".join(["ds,inflow,outflow", *rows]) + "\n")
    (tmp_path / "config.yaml").write_text(
        f"data: {{kind: table, missing: {missing}, targets: {{inflow: 0.5, outflow: 0.5}}}}\n"
        "windows: {unit: day, n_windows: 2, horizon: 5}\nmembers: [{model: calendar-level}]\n"
    )
    assert run(tmp_path, "r").returncode == 0
    predict(str(tmp_path / "r"), str(tmp_path / "data.csv")).write(str(tmp_path / "p"))
    for name in ("forecast.csv", "submission.csv", "why.csv", "cash.csv"):
        assert (tmp_path / "p" / name).read_bytes() == (tmp_path / "r" / name).read_bytes(), name


def test_one_column_is_not_two_targets(folder, tmp_path):
    """Whatever the data are, and however the two names come to mean it."""
    (tmp_path / "table.csv").write_text(table(funds=["007"]))
    (tmp_path / "panel.csv").write_text(table())
    for name, kind, key in (("table", "table", ""), ("panel", "panel", ", entity: fund")):
        (tmp_path / "config.yaml").write_text(
            f"data: {{kind: {kind}{key}, targets: {{paid: 0.5, Inflow: 0.5}}, columns: {{paid: inflow}}}}\n"
            "windows: {unit: day, n_windows: 2, horizon: 7}\nmembers: [{model: weekday-median}]\n"
        )
        done = tidecast(tmp_path, "run", "config.yaml", "--data", f"{name}.csv", "--executor", "local")
        assert done.returncode == 2
        assert f"{name}.csv: the targets paid and Inflow are both taken from the column 'inflow'" in done.stderr
        assert not (tmp_path / "runs").exists()
