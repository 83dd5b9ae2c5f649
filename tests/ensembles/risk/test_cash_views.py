"""What a reader may pick of the amounts to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.report.context import ReportContext
from ensembles.risk.cash import views as module
from ensembles.risk.cash.draws import joint_draws
from ensembles.risk.cash.flows import Flows
from ensembles.risk.cash.spans import days_ahead
from ensembles.risk.cash.terms import NET_FLOW, CashTerms, Limit
from ensembles.risk.cash.views import View, views_of
from forecasting.data.hierarchy.hierarchy import Hierarchy
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.risk.test_cash import NET, flows, position
from tests.ensembles.runs import run_of

FUNDS = ("fund0", "fund1", "fund2", "fund3")
PATHS = {"fund0": ("north",), "fund1": ("north", "harbour"), "fund2": (), "fund3": ("north",)}
UNITS = {"fund0": "EUR", "fund1": "EUR", "fund2": "EUR", "fund3": "USD"}
COMPANY = Hierarchy(PATHS, UNITS)
ALONE = Hierarchy(dict.fromkeys(FUNDS, ()), dict.fromkeys(FUNDS))


def different(n_entities: int = 4) -> Flows:
    """Each series with amounts of its own."""
    found = flows(5, n_entities=n_entities)
    rng = np.random.default_rng(7)
    return replace(found, ahead=np.round(found.ahead * rng.uniform(0.5, 2, found.ahead.shape), 2))


def named(found: tuple[View, ...]) -> dict[tuple[str, str | None], View]:
    return {(view.entity or " > ".join(view.path), view.unit): view for view in found}


def test_units_are_never_added() -> None:
    found = views_of(different(), NET, COMPANY, CashTerms(), 1)
    assert {key: view.entities for key, view in named(found).items()} == {
        ("", "EUR"): ("fund0", "fund1", "fund2"),
        ("", "USD"): ("fund3",),
        ("north", "EUR"): ("fund0", "fund1"),
        ("north", "USD"): ("fund3",),
        ("north > harbour", "EUR"): ("fund1",),
        **{(fund, UNITS[fund]): (fund,) for fund in FUNDS},
    }


def test_forecasts_of_a_view_are_the_sums_of_its_entities_and_its_band_that_of_their_joint_draws() -> None:
    given = different()
    found = named(views_of(given, NET, COMPANY, CashTerms(), 1))
    view = found["north", "EUR"]
    assert view.flows["in"].point == pytest.approx(given.ahead[[0, 2]].sum(axis=0), rel=0, abs=1e-6)
    assert view.flows[NET_FLOW].point == pytest.approx(view.flows["in"].point - view.flows["out"].point, rel=1e-12)
    net = joint_draws(given, 1).total({0: 1.0, 1: -1.0, 2: 1.0, 3: -1.0})
    assert view.flows[NET_FLOW].quantiles[0.1] == pytest.approx(net.quantiles([0.1])[0.1])
    week = view.totals["ahead"]
    assert week.spans[0].days == slice(0, 7)
    assert week.flows[NET_FLOW].quantiles[0.9][0] == pytest.approx(net.over([slice(0, 7)]).quantiles([0.9])[0.9][0])
    alone = [found[fund, "EUR"].flows[NET_FLOW].quantiles[0.9] for fund in ("fund0", "fund1")]
    assert (view.flows[NET_FLOW].quantiles[0.9] < sum(alone)).all()  # ends of bands do not add up


def test_accounts_of_the_run_are_taken_as_they_are() -> None:
    given, terms = different(), CashTerms(openings=dict.fromkeys(FUNDS, 1e6), limits={"": (Limit("minimum", 5e5),)})
    cash = position(given, 1, terms)
    taken, made = (views_of(given, NET, ALONE, terms, 1, which) for which in ((cash,), ()))
    assert taken[0].account is cash.total
    assert [view.account for view in taken[1:]] == list(cash.accounts)
    for a, b in zip(taken, made, strict=True):
        assert a.account is not None
        assert b.account is not None
        assert (a.account.opening, [r.limit for r in a.account.limits]) == (
            b.account.opening,
            [r.limit for r in b.account.limits],
        )
        for name, banded in a.flows.items():
            assert banded.quantiles[0.1] == pytest.approx(b.flows[name].quantiles[0.1])


def test_what_is_given_for_a_unit_is_that_of_all_its_entities() -> None:
    limits = {"EUR": (Limit("minimum", 5e5),), "fund3": (Limit("minimum", 7e5),)}
    terms = CashTerms(openings={"EUR": 9e6, "fund3": 1e6}, limits=limits)
    found = named(views_of(different(), NET, COMPANY, terms, 1))
    given = {key: view.account for key, view in found.items() if view.account}
    assert [given["", unit].opening for unit in ("EUR", "USD")] == [9e6, 1e6]
    assert [given["", unit].limits[0].limit.amount for unit in ("EUR", "USD")] == [5e5, 7e5]
    assert given["fund0", "EUR"].opening is None


def test_the_balance_of_everything_is_not_that_of_a_group() -> None:
    terms = CashTerms(openings={"": 9e6}, limits={"": (Limit("minimum", 5e5),)})
    groups = Hierarchy(PATHS, dict.fromkeys(FUNDS, "EUR"))
    found = {key: view.account for key, view in named(views_of(different(), NET, groups, terms, 1)).items()}
    everything, north = found["", "EUR"], found["north", "EUR"]
    assert everything is not None
    assert north is not None
    assert (everything.opening, north.opening) == (9e6, None)


def test_a_part_has_a_balance_where_all_its_entities_have() -> None:
    terms = CashTerms(openings={"fund0": 1e6, "fund1": 2e6}, limits={"": (Limit("minimum", 5e5),)})
    found = named(views_of(different(), NET, COMPANY, terms, 1))
    openings = {key: view.account.opening for key, view in found.items() if view.account}
    assert openings["north", "EUR"] == 3e6
    assert openings["fund1", "EUR"] == 2e6
    assert openings["", "EUR"] is openings["", "USD"] is openings["fund2", "EUR"] is None
    north = found["north", "EUR"].account
    assert north is not None
    assert [risk.limit.name for risk in north.limits] == ["zero"]  # that of all together is not a part's


def test_without_two_targets_there_is_no_net_flow_and_no_balance() -> None:
    given = different()
    rows = [0, 2, 4, 5, 6]  # of fund2 both sides, of the others what comes in
    some = replace(
        given,
        series=tuple(given.series[row] for row in rows),
        **{name: getattr(given, name)[rows] for name in ("y_hat", "y", "ahead")},
    )
    found = named(views_of(some, NET, ALONE, CashTerms(), 1))
    assert found["fund0", None].account is None
    assert list(found["fund0", None].flows) == ["in"]
    assert list(found["fund2", None].flows) == ["in", "out", NET_FLOW]
    everything, fund2 = found["", None], found["fund2", None]
    for name in fund2.flows:  # so that what comes in less what goes out is the net flow, as in cash.csv
        np.testing.assert_array_equal(everything.flows[name].point, fund2.flows[name].point)
    assert (everything.entities, everything.without) == (("fund2",), ("fund0", "fund1", "fund3"))
    assert found["fund0", None].totals["week"].spans == found["fund2", None].totals["week"].spans


def test_of_many_entities_the_largest_may_be_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 4)
    given = different()
    sizes = given.ahead.reshape(4, 2, -1).sum(axis=(1, 2))
    found = views_of(given, NET, ALONE, CashTerms(), 1)
    assert {view.entity for view in found if view.entity} == {f"fund{i}" for i in np.argsort(sizes)[-2:]}
    assert found[0].entities == FUNDS


def test_the_first_days_are_counted_in_calendar_days() -> None:
    daily = np.datetime64("2024-03-04") + np.arange(20)
    assert [span.days.stop for span in days_ahead(daily)] == [7, 14, 20]
    assert [span.days.stop for span in days_ahead(daily[:14])] == [7, 14]
    assert [span.days.stop for span in days_ahead(daily[:5])] == [5]
    work = daily[np.is_busday(daily)]
    assert [span.days.stop for span in days_ahead(work)] == [5, 10, 15]
    weeks = np.datetime64("2024-03-04") + 7 * np.arange(6)
    assert [(span.days.stop, span.start, span.end) for span in days_ahead(weeks)] == [
        (1, weeks[0], weeks[0]),
        (2, weeks[0], weeks[1]),
        (6, weeks[0], weeks[5]),
    ]


def test_a_single_series_has_the_bands_of_its_forecast_and_sums_have_those_of_the_draws() -> None:
    cube = random_cube("sales", "a:x2 a:y1 b:z1 c:w2", month_cutoffs(4), 28, seed=3)
    results = run_of({"sales": cube}, weights={"sales": 1.0})
    context = ReportContext.of(results)
    assert context.views is not None
    assert results.forecast is not None
    given, (view,) = context.views
    blend = results.forecast.blend
    assert set(view.flows["sales"].quantiles) <= set(blend.quantiles)
    drawn = joint_draws(given, results.run.seed).total([0])
    for p, values in view.flows["sales"].quantiles.items():
        assert values == pytest.approx(blend.quantiles[p], rel=1e-12)
        for sums in view.totals.values():
            for at, span in enumerate(sums.spans):
                days, alone = span.days, span.days.stop - span.days.start == 1
                wanted = blend.quantiles[p][days.start] if alone else drawn.over([days]).quantiles([p])[p][0]
                assert sums.flows["sales"].quantiles[p][at] == pytest.approx(wanted, rel=1e-9)
    assert drawn.quantiles([0.1])[0.1] != pytest.approx(blend.quantiles[0.1])
