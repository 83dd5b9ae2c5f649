"""Windows of labelled days, and scaling by column."""

import numpy as np
import pytest

from forecasting.errors import TrialError
from forecasting.models.lstm.windows import LabelledDays, MinMax, past_columns, require_window
from tests.forecasting.histories import noisy_week


def days(lead=1, **changes):
    values = np.arange(20, dtype=np.float32)
    return LabelledDays(values[:, None], values, **({"steps": 3, "lead": lead, "split": 12, "end": 20} | changes))


@pytest.mark.parametrize("lead", [0, 1])
def test_labels_are_lead_days_after_their_inputs(lead):
    fit = days(lead).fit(7)
    assert fit.key == 7
    for part in (fit.train, fit.valid, fit.check):
        assert (part.y == part.x[:, :, 0] + lead).all()


def test_training_ends_before_the_split_and_validation_counts_from_it():
    fit = days().fit(0)
    assert fit.train.y.max() == 11
    assert (fit.train.weight == 1).all()
    assert ((fit.valid.y >= 12) == (fit.valid.weight == 1)).all()
    assert set(fit.valid.y[fit.valid.weight == 1]) == set(range(12, 20)), "every label to validate on, and no other"


def test_windows_side_by_side_overlap_only_at_the_end():
    starts = days().fit(0).check.x[:, 0, 0]
    assert starts.tolist() == [0, 3, 6, 8]


def test_scaling_goes_to_the_unit_range_and_back():
    columns = np.array([[1.0, 5.0, np.nan], [3.0, 5.0, np.nan], [2.0, np.nan, np.nan]])
    scaling = MinMax.of(columns)
    scaled = scaling.apply(columns)
    assert scaled[:, 0].tolist() == [0.0, 1.0, 0.5]
    assert np.isfinite(scaled).all(), "constant and unknown columns have a value too"
    assert scaling.undo(scaled[:, 0], 0).tolist() == columns[:, 0].tolist()
    again = MinMax.from_arrays(scaling.to_arrays())
    assert (again.apply(columns) == scaled).all()


def test_what_is_missing_is_named():
    history = noisy_week(30)
    with pytest.raises(TrialError, match="a-model has no column rate: the past covariates are none"):
        past_columns(history, ["rate"], "a-model")
    with pytest.raises(TrialError, match=r"has 30 days .* a window is 31"):
        require_window(history, 31)
    require_window(history, 30)
