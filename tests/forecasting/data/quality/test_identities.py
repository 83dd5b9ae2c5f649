"""Sums and categories of a row are held against each other."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from forecasting.data.quality.identities import check_rules
from forecasting.data.quality.user_rows import Cells, Tallies, UserRows


def tallied(**columns: list[int | None]) -> dict[str, tuple[int, int]]:
    """Check -> count and first record."""
    n = len(next(iter(columns.values())))
    batch = pa.RecordBatch.from_pydict(columns)
    cells = {
        name: Cells(np.array([v or 0 for v in values]), np.array([v is None for v in values]), np.zeros(n, dtype=bool))
        for name, values in columns.items()
    }
    days = np.full(n, np.datetime64("2014-01-01", "D"))
    tallies = Tallies()
    check_rules(tallies, UserRows(0, range(10, 10 + batch.num_rows), batch, "ds", days, None, cells))
    return {name: (t.count, t.first[1]) for name, t in tallies.by_name.items() if t.first is not None}


def test_broken_sums_are_counted_where_all_cells_are_usable() -> None:
    found = tallied(total_redeem_amt=[3, 9, 9, 3], consume_amt=[1, 1, 1, None], transfer_amt=[2, 2, 2, 2])
    assert found == {"total_redeem_amt = consume_amt + transfer_amt": (2, 11)}


def test_categories_are_empty_exactly_where_nothing_was_consumed() -> None:
    categories = {f"category{k}": [None, 1, None, 1] for k in (1, 2, 3)}
    found = tallied(consume_amt=[0, 0, 7, 4], category4=[None, 1, None, 2], **categories)
    assert found == {
        "categories where nothing was consumed": (1, 11),
        "no categories where something was consumed": (1, 12),
        "categories sum to consume_amt": (1, 13),
    }
