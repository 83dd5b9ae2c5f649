"""What is promised of GPU plans, on the machines of the table in cluster/README.md, and in the executor's loop."""

from pathlib import Path

import pytest

from tests.bench import placement
from tests.bench.executor import on_gpus

README = Path(__file__).parents[3] / "cluster" / "README.md"


@pytest.fixture(scope="module")
def rows():
    return placement.rows()


def test_no_plan_ends_long_after_its_bound_or_later_than_before(rows):
    for row in rows:
        workers = row.view.workers
        assert workers.lower_bound <= workers.seconds * (1 + 1e-9)
        assert workers.seconds <= 1.15 * workers.lower_bound, row.cells()
        assert workers.seconds <= 1.01 * row.before, row.cells()  # of cuts within 1%, the one of shorter batches


def test_the_work_is_even_to_a_tenth_or_a_trial(rows):
    for row in rows:
        assert row.above_mean <= max(0.1 * row.view.workers.mean, row.one_trial), row.cells()


def test_batches_fit_into_the_share_of_a_worker(rows):
    for row in rows:
        assert 0 < row.view.gpu_memory <= row.view.slots.gpu_memory, row.cells()


def test_the_table_is_what_the_command_prints(rows):
    assert placement.table(rows) in README.read_text(), "run python -m tests.bench.placement and put it there"


@pytest.mark.parametrize("case", placement.CASES)
def test_the_loop_ends_when_the_plan_says(case):
    assert on_gpus(case)["ratio"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("deaths", [1, 2, 4])
def test_workers_that_die_cost_a_long_plan_less_than_a_tenth(deaths):
    found = on_gpus("1,000 funds", times=10, deaths=deaths)
    assert 1.0 <= found["ratio"] <= 1.1
    assert found["ratio"] > 1.0 or deaths == 1, "one that dies early may cost nothing"


@pytest.mark.parametrize("deaths", [1, 3])
def test_workers_that_die_cost_a_short_plan_a_batch(deaths):
    found = on_gpus("local-gpu", deaths=deaths)
    assert found["planned_s"] < found["simulated_s"] <= 1.1 * (found["planned_s"] + found["longest_s"])
