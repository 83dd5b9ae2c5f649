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
                       facts: orders (p, d, q, P, Q)
    lightgbm-*         model [bytes]: LightGBM's text format in UTF-8; calendar, of lightgbm-global that of the panel
    smoothing          calendar of the panel; params [n_series, n_params], ahead [n_series, horizon] log levels to come,
                       known [n_series] marks of the levels that the fit saw
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
from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.errors import StorageError
from forecasting.models.base import State

__all__ = ["pack_states", "unpack_states"]

LAYOUT, VERSION = "layout", "1"


def pack_states(states: Mapping[str, State]) -> bytes:
    """Arrays as ``key/name`` tensors, facts as JSON in the file's metadata."""
    from safetensors.numpy import save

    tensors = {
        f"{key}/{name}": np.ascontiguousarray(array)
        for key, state in states.items()
        for name, array in state.arrays.items()
    }
    metadata = {key: json.dumps(dict(state.meta)) for key, state in states.items()}
    return save(tensors, {LAYOUT: VERSION, **metadata})


def unpack_states(data: bytes) -> dict[str, State]:
    """Inverse of `pack_states`.

    Raises
    ------
    StorageError
        When the file has another layout.
    """
    from safetensors.numpy import load

    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    layout = metadata.pop(LAYOUT, VERSION)
    if layout != VERSION:
        raise StorageError(
            f"fitted states are stored in layout {layout}, and this version reads layout {VERSION}: run again in a new "
            "run directory"
        )
    arrays: dict[str, dict[str, np.ndarray[Any, Any]]] = {key: {} for key in metadata}
    for name, array in load(data).items():
        key, _, field = name.partition("/")
        arrays[key][field] = array
    return {key: State(arrays[key], json.loads(text)) for key, text in metadata.items()}
