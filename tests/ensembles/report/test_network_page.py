from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ensembles.evaluation.run_results import LearningCurve
from ensembles.files.amounts import Amounts
from ensembles.report.network_page import NetworkFit, network_charts, network_html

DS = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")


def fit(**changes: Any) -> NetworkFit:
    y = np.linspace(10.0, 20.0, len(DS))
    return NetworkFit(
        name="net <b>",
        unique_id="close",
        losses=LearningCurve([0.9, 0.4, 0.3], [0.8, 0.5, 0.6]),
        epoch=2,
        train=np.datetime64("2024-01-01"),
        valid=np.datetime64("2024-01-20"),
        test=np.datetime64("2024-02-01"),
        ds=DS,
        y=y,
        y_hat=np.append(y[:1], y[:-1]),
        **changes,
    )


def test_losses_and_fit_of_each_network() -> None:
    losses, fitted = network_charts([fit()], Amounts.of("table", "CNY"))
    assert "weights of epoch 2 of 3, training 0.4000, validation 0.5000" in losses.title
    names = [key.name for key in fitted.legend]
    assert names == ["truth", "training, one step ahead", "validation, one step ahead", "test, one step ahead"]


def test_changes_are_compounded_from_the_last_known_price() -> None:
    one = fit(compounds=True)
    rebuilt = network_charts([one], Amounts.of("table", "CNY"))[2].layers[1]
    first = int(np.flatnonzero(one.ds >= one.test)[0])
    expected = one.y[first - 1] * np.cumprod(one.y_hat[first:] / one.y[first - 1 : -1])
    np.testing.assert_allclose(rebuilt.y, expected)  # type: ignore[union-attr]


def test_the_page_loads_nothing() -> None:
    page = network_html("prices", [fit()], Amounts.of("table", "CNY"))
    assert "default-src 'none'" in page
    assert "net <b>" not in page
    assert "<h1>prices</h1>" in page


@pytest.mark.parametrize("published", [None, np.full(len(DS), 15.0)])
def test_what_was_published_is_drawn_where_it_is_known(published: Any) -> None:
    one = fit(claim="fits all", published=published)
    names = [key.name for key in network_charts([one], Amounts.of("table", "CNY"))[1].legend]
    assert ("as published: fits all" in names) == (published is not None)
