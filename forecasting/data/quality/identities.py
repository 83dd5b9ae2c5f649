"""The sums that hold in every row of the competition's user table, and where its category columns are empty."""

from __future__ import annotations

import numpy as np

from forecasting.data.quality.user_rows import Tallies, UserRows

__all__ = ["CATEGORIES", "IDENTITIES", "check_rules"]

IDENTITIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tBalance": (("yBalance", "total_purchase_amt"), ("total_redeem_amt",)),
    "total_purchase_amt": (("direct_purchase_amt", "share_amt"), ()),
    "direct_purchase_amt": (("purchase_bal_amt", "purchase_bank_amt"), ()),
    "total_redeem_amt": (("consume_amt", "transfer_amt"), ()),
    "transfer_amt": (("tftobal_amt", "tftocard_amt"), ()),
}
"""Column -> the columns it is the sum of, and those taken off."""

CATEGORIES = ("category1", "category2", "category3", "category4")
"""What was consumed, by kind."""
_CONSUME = "consume_amt"
_TOLERANCE = 1e-6


def check_rules(tallies: Tallies, rows: UserRows) -> None:
    """Count the rows that break a sum, or hold categories where nothing was consumed, or none where something was.

    Rows in which a cell of the rule cannot be used are left to the checks of single cells.
    """
    for total, (plus, minus) in IDENTITIES.items():
        columns = (total, *plus, *minus)
        if not all(c in rows.cells for c in columns):
            continue
        usable = np.logical_and.reduce([rows.cells[c].usable for c in columns])
        wanted = sum(rows.cells[c].values for c in plus) - sum(rows.cells[c].values for c in minus)
        off = usable & (np.abs(rows.cells[total].values - wanted) > _TOLERANCE)
        rule = " + ".join(plus) + "".join(f" - {c}" for c in minus)
        rows.count(tallies(f"{total} = {rule}", "warning", "correct the row"), off, *columns)
    _check_categories(tallies, rows)


def _check_categories(tallies: Tallies, rows: UserRows) -> None:
    present = tuple(c for c in CATEGORIES if c in rows.cells)
    if _CONSUME not in rows.cells or not present:
        return
    consume = rows.cells[_CONSUME]
    empty = np.stack([rows.cells[c].missing for c in present])
    consumed = consume.usable & (consume.values > 0)
    nothing = consume.usable & (consume.values == 0)
    shown = (_CONSUME, *present)
    remedy = "leave the categories empty exactly where consume_amt is 0"
    rows.count(
        tallies("categories where nothing was consumed", "warning", remedy), nothing & ~empty.all(axis=0), *shown
    )
    rows.count(
        tallies("no categories where something was consumed", "warning", remedy), consumed & empty.any(axis=0), *shown
    )
    if len(present) == len(CATEGORIES):
        total = sum(rows.cells[c].values for c in present)
        usable = consumed & np.logical_and.reduce([rows.cells[c].usable for c in present])
        off = usable & (np.abs(total - consume.values) > _TOLERANCE)
        rows.count(tallies("categories sum to consume_amt", "warning", "correct the row"), off, *shown)
