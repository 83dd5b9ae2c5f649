"""The layout of stored states: it says its version, and names everything that any model leaves behind."""

import re

import numpy as np
import pytest
from safetensors.numpy import save

from forecasting.errors import StorageError
from forecasting.models import built_in_models, model_type, states
from forecasting.models.base import State
from forecasting.models.plugins import temporarily
from forecasting.models.states import pack_states, unpack_states
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


@pytest.mark.parametrize(("name", "more"), VARIANTS, ids=lambda value: str(value))
def test_all_that_a_fit_leaves_behind_is_documented(name, more):
    cls = model_type(name)
    with temporarily(NAME, cls):
        state = Subject(cls, QUICK.get(name, {}) | more, panel_for(name)).result().state
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
