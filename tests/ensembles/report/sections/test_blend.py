from __future__ import annotations

from dataclasses import replace

import pytest

from ensembles.report.context import ReportContext
from ensembles.report.sections.blend import MAX_PAIRS, SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import small_run


def test_units_stand_by_weight() -> None:
    part = SECTION.facts(small_context()).parts[0]
    assert (part.target, part.words) == ("purchase", "plain mean of families")
    assert [unit.name for unit in part.units] == ["a", "b", "c"]
    assert {unit.width for unit in part.units} == {100.0}
    assert "33.3%" in shown(SECTION, small_context()).text


def test_learned_weights_stand_beside_equal_ones_with_how_far_they_are_held() -> None:
    context = ReportContext.of(small_run(candidates=("mean", "inverse-error", "ridge", "simplex")))
    part = SECTION.facts(context).parts[0]
    names = [found.method for found in part.learned]
    assert {"inverse-error", "ridge", "simplex"} <= set(names)
    assert all(unit.equal == pytest.approx(1 / 3, abs=1e-6) for unit in part.units)
    for i, found in enumerate(part.learned):
        assert sum(unit.learned[i] or 0.0 for unit in part.units) == pytest.approx(1.0, abs=1e-5)
        assert found.held is None or 0.0 <= found.held <= 1.0
    text = shown(SECTION, context).text
    assert "held" in text
    assert "Equal weights over families, with the same kind of calibration, scored" in text


def test_a_median_has_no_weights() -> None:
    context = ReportContext.of(small_run(candidates=("median",), tie=0.0))
    methods = {part.method: part.weighted for part in SECTION.facts(context).parts}
    assert methods.get("median", False) is False
    assert context.results.blend is not None
    targets = {
        target: made.model_copy(
            update={"method": "median", "units": tuple(u.model_copy(update={"weight": None}) for u in made.units)}
        )
        for target, made in context.results.blend.targets.items()
    }
    results = replace(context.results, blend=context.results.blend.model_copy(update={"targets": targets}))
    text = shown(SECTION, replace(context, results=results)).text
    assert "No fixed weights: each day the median of 3: a, b, c." in text


def test_the_chosen_pair_is_always_listed() -> None:
    context = small_context()
    pairs = SECTION.facts(context).pairs
    assert pairs[0].rank == 1
    assert len(pairs) <= MAX_PAIRS + 2
    assert sum(row.pair.chosen for row in pairs) == 1
    assert "chosen" in shown(SECTION, context).text


def test_a_run_without_a_blend_says_so() -> None:
    text = shown(SECTION, failed_context()).text
    assert "There is no blend." in text
    assert "Nothing could be chosen." in text
