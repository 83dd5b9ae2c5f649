"""The layout of stored states: it says its version, names everything that any model leaves behind, and damaged ones are
named before anything is computed from them.
"""

import json
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from safetensors.numpy import save

from forecasting.errors import StorageError
from forecasting.models import built_in_models, model_type, states
from forecasting.models.base import DamagedState, State
from forecasting.models.plugins import temporarily
from forecasting.models.states import pack_states, unpack_states
from forecasting.scale import members
from forecasting.testing import NAME, Subject
from tests.forecasting.models.test_contract import QUICK, WITH_A_FILE, panel_for

DOCUMENTED = set(re.findall(r"[a-z][a-z_0-9.]*", states.__doc__.split("are not read.")[1]))
VARIANTS = [
    *((name, {}) for name in sorted(built_in_models().keys() - WITH_A_FILE)),
    ("lstm-covariates", {"as_published": True}),
    ("lstm-price", {"as_published": True}),
    ("lstm-price", {"cell": "gru", "attention": True}),
    ("lstm-price", {"hidden_sizes": (3,), "dense_size": None}),
]


ALL = pytest.mark.parametrize(("name", "more"), VARIANTS, ids=lambda value: str(value))
SAID = {"backend", "claim", "compounds", "test_loss", "warnings"}
"""Facts that are shown, and that no number depends on."""


@cache
def _left_behind(name, more):
    cls = model_type(name)
    with temporarily(NAME, cls):
        subject = Subject(cls, QUICK.get(name, {}) | json.loads(more), panel_for(name))
        return subject.member().build(), subject.result().state


def left_behind(name, more):
    """A model and the state of its final fit."""
    return _left_behind(name, json.dumps(more))


@ALL
def test_all_that_a_fit_leaves_behind_is_documented(name, more):
    _, state = left_behind(name, more)
    names = {re.sub(r"layers\.\d+", "layers.i", array.removeprefix("parameters.")) for array in state.arrays}
    assert names <= DOCUMENTED
    assert set(state.meta) <= DOCUMENTED


def test_states_come_back_in_their_own_types():
    before = {
        "a": State({"x": np.arange(3, dtype=np.int8), "y": np.eye(2, dtype=np.float32)}, {"name": "月", "n": [1]}),
        "b": State(),
    }
    after = unpack_states(pack_states(before))
    assert after.keys() == before.keys()
    for key, state in before.items():
        assert after[key].meta == state.meta
        for name, array in state.arrays.items():
            assert after[key].arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(after[key].arrays[name], array)


def test_another_layout_is_refused_with_a_sentence():
    with pytest.raises(StorageError, match=r"in layout 2, and this version reads layout 1: run again"):
        unpack_states(save({"a/x": np.zeros(1)}, {"layout": "2", "a": "{}"}))
    assert unpack_states(pack_states({})) == {}


@ALL
def test_a_state_is_accepted_as_it_was_stored(name, more):
    model, state = left_behind(name, more)
    members.check(model, state)
    members.check(model, unpack_states(pack_states({"key": state}))["key"])


def damaged_arrays(array):
    """The array gone, of another type or shape, or with a value that is not finite."""
    yield "missing", None
    yield "of another type", array.astype(np.complex64)
    yield "shorter", array[:-1]
    yield "longer", np.append(array, array[:1], axis=0)
    yield "of one more axis", array[None]
    yield "empty", array[:0]
    if array.dtype.kind == "f":
        yield "not finite", np.where(np.arange(array.size).reshape(array.shape) == 0, np.nan, array)


def refused(model, state):
    try:
        members.check(model, state)
    except DamagedState:
        return True
    return False


@ALL
def test_a_damaged_array_is_named(name, more):
    model, state = left_behind(name, more)
    for which, array in state.arrays.items():
        for how, damaged in damaged_arrays(array):
            if (which, how) in ACCEPTED:
                continue
            arrays = {
                k: damaged if k == which else v for k, v in state.arrays.items() if k != which or how != "missing"
            }
            assert refused(model, replace(state, arrays=arrays)), f"{which} {how} is accepted"


ACCEPTED = {
    *(("published", how) for how in ("shorter", "longer", "empty", "not finite")),
    *(("calendar_coefficients", how) for how in ("shorter", "longer", "empty")),
    *(("parameters", how) for how in ("shorter", "longer")),
    *(("used_columns", how) for how in ("shorter", "empty")),
}
"""What only the data's own size can tell: `predict` refuses it, or the array is only shown."""


@ALL
def test_a_damaged_fact_is_named(name, more):
    model, state = left_behind(name, more)
    for which in state.meta.keys() - SAID:
        for damaged in (None, "x", 10**9, -1, ["x"], {"a": 1}, 1.5):
            assert refused(model, replace(state, meta={**state.meta, which: damaged})), f"{which} {damaged} is accepted"


@pytest.mark.parametrize("scales", [[], {"a": 1}, {"a": [0, True]}, {"a": [1.0, 1]}, {"a": [float("nan"), True]}])
def test_damaged_scales_are_named(scales):
    model, state = left_behind("seasonal-naive", {})
    with pytest.raises(DamagedState, match="scales are no sizes"):
        members.check(model, replace(state, meta={"scales": scales}))


FILE = {"a": "arima", "b": "lstm-classic"}
"""Key → model of the states in a file."""


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_named_and_never_a_traceback(seed):
    data, random = (
        pack_states({key: left_behind(name, {})[1] for key, name in FILE.items()}),
        np.random.default_rng(seed),
    )
    header = 8 + int.from_bytes(data[:8], "little")
    for case in range(200):
        damaged, place = bytearray(data), int(random.integers(header if case % 4 else len(data)))
        if case % 3 == 0:
            damaged[place] ^= 1 << int(random.integers(8))
        elif case % 3 == 1:
            del damaged[place : place + int(random.integers(1, 400))]
        else:
            damaged[place : place + 64] = bytes(len(damaged[place : place + 64]))
        with suppress(StorageError):
            found = unpack_states(bytes(damaged))
            for key in found.keys() & FILE.keys():
                refused(left_behind(FILE[key], {})[0], found[key])


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"[" * 5000, "nest|recursion|delimiter|Expecting"),
        (b"[]", "its header is no table"),
        (b'{"__metadata__": {"a": 1}}', "its facts are no texts"),
        (b'{"__metadata__": {"a": "[]"}}', "the facts of a state are no table"),
        (b'{"__metadata__": {"a": "{"}}', "Expecting"),
        (b'{"a/x": 1}', "a/x is no array"),
        (b'{"a/x": {"dtype": "F99", "shape": [1], "data_offsets": [0, 8]}}', "a/x has no type and shape"),
        (b'{"a/x": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}', "a/x has no type and shape"),
        (b'{"a/x": {"dtype": "F64", "shape": [99999999999], "data_offsets": [0, 8]}}', "not the size of its shape"),
        (b'{"a/x": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}}', "do not lie side by side"),
        (b'{"a/x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}', "do not fill it"),
        (b'{"a/x": {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}}', "an array belongs to no state"),
    ],
)
def test_a_hand_made_header_is_refused_before_the_library_reads_it(header, told):
    with pytest.raises(StorageError, match=told):
        unpack_states(len(header).to_bytes(8, "little") + header)


def test_a_header_longer_than_its_file_is_refused():
    for length in (0, 9, 2**63):
        with pytest.raises(StorageError, match="is damaged"):
            unpack_states(length.to_bytes(8, "little"))
    with pytest.raises(StorageError, match=r"^runs/x/b.safetensors is damaged .it is cut off.*delete the files"):
        unpack_states(b"", "runs/x/b.safetensors")
