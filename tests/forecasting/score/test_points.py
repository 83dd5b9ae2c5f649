from __future__ import annotations

import numpy as np

from forecasting.score.points import round_submission


def test_a_submission_is_whole_and_never_negative():
    rounded = round_submission(np.array([-3.2, -0.2, 1.4, 1.6, np.nan]))
    np.testing.assert_array_equal(rounded, [0, 0, 1, 2, np.nan])
