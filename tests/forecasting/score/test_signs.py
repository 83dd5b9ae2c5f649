from __future__ import annotations

import numpy as np
import pytest

from forecasting.errors import DataError
from forecasting.score.names import score_named, score_names
from forecasting.score.signs import refuse_negative

DAYS = ("2024-01-01", "2024-01-02", "2024-01-03")


def test_negative_amounts_are_refused_unless_the_score_allows_them():
    refuse_negative(score_named("wape"), np.array([-1.0, 2.0, -3.0]), DAYS, "a.csv: net")
    for name in score_names()[:3]:
        refuse_negative(score_named(name), np.array([0.0, np.nan, 3.0]), DAYS, "a.csv: net")
        with pytest.raises(DataError) as found:
            refuse_negative(score_named(name), np.array([0.0, -2.5, -3.0]), DAYS, "a.csv: net")
        assert found.value.where == "a.csv: net"
        assert found.value.what.startswith(f"-2.5 on 2024-01-02 is negative (2 days are), and the score {name} ")
        assert found.value.remedy == "correct it, or use the score wape"
