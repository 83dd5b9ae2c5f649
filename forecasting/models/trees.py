"""The structure of a LightGBM model's text: checked before the library, which trusts every number in it, reads it.

The library takes places in the text and indices of trees as they stand. A wrong one makes it read outside its memory,
or walk in a circle. Here every tree must be one tree: arrays of the right lengths, splits on columns that exist, and
every node and leaf reached exactly once from the root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from forecasting.models.base import DamagedState
from forecasting.schema import IntArray

__all__ = ["OBJECTIVES", "checked_model"]

END = "end of trees\n"
VERSIONS = ("v3", "v4")
"""Of the format."""
OBJECTIVES = {"l1": "regression_l1", "l2": "regression", "huber": "huber", "fair": "fair"}
"""Our loss → the library's name of it."""
DECISIONS = frozenset({0, 2, 4, 6, 8, 10})
"""Bits of a split on a number: what is missing (4, 8) and where it goes (2); an odd one would split on categories."""
WHOLE, REAL = r"-?\d{1,10}", r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
BOUND = rf"(?:{REAL}|inf)"
"""LightGBM writes a split between numbers and missing values as one at infinity."""
OF_SPLITS = {
    "split_feature": WHOLE,
    "threshold": BOUND,
    "decision_type": WHOLE,
    "left_child": WHOLE,
    "right_child": WHOLE,
}
"""What each split has, and how it is written."""
OF_LEAVES = {"leaf_value": REAL, "leaf_count": WHOLE}


def checked_model(text: str, *, objective: str, most_trees: int, most_leaves: int) -> str:
    """A model as text for the library, written anew from the checked values that a forecast needs and nothing else.

    Of such a text it gives the same text again.

    Raises
    ------
    DamagedState
        When it is no model of one value with this objective and at most so many trees and leaves.
    """
    head, sign, _ = text.partition("\n\n")
    _must(bool(sign) and head.startswith("tree\n"), "it does not begin as a model")
    keys = _keys(head.removeprefix("tree\n"))
    _must(keys.get("version") in VERSIONS, "its version is not known")
    for key, value in {"num_class": "1", "num_tree_per_iteration": "1", "objective": OBJECTIVES[objective]}.items():
        _must(keys.get(key) == value, f"{key} is not {value}")
    n_columns = _number(keys, "max_feature_idx") + 1
    _must(len(keys.get("feature_names", "").split(" ")) == n_columns, f"feature_names are not {n_columns}")
    sizes = _whole(keys, "tree_sizes")
    _must(1 <= len(sizes) <= most_trees and bool((sizes > 0).all()), "tree_sizes do not fit the settings")
    ends = len(head) + 2 + np.cumsum(sizes)
    _must(text.startswith(END, int(ends[-1])), "tree_sizes do not fit the text")
    places = enumerate(zip(ends - sizes, ends, strict=True))
    trees = [_tree(text[start:end], place, n_columns, most_leaves) for place, (start, end) in places]
    return f"{_head(keys, n_columns, [len(tree) for tree in trees])}{''.join(trees)}{END}"


def _head(keys: Mapping[str, str], n_columns: int, sizes: Sequence[int]) -> str:
    names, infos = " ".join(f"Column_{column}" for column in range(n_columns)), " ".join(["none"] * n_columns)
    return (
        f"tree\nversion={keys['version']}\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        f"max_feature_idx={n_columns - 1}\nobjective={keys['objective']}\nfeature_names={names}\n"
        f"feature_infos={infos}\ntree_sizes={' '.join(map(str, sizes))}\n\n"
    )


def _tree(text: str, place: int, n_columns: int, most_leaves: int) -> str:
    title, _, body = text.partition("\n")
    _must(title == f"Tree={place}" and body.endswith("\n"), f"there is no tree {place} where one should be")
    keys = _keys(body.strip("\n"))
    n_leaves = _number(keys, "num_leaves")
    _must(1 <= n_leaves <= most_leaves, f"tree {place} has {n_leaves} leaves")
    _must(keys.get("num_cat") == "0" and keys.get("is_linear", "0") == "0", f"tree {place} is of another kind")
    kept = {key: _values(keys, key, form, n_leaves - 1) for key, form in OF_SPLITS.items()}
    kept |= {key: _values(keys, key, form, n_leaves) for key, form in OF_LEAVES.items()}
    kept["shrinkage"] = _values(keys, "shrinkage", REAL, 1)
    counts, columns, decisions = (_whole(keys, key) for key in ("leaf_count", "split_feature", "decision_type"))
    _must(bool(((counts >= 0) & (counts < 2**31)).all()), f"tree {place} has odd counts of rows")
    _must(bool(((columns >= 0) & (columns < n_columns)).all()), f"tree {place} splits on a column that does not exist")
    _must(DECISIONS.issuperset(decisions.tolist()), f"tree {place} decides in a way that does not exist")
    _check_paths(_whole(keys, "left_child"), _whole(keys, "right_child"), place)
    lines = [title, f"num_leaves={n_leaves}", "num_cat=0", *(f"{key}={value}" for key, value in kept.items())]
    return "\n".join(lines) + "\n\n\n"


def _check_paths(left: IntArray, right: IntArray, place: int) -> None:
    """A child k ≥ 0 is split k, a child below 0 is leaf -k - 1; all but the root are some split's child, once."""
    n = len(left)
    children = np.concatenate([left, right])
    wanted = np.concatenate([np.arange(-(n + 1), 0), np.arange(1, n)]) if n else children
    _must(np.array_equal(np.sort(children), wanted), f"tree {place} does not reach every node once")
    # Each node has one parent now, so what the root does not reach goes in circles.
    reached, level = 0, np.zeros(min(n, 1), dtype=np.int64)
    while len(level):
        reached += len(level)
        below = np.concatenate([left[level], right[level]])
        level = below[below >= 0]
    _must(reached == n, f"tree {place} goes in circles")


# -- lines of key=value


def _keys(text: str) -> Mapping[str, str]:
    keys: dict[str, str] = {}
    for key, value in _pairs(text):
        _must(key not in keys, f"{key} stands twice")
        keys[key] = value
    return keys


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        key, sign, value = line.partition("=")
        _must(bool(sign) and key.isidentifier(), "a line is no key and value")
        yield key, value


def _values(keys: Mapping[str, str], key: str, form: str, count: int) -> str:
    """The values under a key, of which there must be so many, written as `form` says."""
    text = keys.get(key, "")
    found = text.count(" ") + 1 if text else 0
    _must(key in keys and found == count, f"{key} has {found} values for {count}")
    numbers = re.fullmatch(f"(?:{form}(?: {form})*)?", text, re.ASCII) is not None
    # Digits that say a number too large for its type are no infinity that the library wrote.
    finite = numbers and all(np.isfinite(float(word)) for word in text.split() if word != "inf")
    _must(finite, f"{key} holds what is no finite number")
    return text


def _whole(keys: Mapping[str, str], key: str) -> IntArray:
    text = keys.get(key, "")
    _must(key in keys, f"{key} is missing")
    return np.array(_values(keys, key, WHOLE, text.count(" ") + 1 if text else 0).split(), dtype=np.int64)


def _number(keys: Mapping[str, str], key: str) -> int:
    return int(_values(keys, key, WHOLE, 1))


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DamagedState(f"the trees are damaged: {otherwise}")
