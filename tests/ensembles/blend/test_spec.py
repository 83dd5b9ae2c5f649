from __future__ import annotations

import pytest
from pydantic import ValidationError

from ensembles.blend.combination import BASELINE, Candidate
from ensembles.blend.spec import BlendSpec


def test_settings_of_the_blend() -> None:
    assert BlendSpec(candidates=("greedy/settings",)).parsed() == (
        Candidate("mean", "families"),
        Candidate("greedy", "settings"),
    )
    assert len(BlendSpec().parsed()) == 14  # picks and free weights only when asked for
    with pytest.raises(ValidationError, match="none of mean"):
        BlendSpec(candidates=("gredy",))
    with pytest.raises(ValidationError, match="tie"):
        BlendSpec(tie=-1)


def test_a_candidate_that_is_named_twice_counts_once() -> None:
    assert BlendSpec(candidates=("greedy", "greedy/families", "mean")).parsed() == (
        BASELINE,
        Candidate("mean", "settings"),
        Candidate("greedy", "families"),
        Candidate("greedy", "settings"),
    )
