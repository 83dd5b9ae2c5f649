"""What a reader picks of entities in several units has the limits and balances of the run's positions."""

from __future__ import annotations

from ensembles.risk.cash.of_run import views_of_run
from tests.ensembles.risk.test_cash_units import NET, UNITS, positions, run_in, same


def test_views_of_units_are_the_positions() -> None:
    results = run_in(UNITS, {"EUR": 5e8, "fund1": 7e8}, minimum={"EUR": 4e8, "fund1": 6e8})
    found = positions(results)
    for given in (found, ()):
        made = views_of_run(results.run, results.oof, results.forecast, NET, given)
        assert made is not None
        views = {(view.unit, view.entity): view.account for view in made[1] if not view.path}
        for position in found:
            for account in (position.total, *position.accounts):
                view = views[position.unit, account.entity]
                assert view is not None
                assert same(view, account)
