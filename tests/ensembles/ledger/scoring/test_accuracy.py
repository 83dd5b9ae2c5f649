"""Scores of vintages agree with the same scores computed the plain way."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from ensembles.ledger.files.vintage import Vintage
from ensembles.ledger.scoring.latest import LatestSaid
from ensembles.ledger.scoring.tally import span_lengths
from ensembles.ledger.tables import tables_of
from tests.ensembles.ledger.cases import DAY, actuals, facts, forecast_file, reviewed, vintage

STEP, HORIZON, N = 7, 35, 12
RNG = np.random.default_rng(4)
START = np.datetime64("2024-01-01")
Y = {uid: np.exp(RNG.normal(3, 0.3, 150)) for uid in ("x", "y")}


def as_of(k):
    return str(START + DAY * (30 + STEP * k - 1))


VINTAGES = [
    vintage(
        as_of(k),
        {
            uid: y[30 + STEP * k : 30 + STEP * k + HORIZON] * np.exp(RNG.normal(0.02, 0.1, HORIZON))
            for uid, y in Y.items()
        },
        width=0.15,
        members={uid: {"flat": np.full(HORIZON, 20.0)} for uid in Y},
    )
    for k in range(N)
]
LAST_KNOWN = START + DAY * 129


@pytest.fixture(scope="module")
def found():
    known = actuals({uid: y[:130] for uid, y in Y.items()}, str(START))
    return reviewed(VINTAGES[::-1], known)


@pytest.fixture(scope="module")
def frame():
    """Every judged day in long format."""
    parts = []
    for one in VINTAGES:
        uid = np.array(one.unique_ids)[one.place]
        y = [Y[u][(d - START).astype(int)] if d <= LAST_KNOWN else np.nan for u, d in zip(uid, one.ds, strict=True)]
        columns = {"as_of": one.facts.as_of, "uid": uid, "lead": one.lead, "ds": one.ds, "y_hat": one.y_hat, "y": y}
        parts.append(pd.DataFrame(columns | {"low": one.quantiles[0.1], "high": one.quantiles[0.9]}))
    return pd.concat(parts).dropna(subset="y")


def check(line, rows):
    error = rows.y_hat - rows.y
    assert line.n == len(rows)
    assert line.bias.value == pytest.approx(error.sum() / rows.y.sum())
    assert line.wape.value == pytest.approx(error.abs().sum() / rows.y.sum())
    points = 10 * (1 - (error.abs() / rows.y / 0.3).clip(upper=1))
    assert line.points.value == pytest.approx(points.mean())


def test_lead_times(found, frame):
    lines = {line.name: line for line in found.accuracy[0].by_lead}
    check(lines["all"], frame)
    for ahead in (1, 7, 14, 30):
        check(lines[f"lead {ahead}"], frame[frame.lead == ahead])
    inside = ((frame.y >= frame.low) & (frame.y <= frame.high)).mean()
    assert lines["all"].coverage[80].value == pytest.approx(inside)
    assert lines["lead 1"].wape.low < lines["lead 1"].wape.value < lines["lead 1"].wape.high


def test_totals_count_whole_known_spans_alone(found, frame):
    lines = {line.name: line for line in found.accuracy[0].by_lead}
    for name, length in (("week", 7), ("month", 30)):
        spans = frame.assign(span=(frame.lead - 1) // length).groupby(["as_of", "uid", "span"])
        whole = spans.filter(lambda rows, length=length: len(rows) == length)
        totals = whole.groupby(["as_of", "uid", "span"])[["y_hat", "y"]].sum()
        check(lines[name], totals)


def test_vintages_and_series(found, frame):
    for line in found.accuracy[0].by_vintage:
        check(line, frame[frame.as_of == line.name])
    assert [line.name for line in found.accuracy[0].by_vintage] == [as_of(k) for k in range(N)]
    for line in found.accuracy[0].by_series:
        check(line, frame[frame.uid == line.name])


def test_members(found, frame):
    wape = (frame.y - 20.0).abs().sum() / frame.y.sum()
    assert found.accuracy[0].members["flat"]["all"] == pytest.approx(wape)


def test_overlapping_days_count_once():
    """Vintages of 35 days every week: intervals are over stretches of the calendar, far fewer than vintages."""
    y = np.exp(np.random.default_rng(5).normal(3, 0.3, 200))
    made = [vintage(as_of(k), {"x": y[30 + STEP * k : 65 + STEP * k] * (1.1 + k / 100)}) for k in range(N + 4)]
    found = reviewed(made, actuals({"x": y}, str(START)))
    assert found.accuracy[0].sentence == "90% t intervals over 4 stretches of the calendar"
    wape = found.accuracy[0].overall.wape
    assert 0.1 < wape.low < wape.value < wape.high < 0.25


def test_two_stretches_give_no_interval(found):
    """Twelve forecasts of 35 days, but only two times 35 days."""
    (accuracy,) = found.accuracy
    assert accuracy.sentence.startswith("no interval for all days: the forecasts overlap")
    assert np.isnan(accuracy.overall.wape.low)


def test_totals_and_days_far_ahead_overlap_as_their_forecasts_do():
    """Weekly vintages: day 30 and the total of a month speak of 30 days, day 1 of one."""
    y = np.exp(np.random.default_rng(6).normal(3, 0.3, 400))
    made = [vintage(as_of(k), {"x": y[30 + STEP * k : 60 + STEP * k] * (1.1 + k / 100)}) for k in range(40)]
    (accuracy,) = reviewed(made, actuals({"x": y}, str(START))).accuracy
    lines = {line.name: line for line in accuracy.by_lead}
    weeks = np.arange(40) * 7

    def expected(error, size, n, length):
        place = weeks * n // length
        added = np.bincount(place, (error - error.sum() / size.sum() * size) / size.sum(), n)
        half = (1 + 1 / n) * t.ppf(0.95, n - 1) * np.sqrt(n / (n - 1) * (added**2).sum())
        return error.sum() / size.sum() - half, error.sum() / size.sum() + half

    factor = 0.1 + np.arange(40) / 100
    totals = np.array([y[30 + first : 60 + first].sum() for first in weeks])
    last, once = y[59 + weeks], y[30 + weeks]
    n = 303 // 30  # 273 days between the first days, and 30 days of the last
    bias = lines["month"].bias
    assert (bias.low, bias.high) == pytest.approx(expected(factor * totals, totals, n, 303))
    place = (weeks + 29) * n // 303
    added = np.bincount(place, (factor * last - (factor * last).sum() / last.sum() * last) / last.sum(), n)
    half = (1 + 1 / n) * t.ppf(0.95, n - 1) * np.sqrt(n / (n - 1) * (added**2).sum())
    bias = lines["lead 30"].bias
    assert bias.high - bias.value == pytest.approx(half)
    bias = lines["lead 1"].bias
    pairs = np.arange(40) * 20 // 40
    added = np.bincount(pairs, (factor * once - (factor * once).sum() / once.sum() * once) / once.sum(), 20)
    half = (1 + 1 / 20) * t.ppf(0.95, 19) * np.sqrt(20 / 19 * (added**2).sum())
    assert bias.high - bias.value == pytest.approx(half)


def test_a_coverage_of_all_days_has_no_interval():
    made = [vintage(str(START + DAY * (29 + 35 * k)), {"x": Y["x"][:35]}, width=0.5) for k in range(4)]
    known = actuals({"x": np.concatenate([Y["x"][:30], *[Y["x"][:35]] * 4])}, str(START))
    covered = reviewed(made, known).accuracy[0].overall.coverage[80]
    assert covered.value == 1.0
    assert np.isnan(covered.low)


def test_months_of_work_days_are_calendar_months():
    """June 2024 has 20 work days from the 3rd to the 28th, August 22 up to the 30th."""
    for last, first, end in (("2024-05-31", "2024-06-03", "2024-06-28"), ("2024-07-31", "2024-08-01", "2024-08-30")):
        days = np.arange(np.datetime64(first), np.datetime64(end) + DAY)
        days = days[(days.astype(int) + 3) % 7 < 5]
        told = facts(last, first, end, freq="B")
        whole = Vintage.of(told, forecast_file(days, {"flow": np.ones(len(days))}))
        assert span_lengths(whole).month == len(days)
        part = Vintage.of(
            told.model_copy(update={"end": str(days[-2])}), forecast_file(days[:-1], {"flow": np.ones(len(days) - 1)})
        )
        assert span_lengths(part).month == 21


@pytest.mark.parametrize(("n", "has"), [(3, False), (4, True)])
def test_an_interval_takes_four_forecasts(n, has):
    units = {"x": "EUR", "y": "JPY"}
    made = [
        vintage(
            str(START + DAY * (29 + 35 * k)), {uid: Y[uid][:35] * (1.1 + k / 10) for uid in Y}, width=0.1, units=units
        )
        for k in range(n)
    ]
    known = actuals({uid: np.concatenate([y[:30], *[y[:35]] * n]) for uid, y in Y.items()}, str(START))
    found = reviewed(made, known)
    for accuracy in found.accuracy:
        for line in accuracy.by_lead:
            if line.name != "month":
                assert all(np.isnan(value.low) != has for value in (line.bias, line.wape, *line.coverage.values()))
        assert (accuracy.sentence == "no intervals: they need at least four forecasts") != has
    notes = [table.note for table in tables_of(found) if "accuracy by lead time" in table.title]
    assert [bool(note) for note in notes] == [True, False]
    assert any(" to " in cell for table in tables_of(found) for row in table.rows for cell in row) == has


def test_vintages_in_any_order_give_the_same(found):
    known = actuals({uid: y[:130] for uid, y in Y.items()}, str(START))
    assert reviewed(VINTAGES, known).as_json() == found.as_json()


def test_days_without_a_forecast_are_said():
    known = actuals({"x": Y["x"], "z": Y["y"]}, str(START))
    found = reviewed(VINTAGES[:1], known)
    assert "y: there are forecasts but no actual values" in found.notes
    assert "z: not used, because no forecast is of such a series" in found.notes
    assert "85 days have actual values but no forecast (2024-03-06 to 2024-05-29)" in found.notes


def test_a_forecast_without_any_actual_value():
    found = reviewed(VINTAGES, actuals({"x": Y["x"][:40]}, str(START)))
    assert f"{N - 2} of {N} forecasts have no actual value yet" in found.notes


def test_misses_that_cannot_be_split_are_said():
    parts = {"level": Y["x"][:35]}
    one = vintage(as_of(0), {"x": Y["x"][:35]}, parts)
    found = reviewed([one], actuals({"x": Y["x"][:40]}, str(START)))
    assert any(
        note.startswith("flow: misses are not split, which takes 56 days of actual values") for note in found.notes
    )
    assert found.as_json()["misses"][0]["total"]["n"] == 0
    longer = reviewed([one], actuals({"x": Y["x"]}, str(START)))
    assert not any("not split" in note for note in longer.notes)
    assert longer.as_json()["misses"][0]["total"]["n"] == 35
    without = reviewed([vintage(as_of(0), {"x": Y["x"][:35]})], actuals({"x": Y["x"]}, str(START)))
    assert without.as_json()["misses"][0]["total"] == "not recorded"


def test_a_series_that_the_latest_forecast_lacks_is_judged_and_split():
    both = {uid: y[30:65] for uid, y in Y.items()}
    made = [
        vintage(as_of(0), both, {"level": np.concatenate(list(both.values()))}),
        vintage(as_of(5), {"x": Y["x"][65:100]}, {"level": Y["x"][65:100]}),
    ]
    found = reviewed(made, actuals(Y, str(START))).as_json()
    assert (found["misses"][0]["series"], found["misses"][0]["of_series"]) == (2, 2)
    assert found["misses"][0]["total"]["n"] == 105


def test_scores_of_other_forecasts_are_said():
    made = [vintage(as_of(0), {"x": Y["x"][:35]}), vintage(as_of(5), {"x": Y["x"][:35]}, score="wape")]
    notes = reviewed(made, actuals({"x": Y["x"]}, str(START))).notes
    assert "points are those of the latest forecast's score, wape; other forecasts were made for linear" in notes


def test_forecasts_on_the_same_data_stand_as_they_were_added():
    said = (3.0, 9.0, 1.0)
    made = [vintage(as_of(0), {"x": np.full(7, value)}) for value in said]
    known = actuals({"x": np.full(60, 9.0)}, str(START))
    found = reviewed(made, known, "2024-02-01")
    assert [change.y_hat for change in found.changes] == list(said)
    assert [change.changed for change in found.changes[1:]] == [6.0, -8.0]
    for order, error in ((made, 2 * 8 / 10), ([made[0], made[2], made[1]], 0.0)):
        latest = LatestSaid()
        for one in order:
            latest.add(one, known.at(one.unique_ids, one.place, one.ds))
        assert latest.error[0, 0] == pytest.approx(error)


def test_a_change_of_series_is_no_change_of_the_forecast():
    made = [vintage(as_of(0), {"x": np.ones(9)}), vintage(as_of(0), {"y": np.full(9, 5.0)})]
    found = reviewed(made, actuals(Y, str(START)), "2024-02-01")
    assert [change.n_series for change in found.changes] == [1, 1]
    assert np.isnan(found.changes[1].changed)


def test_small_amounts_keep_their_digits():
    one = vintage(as_of(0), {"x": Y["x"][30:65] * 1.23456e-9}, {"level": Y["x"][30:65] * 1e-9})
    found = reviewed([one], actuals({"x": Y["x"] * 1e-9}, str(START)), "2024-02-01").as_json()
    assert found["changes"][0]["y_hat"] == pytest.approx(float(one.y_hat[1]), rel=1e-11)
    total = found["misses"][0]["total"]
    assert sum(part["sum"] for part in total["parts"].values()) == pytest.approx(total["miss"], rel=1e-9)
    assert total["miss"] != 0


def test_one_day_from_vintage_to_vintage():
    known = actuals({uid: y[:130] for uid, y in Y.items()}, str(START))
    found = reviewed(VINTAGES[::-1], known, "2024-03-01")
    said = [(c.as_of, c.lead, c.y_hat) for c in found.changes]
    expected = []
    for one in VINTAGES:
        rows = np.flatnonzero(one.ds == np.datetime64("2024-03-01"))
        if len(rows):
            expected.append((one.facts.as_of, int(one.lead[rows[0]]), pytest.approx(one.y_hat[rows].sum())))
    assert said == expected
    assert len(said) == 5
    assert [c.changed for c in found.changes[1:]] == pytest.approx(np.diff([v for _, _, v in said]))
    assert np.isnan(found.changes[0].changed)
    assert all(c.y == pytest.approx(Y["x"][60] + Y["y"][60]) for c in found.changes)


def test_amounts_of_several_units_are_judged_apart():
    said, units = {"x": np.full(7, 10.0), "y": np.full(7, 1e6)}, {"x": "EUR", "y": "JPY"}
    one = vintage("2024-03-01", said, units=units)
    known = actuals({"x": np.full(7, 8.0), "y": np.full(7, 1e6)}, "2024-03-02")
    found = reviewed([one], known, "2024-03-04")
    overall = {accuracy.target: accuracy.overall for accuracy in found.accuracy}
    assert {target: line.wape.value for target, line in overall.items()} == {"flow, EUR": 0.25, "flow, JPY": 0.0}
    assert {change.target: change.y for change in found.changes} == {"flow, EUR": 8.0, "flow, JPY": 1e6}
    alone = vintage("2024-03-08", {"x": said["x"]}, units={"x": "EUR"})
    later = reviewed([one, alone], known)
    assert [accuracy.target for accuracy in later.accuracy] == ["flow, EUR", "flow, JPY"]
