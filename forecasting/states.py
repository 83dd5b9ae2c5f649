"""Fitted states as bytes: the layout of a ``batches/<id>.safetensors`` file, version 1.

A file holds the states of several fits, each under the key of its trial:

    <trial key>/<array>    one tensor per array of the state, little-endian, in the array's own type and shape
    __metadata__           the file's string map: <trial key> → the state's facts as JSON

What the arrays and facts are is the model's own matter, and its `version` says when they change:

    naive, file        none, or the rows of the user's file
    periodic-factor    weekday [7], month_day [31], log factors
    calendar-level     calendar_coefficients [n_effects] on log y, calendar_scale [1]
    arima              params [n] in statsmodels' order, centre [1], used_columns [k]; facts: orders (p, d, q, P, Q)
    lightgbm-*         model: LightGBM's text format as UTF-8 bytes
    lstm-*             parameters [n] as `forecasting.models.lstm.network` lays them out, scale; facts: losses

Any reader of safetensors can open it. There are no pickles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.models.base import State

__all__ = ["pack_states", "unpack_states"]


def pack_states(states: Mapping[str, State]) -> bytes:
    """Arrays as ``key/name`` tensors, facts as JSON in the file's metadata."""
    from safetensors.numpy import save

    tensors = {
        f"{key}/{name}": np.ascontiguousarray(array)
        for key, state in states.items()
        for name, array in state.arrays.items()
    }
    metadata = {key: json.dumps(dict(state.meta)) for key, state in states.items()}
    return save(tensors, metadata)


def unpack_states(data: bytes) -> dict[str, State]:
    """Inverse of `pack_states`."""
    from safetensors.numpy import load

    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    arrays: dict[str, dict[str, np.ndarray[Any, Any]]] = {key: {} for key in metadata}
    for name, array in load(data).items():
        key, _, field = name.partition("/")
        arrays[key][field] = array
    return {key: State(arrays[key], json.loads(text)) for key, text in metadata.items()}
