"""A ledger filled afterwards holds the very files that runs at those days make, and goes on where it stopped."""

import json

import numpy as np
import pytest

from cluster.ledger.backfill import days_of
from cluster.rundir.store import RunStore
from ensembles.ledger.files.vintage import Vintage
from forecasting.errors import ConfigError
from tests.runs import tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {{kind: table, unit: EUR}}
windows: {windows}
members: [{{model: seasonal-naive}}, {{model: calendar-level}}]
"""
WINDOWS = {"week": "{unit: day, n_windows: 3, horizon: 14}", "month": "{unit: month, n_windows: 2}"}
EVERY = {"week": ("--from", "2024-08-04", "--every", "7", "--to", "2024-08-20"), "month": ("--every", "month")}
DAYS = {"week": ["2024-08-04", "2024-08-11", "2024-08-18"], "month": ["2024-07-31", "2024-08-31"]}


def filled(folder, kind, *more, ledger="ledger"):
    every = EVERY[kind] if kind == "week" else ("--from", "2024-07-15", "--to", "2024-09-20", *EVERY[kind])
    common = ("backfill", f"{kind}.yaml", "--data", "data.csv", "--executor", "local", "--ledger", ledger)
    return tidecast(folder, *common, *every, *more)


def content(place):
    """Name → bytes of the forecasts of a ledger."""
    return {file.name: file.read_bytes() for file in (place / "vintages").iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backfill")
    write_inputs(folder, 270)
    for kind, windows in WINDOWS.items():
        (folder / f"{kind}.yaml").write_text(CONFIG.format(windows=windows))
        done = filled(folder, kind, ledger=f"of-{kind}")
        assert done.returncode == 0, done.stderr
        for said in ("reads the data", "reads 2", "the forecast was added to the ledger"):
            assert "".join([done.stderr, *done.steps]).count(f"tidecast: {said}") == 1
        *added, last = done.stdout.splitlines()
        assert added == [f"{day}: added ({k} of {len(DAYS[kind])})" for k, day in enumerate(DAYS[kind], 1)]
        assert last.startswith(f"next: tidecast monitor of-{kind} --actuals FILE")
    return folder


@pytest.mark.parametrize("kind", WINDOWS)
def test_the_same_bytes_as_runs_as_of_those_days(folder, kind):
    for day in DAYS[kind]:
        where = ("--run-dir", f"by-hand/{kind}-{day}", "--ledger", f"by-hand-{kind}", "--executor", "local")
        done = tidecast(folder, "run", f"{kind}.yaml", "--data", "data.csv", "--as-of", day, *where)
        assert done.returncode == 0, done.stderr
        ours = (folder / f"runs/{kind}-backfill/{day}/submission.csv").read_bytes()
        assert ours == (folder / f"by-hand/{kind}-{day}/submission.csv").read_bytes()
    assert content(folder / f"of-{kind}") == content(folder / f"by-hand-{kind}")
    assert len(content(folder / f"of-{kind}")) == len(DAYS[kind])


def test_what_is_in_the_ledger_is_skipped(folder):
    before = content(folder / "of-week")
    done = filled(folder, "week", ledger="of-week")
    assert done.stdout.splitlines()[-2] == "2024-08-18: is in the ledger already (3 of 3)"
    assert not done.steps
    assert content(folder / "of-week") == before


def test_a_backfill_that_was_interrupted_goes_on(folder):
    """The last forecast was lost with its directory half done; another configuration is not taken for the same."""
    place = folder / "of-week/vintages"
    last = max(place.iterdir(), key=lambda file: Vintage.from_bytes(file.read_bytes(), "").facts.as_of)
    whole = last.read_bytes()
    last.unlink()
    done = filled(folder, "week", ledger="of-week")
    assert [line.split(":")[1].split("(")[0].strip() for line in done.stdout.splitlines()[:-1]] == [
        "is in the ledger already",
        "is in the ledger already",
        "added",
    ]
    assert last.read_bytes() == whole
    done = filled(folder, "week", "--from", "2024-08-18", "--set", "seed=9", "--run-dir", "others", ledger="both")
    assert done.stdout.count("added") == 1
    assert done.returncode == 0


def test_parts_add_up_to_the_forecast_as_issued(folder):
    store = RunStore(str(folder / "runs/week-backfill/2024-08-04"))
    from cluster.ledger.issue import vintage_of_run

    made = vintage_of_run(store)
    assert {"level", "weekday", "learned"} <= made.parts.keys()
    np.testing.assert_allclose(sum(made.parts.values()), made.y_hat, rtol=1e-12)
    assert made.facts.as_of == "2024-08-04"
    assert made.facts.unit == "EUR"
    assert set(made.members) == {"seasonal-naive", "calendar-level"}
    assert {0.1, 0.9} <= made.quantiles.keys()


def test_a_run_that_is_repeated_adds_nothing(folder):
    again = ("run", "week.yaml", "--data", "data.csv", "--as-of", "2024-08-04", "--executor", "local")
    before = content(folder / "of-week")
    done = tidecast(folder, *again, "--run-dir", "runs/week-backfill/2024-08-04", "--set", "run.ledger=of-week")
    assert "was already in the ledger" in done.stderr
    assert content(folder / "of-week") == before


def test_predictions_are_added_too(folder):
    run_dir = "runs/week-backfill/2024-08-18"
    more = ("--data", "data.csv", "--as-of", "2024-09-01")
    done = tidecast(folder, "predict", run_dir, *more, "--ledger", "predicted")
    assert done.returncode == 0, done.stderr
    (file,) = (folder / "predicted/vintages").iterdir()
    made = Vintage.from_bytes(file.read_bytes(), "")
    assert (made.facts.origin, made.facts.as_of, made.facts.trained_until) == ("predict", "2024-09-01", "2024-08-18")
    np.testing.assert_allclose(sum(made.parts.values()), made.y_hat, rtol=1e-12)
    done = tidecast(folder, "predict", run_dir, *more)
    assert "not added to the run's ledger" in done.stderr


@pytest.mark.parametrize(
    ("first", "every", "days"),
    [
        ("2014-01-31", "month", ["2014-01-31", "2014-02-28", "2014-03-31"]),
        ("2014-02-01", "month", ["2014-02-28", "2014-03-31"]),
        ("2014-03-30", "1", ["2014-03-30", "2014-03-31"]),
        ("2014-03-01", "20", ["2014-03-01", "2014-03-21"]),
        ("2014-03-30", "99999999999999999999", ["2014-03-30"]),
    ],
)
def test_days_of_a_backfill(first, every, days):
    assert [str(day) for day in days_of(first, every, np.datetime64("2014-03-31"))] == days


@pytest.mark.parametrize(
    ("first", "every", "sentence"),
    [
        ("yesterday", "7", "--from yesterday: this is no day"),
        ("2014-03-01", "week", "--every week: write month, or a number of days, such as 7"),
        ("2014-03-01", "0", "--every 0"),
        ("2014-04-01", "7", "--from 2014-04-01: the data end before it, on 2014-03-31: choose an earlier day"),
        (
            "2014-03-10",
            "month",
            "--from 2014-03-10: the data end on ",
        ),
    ],
)
def test_bad_days_get_a_sentence(first, every, sentence):
    last = np.datetime64("2014-03-20" if every == "month" else "2014-03-31")
    with pytest.raises(ConfigError) as error:
        days_of(first, every, last)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("kind", "more", "sentence"),
    [
        (
            "week",
            ("--to", "2025-01-05"),
            "--to 2025-01-05: the data end on 2024-09-26: choose that day",
        ),
        ("week", ("--to", "soon"), "--to soon: this is no day"),
        (
            "month",
            ("--every", "7"),
            "--every 7: the configuration forecasts whole calendar months: write",
        ),
    ],
)
def test_what_cannot_end_well_is_not_begun(folder, kind, more, sentence):
    done = filled(folder, kind, *more, ledger="not-begun")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert not (folder / "not-begun").exists()


def test_json_of_a_ledger(folder):
    done = tidecast(folder, "monitor", "of-week", "--actuals", "data.csv", "--json", "--day", "2024-08-20")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [v["as_of"] for v in found["vintages"]] == DAYS["week"]
    assert {a["target"] for a in found["accuracy"]} == {"purchase", "redeem"}
    assert [c["as_of"] for c in found["changes"]] == ["2024-08-11", "2024-08-18"] * 2
    assert found["misses"][0]["total"]["n"] == 42


def test_another_plan_is_another_forecast(folder):
    (folder / "planned.csv").write_text("date,series,amount,known\n2024-08-25,purchase,1000,2024-08-01\n")
    plan = (
        "--set",
        "data.planned=planned.csv",
        "--from",
        "2024-08-11",
        "--to",
        "2024-08-18",
        "--run-dir",
        "runs/planned",
    )
    first = filled(folder, "week", *plan, ledger="planned")
    assert first.returncode == 0, first.stderr
    again = filled(folder, "week", *plan, ledger="planned")
    assert again.stdout.count("in the ledger already") == 2, again.stdout
    (folder / "planned.csv").write_text("date,series,amount,known\n2024-08-25,purchase,2000,2024-08-10\n")
    edited = filled(folder, "week", *plan, ledger="planned")
    assert edited.returncode == 0, edited.stderr
    assert edited.stdout.count(": added") == 2, edited.stdout
    assert len(content(folder / "planned")) == 4
