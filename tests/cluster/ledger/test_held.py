"""A ledger on the command line: what is shown, and what bad input is told."""

import json
import re

import pytest

from tests.runs import charts_as_text, tidecast, write_inputs

CONFIG = """
data: {kind: table, unit: EUR}
windows: {unit: day, n_windows: 3, horizon: 14}
members: [{model: seasonal-naive}, {model: calendar-level}]
"""
RUN = "runs/config-backfill/2024-07-07"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held")
    write_inputs(folder, 230)
    (folder / "config.yaml").write_text(CONFIG)
    with charts_as_text():
        done = tidecast(
            folder,
            *("backfill", "config.yaml", "--data", "data.csv", "--from", "2024-07-07", "--every", "7"),
            *("--to", "2024-08-04", "--ledger", "ledger", "--executor", "local"),
        )
    assert done.returncode == 0, done.stderr
    assert tidecast(folder, "monitor", "ledger", "--actuals", "data.csv").returncode == 0
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy, to be harmed."""
    import shutil

    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_screen_says_it_all(made):
    done = tidecast(made, "monitor", "ledger")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    for text in (
        "5 forecasts on data up to 2024-07-07 to 2024-08-04",
        "actual values of data.csv",
        "purchase: accuracy by lead time",
        "redeem: where misses come from, EUR",
        "7 ahead",
        "totals of a week",
    ):
        assert text in said
    assert said.count("no interval for all days: the forecasts overlap") == 1


def test_one_page_without_network(made):
    assert tidecast(made, "monitor", "ledger", "--html", "page.html", "--day", "2024-07-20").returncode == 0
    page = (made / "page.html").read_text()
    assert "Accuracy of the forecasts in" in page
    assert "forecasts of 2024-07-20" in page
    assert "o alarm: the bias" in page or re.search(r"\d alarms?, \w+ still open", page)
    assert "default-src 'none'" in page
    assert "<script src" not in page
    assert "<link" not in page
    assert "vintages/" in page


def test_one_series(made):
    done = tidecast(made, "monitor", "ledger", "--series", "redeem", "--json")
    found = json.loads(done.stdout)
    whole = json.loads(tidecast(made, "monitor", "ledger", "--json").stdout)
    theirs = {a["target"]: a for a in whole["accuracy"]}
    (ours,) = (a for a in found["accuracy"] if a["by_series"])
    assert ours["by_lead"] == theirs["redeem"]["by_lead"]


def test_revisions_are_kept_and_said(folder):
    rows = (folder / "data.csv").read_text().splitlines()
    changed = [f"{row.split(',')[0]},{int(row.split(',')[1]) + 1},{row.split(',')[2]}" for row in rows[-3:]]
    (folder / "revised.csv").write_text("\n".join([rows[0], *changed]) + "\n")
    done = tidecast(folder, "monitor", "ledger", "--actuals", "revised.csv")
    assert "actual values of revised.csv (2024-08-15 to 2024-08-17), before it data.csv" in done.stdout
    assert "3 values were revised, and the last word counts" in done.stdout
    assert len(list((folder / "ledger/actuals").iterdir())) == 2
    tidecast(folder, "monitor", "ledger", "--actuals", "revised.csv")
    assert len(list((folder / "ledger/actuals").iterdir())) == 2
    assert "3 values were revised" in tidecast(folder, "monitor", "ledger").stdout


def test_a_damaged_file_is_named_and_left_out(folder):
    file = min((folder / "ledger/vintages").iterdir())
    file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    done = tidecast(folder, "monitor", "ledger", "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert len(found["vintages"]) == 4
    assert file.name in found["damaged"][0]
    assert file.name in done.stderr
    heads = tidecast(folder, "monitor", "ledger", "--heads")
    assert heads.returncode == 2
    assert file.name in heads.stderr


def test_heads_kept_elsewhere_tell_a_removed_file(folder):
    heads = tidecast(folder, "monitor", "ledger", "--heads").stdout.split()
    assert len(heads) == 2
    done = tidecast(folder, "monitor", "ledger", "--kept", heads[0], "--kept", heads[1])
    assert (done.returncode, done.stdout.split()) == (0, heads)
    (folder / f"ledger/{heads[0]}.parquet").unlink()
    assert tidecast(folder, "monitor", "ledger", "--heads").returncode == 0  # nothing shows it
    done = tidecast(folder, "monitor", "ledger", "--kept", heads[0])
    assert done.returncode == 2
    assert f"does not hold {heads[0]} as it was" in done.stderr


def write(folder, name, text):
    (folder / name).write_text(text)


def scaled(folder, name, factor):
    head, *rows = (folder / "data.csv").read_text().splitlines()
    cells = [row.split(",") for row in rows]
    write(folder, name, "\n".join([head, *(f"{d},{int(a) * factor},{int(b) * factor}" for d, a, b in cells)]))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ledger", "--actuals", "cents.csv"), "cents.csv: amounts of"),
        (("ledger", "--actuals", "others.csv"), "others.csv"),
        (("ledger", "--actuals", "none.csv"), "none.csv: there is no such file"),
        (("ledger", "--day", "2025-01-01"), "--day 2025-01-01: no forecast of ledger has that day"),
        (("ledger", "--day", "soon"), "--day soon: this is no day"),
        (
            ("ledger", "--series", "net"),
            "--series net: the forecasts are of purchase, redeem; take one of these series",
        ),
        (("ledger", "--labels", "data.csv"), "--labels: labelled days are compared with the alerts of a run"),
        ((RUN, "--day", "2024-07-08"), f"--day: {RUN} is no ledger"),
        ((RUN, "--html", "x.html"), "add --actuals FILE"),
        (("nowhere", "--actuals", "data.csv"), "nowhere holds neither a run nor a ledger: give the directory of one"),
        (("nowhere", "--heads"), "nowhere is no ledger: give one, made by run --ledger"),
    ],
)
def test_bad_input_gets_a_sentence(folder, arguments, sentence):
    scaled(folder, "cents.csv", 100)
    write(folder, "others.csv", "date,net\n2024-07-08,5\n")
    before = sorted((folder / "ledger").rglob("*"))
    done = tidecast(folder, "monitor", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert sorted((folder / "ledger").rglob("*")) == before


def test_another_unit_is_refused_before_anything_is_trained(folder):
    run = ("run", "config.yaml", "--data", "data.csv", "--executor", "local", "--run-dir", "usd", "--ledger", "ledger")
    done = tidecast(folder, *run, "--set", "data.unit=USD")
    assert done.returncode == 2
    assert "the unit of its forecasts: EUR; this one has USD" in done.stderr
    assert not (folder / "usd").exists()


def test_a_run_grows_by_what_came(made):
    """The forecast of one run: alerts as ever, and its accuracy and misses."""
    done = tidecast(made, "monitor", RUN, "--actuals", "data.csv", "--html", "run.html")
    assert done.returncode == 0, done.stderr
    assert "amounts of the days from 2024-07-08 to 2024-07-21" in done.stdout
    assert "purchase: where misses come from, EUR" in done.stdout
    assert (made / "run.html").exists()
    assert done.stdout.splitlines()[-1] == f"open: {made / 'run.html'}"
    done = tidecast(made, "monitor", RUN, "--actuals", "data.csv", "--json")
    assert json.loads(done.stdout)["review"]["accuracy"][0]["by_lead"][0]["n"] == 14
