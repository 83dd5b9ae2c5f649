"""Fitted states as bytes: the layout of a ``batches/<id>.safetensors`` file, version 1.

A file holds the states of several fits, each under the key of its trial:

    <trial key>/<array>    one tensor per array of the state, little-endian, in the array's own type and shape
    __metadata__           the file's string map: layout → the version; <trial key> → the state's facts as JSON

What the arrays and facts are is the model's own matter; the batch's .parquet notes the `version` of the model that
wrote them, and other versions are not read.

    seasonal-naive, weekday-mean, weekday-median   nothing
    file               ds [n] in days since 1970, y_hat [n]; facts: cutoff
    periodic-factor    weekday [7], month_day [31], log factors
    calendar-level     calendar
    arima              calendar; params [n] in statsmodels' order, centre [1], used_columns [k];
                       facts: orders (p, d, q, P, Q), warnings by category
    lightgbm-*         model [bytes]: trees in LightGBM's text format (see `trees`); calendar, of lightgbm-global that
                       of the panel
    smoothing          calendar of the panel; params [n_series, n_params], ahead [n_series, horizon] log levels to
                       come, known [n_series] marks of the levels that the fit saw
    lstm-direct        calendar; parameters, scale [1]; facts: horizon, backend, losses
    lstm-global        parameters; facts: horizon, backend, losses
    lstm-classic       parameters, scaling [2], smallest value and spread; facts: days, backend, losses
    lstm-covariates    parameters; low, spread, usual [1 + covariates]; facts: days, backend, losses, article
    lstm-price         parameters.<name>: of each layer i layers.i.kernel [gates · units, inputs], layers.i.recurrent
                       [gates · units, units], layers.i.bias [gates · units] and, of a GRU, layers.i.candidate_bias
                       [units]; with attention score.weight, score.bias, focus; dense.weight, dense.bias; out.weight,
                       out.bias; low, spread, usual [2 + covariates]; facts: days, compounds, losses, article

    calendar           calendar_coefficients [n_effects] on log y, calendar_scale [1]
    calendar of the panel, if any: occasions, yearly on log y; series [n_series] keys of the series, rising; own
                       [n_series, n_effects] and own_scale [n_series], a calendar for each; facts: holidays
    parameters         [n] as `forecasting.models.lstm.engine.network` lays them out
    low, spread, usual smallest value, spread and median by column: y, covariates, of a price the change
    losses             facts epoch (whose weights these are), train_loss and valid_loss by epoch
    days               fact: first day of train, valid and test
    article            only as published: published [n], its own fit of the last days; facts claim, test_loss

Any reader of safetensors can open it. There are no pickles.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from forecasting.errors import DamagedFile, StorageError, TrialError
from forecasting.models.base import DamagedState, State
from forecasting.schema import iso

__all__ = [
    "array_of",
    "check_storable",
    "check_training",
    "damaged",
    "day_in",
    "fact_of",
    "pack_states",
    "unpack_states",
]

LAYOUT, VERSION = "layout", "1"
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BOOL": 1}
SIZES |= {f"{kind}{8 * size}": size for kind in "IU" for size in (1, 2, 4, 8)}
"""Bytes of one value, by its type in a file."""
STORED = (
    "float64",
    "float32",
    "float16",
    "bool",
    *(f"{sign}int{8 * size}" for sign in ("", "u") for size in (1, 2, 4, 8)),
)
"""Types of arrays that a file holds."""

Arrays = Mapping[str, np.ndarray[Any, Any]]
Fact = TypeVar("Fact")


def pack_states(states: Mapping[str, State]) -> bytes:
    """Arrays as ``key/name`` tensors, facts as JSON in the file's metadata; equal states give equal bytes."""
    from safetensors.numpy import save

    tensors = {
        f"{key}/{name}": np.ascontiguousarray(array)
        for key, state in states.items()
        for name, array in state.arrays.items()
    }
    metadata = {key: json.dumps(dict(state.meta)) for key, state in states.items()}
    return _in_order(save(tensors, {LAYOUT: VERSION, **metadata}))


def check_storable(state: State) -> None:
    """Refuse what no file can hold, or what the program itself reads otherwise.

    Raises
    ------
    TrialError
        Naming the array or fact.
    """
    for name, array in state.arrays.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.name not in STORED:
            kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise TrialError(f"{name} of its state is {kind}: use arrays of {', '.join(STORED)}")
    try:
        json.dumps(dict(state.meta))
    except (TypeError, ValueError, RecursionError) as error:
        raise TrialError(f"the facts of its state cannot be stored as JSON ({error})") from None
    counts = state.meta.get("warnings", {})
    if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
        raise TrialError("the fact warnings of its state must hold a whole number for each category")
    losses = state.meta.get("train_loss", [])
    if not isinstance(losses, list) or not all(type(loss) in (int, float) for loss in losses):
        raise TrialError("the fact train_loss of its state must hold a number for each epoch")


