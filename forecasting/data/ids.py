"""Which series an id means in the data of a configuration, and ids that would be one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series

__all__ = ["series_of", "trimmed"]


def series_of(spec: DataSpec, unique_id: str) -> Series | None:
    """The series that an id means; None if it is of none of the targets.

    In a long panel of one target an id is never taken apart. Elsewhere it is a target, or ``entity/target``.
    """
    if spec.is_long and len(spec.targets) == 1:
        return Series(next(iter(spec.targets)), unique_id, unique_id)
    found = Series.named(unique_id, spec.targets)
    return None if found is None or found.entity == "" else found


def trimmed(
    texts: Sequence[str], column: str, place: Callable[[int, str], str], spec: DataSpec | None = None
) -> list[str]:
    """The ids of a column's rows ``[n]`` without the spaces around them.

    Parameters
    ----------
    place
        Gives ``file:row`` of a row and column.
    spec
        Of the data whose ids these are; None: they are entities.

    Raises
    ------
    DataError
        When two of them differ in spaces alone, around the id or around the entity in it, and would be one.
    """
    first: dict[str, int] = {}
    for record, text in enumerate(texts):
        first.setdefault(text, record)
    taken_apart = spec is not None and spec.is_long and len(spec.targets) > 1
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for text, record in first.items():
        names = {"id": text, **({"entity": text.strip().rpartition("/")[0]} if taken_apart else {})}
        for kind, name in names.items():
            before, other = seen.setdefault((kind, name.strip()), (name, text))
            if before != name and name.strip():
                what = f"{column} is {text!r}, and {other!r} in another row, which differs in spaces"
                raise DataError(where=place(record, column), what=what, remedy="write both alike, or rename one")
    return [text.strip() for text in texts]
