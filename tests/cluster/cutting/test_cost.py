import pytest

from cluster.config import parse_config
from cluster.cutting.cost import REFERENCE_SECONDS, BatchCost, GpuCosts, GpuTiming, measured
from cluster.plan import make_plan
from forecasting.testing import make_panel

EXPECTED = BatchCost(1.0, 0.02, 100)


def timing(work, n_fits, seconds, model="a"):
    return GpuTiming(model, work, n_fits, seconds)


def test_few_fits_take_no_less_time_than_the_least():
    assert EXPECTED.seconds(1) == EXPECTED.seconds(100) == 3.0
    assert EXPECTED.seconds(200) == 5.0
    assert EXPECTED.times(2.0).seconds(200) == 9.0


def test_batches_of_several_sizes_show_both_costs():
    truth = BatchCost(4.0, 0.05, 100)
    sizes = [(0.5, 50), (0.5, 400), (2.0, 1_000), (1.0, 150)]
    found = measured([timing(work, n, truth.times(work).seconds(n)) for work, n in sizes], EXPECTED)["a"]
    assert (found.batch, found.fit, found.least) == pytest.approx((4.0, 0.05, 100))


def test_batches_of_one_size_scale_what_was_expected():
    found = measured([timing(1.0, 200, 10.0), timing(1.0, 200, 20.0)], EXPECTED)["a"]
    assert found.seconds(200) == pytest.approx(15.0)
    assert found.batch / found.fit == pytest.approx(EXPECTED.batch / EXPECTED.fit)


@pytest.mark.parametrize("seconds", [(20.0, 10.0), (0.0, 30.0), (10.0, 10.0)])
def test_noise_gives_no_cost_below_zero(seconds):
    found = measured([timing(1.0, n, s) for n, s in zip((200, 400), seconds, strict=True)], EXPECTED)["a"]
    assert found.batch >= 0
    assert found.fit > 0


def test_a_model_without_timings_costs_what_was_expected():
    costs = GpuCosts(EXPECTED, measured([timing(1.0, 200, 10.0)], EXPECTED))
    assert costs.of("b", 1.0) == EXPECTED
    assert costs.of("a", 1.0).seconds(200) == pytest.approx(10.0)


def test_the_configured_cost_is_said_of_the_usual_member():
    raw = {"windows": {"n_windows": 2}, "members": [{"model": "lstm-direct", "input_size": 15}]}
    (member,) = make_plan(parse_config(raw, "x"), make_panel(), "cpu").members
    assert member.build().seconds_per_fit == pytest.approx(REFERENCE_SECONDS)