def _in_order(data: bytes) -> bytes:
    """The same file with a sorted header: the library writes metadata in another order every time."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + data[end:]


def unpack_states(data: bytes, where: str = "a file of fitted states") -> dict[str, State]:
    """Inverse of `pack_states`; `where` names the file in errors.

    Raises
    ------
    StorageError
        When the file is damaged, or has another layout.
    """
    try:
        tensors, metadata = _header(data)
        layout = metadata.pop(LAYOUT, VERSION)
        if layout == VERSION:
            return _states(data, tensors, metadata)
    except (DamagedState, ValueError, RecursionError) as error:
        raise damaged(where, str(error)) from None
    what = f"fitted states are stored in layout {layout}, and this version reads layout {VERSION}"
    raise StorageError(where=where, what=what, remedy="run again in a new run directory")


def damaged(where: str, why: str) -> DamagedFile:
    """The error about damaged states in a file of a batch."""
    return DamagedFile(where, why, "delete the files of this batch and run again: only its trials are trained anew")


def _header(data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """What a file says of its tensors, and its string map; the tensors must fill the rest of the file exactly."""
    length = int.from_bytes(data[:8], "little")
    _must(len(data) >= 8 and length <= len(data) - 8, "it is cut off")
    tensors = json.loads(data[8 : 8 + length])
    _must(isinstance(tensors, dict), "its header is no table")
    metadata = tensors.pop("__metadata__", {})
    _must(isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values()), "its facts are no texts")
    end = 0
    for start, stop in sorted(_span(name, tensor) for name, tensor in tensors.items()):
        _must(start == end, "its arrays do not lie side by side")
        end = stop
    _must(8 + length + end == len(data), "its arrays do not fill it")
    return tensors, metadata


def _span(name: str, tensor: Any) -> tuple[int, int]:
    """First byte of a tensor and the byte behind it, as its type and shape ask for."""
    _must(isinstance(tensor, dict) and tensor.keys() == {"dtype", "shape", "data_offsets"}, f"{name} is no array")
    shape, offsets = tensor["shape"], tensor["data_offsets"]
    whole = all(isinstance(part, list) and all(type(n) is int and n >= 0 for n in part) for part in (shape, offsets))
    _must(whole and len(offsets) == 2 and tensor["dtype"] in SIZES, f"{name} has no type and shape")
    start, stop = offsets
    _must(stop - start == math.prod(shape) * SIZES[tensor["dtype"]], f"{name} has not the size of its shape")
    return start, stop


def _states(data: bytes, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, State]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    facts = {key: json.loads(text) for key, text in metadata.items()}
    _must(all(isinstance(found, dict) for found in facts.values()), "the facts of a state are no table")
    _must(all(name.partition("/")[0] in facts for name in tensors), "an array belongs to no state")
    arrays: dict[str, dict[str, np.ndarray[Any, Any]]] = {key: {} for key in facts}
    try:
        for name, array in load(data).items():
            key, _, field = name.partition("/")
            arrays[key][field] = array
    except SafetensorError as error:
        raise DamagedState(str(error)) from None
    return {key: State(arrays[key], found) for key, found in facts.items()}


# -- what a state must hold


def array_of(
    arrays: Arrays, name: str, dtype: type[np.generic], *shape: int | None, finite: bool = True
) -> np.ndarray[Any, Any]:
    """An array of a state, of this type and shape (None: any length); `finite`: every value must be.

    Raises
    ------
    DamagedState
        When there is none.
    """
    array = arrays.get(name)
    if array is None:
        raise DamagedState(f"{name} is missing")
    fits = len(array.shape) == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    asked = f"{np.dtype(dtype)} [{', '.join('n' if n is None else str(n) for n in shape)}]"
    _must(array.dtype == dtype and fits, f"{name} is {array.dtype} {list(array.shape)}, not {asked}")
    _must(not finite or bool(np.isfinite(array).all()), f"{name} holds values that are not finite")
    return array


def fact_of(meta: Mapping[str, Any], name: str, kind: type[Fact]) -> Fact:
    """A fact of a state, of this type; DamagedState where there is none."""
    value = meta.get(name)
    if type(value) is not kind:
        raise DamagedState(f"{name} is {'missing' if value is None else 'no ' + kind.__name__}")
    return value


def day_in(facts: Mapping[str, Any], name: str) -> str:
    """A fact that is an ISO date; DamagedState where it is none."""
    text = fact_of(facts, name, str)
    try:
        same = iso(np.datetime64(text, "D")) == text
    except ValueError:
        same = False
    _must(same, f"{name} is no date")
    return text


def check_training(meta: Mapping[str, Any], *, days: bool = False) -> None:
    """Check the facts of a fit by epochs, and with `days` those of the days that it was trained on."""
    epoch = fact_of(meta, "epoch", int)
    _must(0 <= epoch <= len(fact_of(meta, "train_loss", list)), f"epoch is {epoch}")
    for name in ("train_loss", "valid_loss") if days or "valid_loss" in meta else ("train_loss",):
        losses = fact_of(meta, name, list)
        _must(all(type(loss) in (int, float) for loss in losses), f"{name} holds what is no number")
    if days:
        found = fact_of(meta, "days", dict)
        for name in ("train", "valid"):
            day_in(found, name)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DamagedState(otherwise)
