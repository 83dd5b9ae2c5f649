from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.lstm.engine.philox import MASK, WEIGHTS, philox4x32, shuffles, split_key, uniform, words

# Known answers published with the generator (Random123, kat_vectors): counter, key, result.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([MASK] * 4, [MASK] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_numpy_gives_the_published_numbers(counter, key, expected):
    arguments = [np.array([value], dtype=np.int64) for value in (*counter, *key)]
    assert [int(word[0]) for word in philox4x32(*arguments)] == expected


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_torch_gives_the_published_numbers(counter, key, expected):
    torch = pytest.importorskip("torch")
    arguments = [torch.tensor([value]) for value in (*counter, *key)]
    assert [int(word) for word in philox4x32(*arguments)] == expected


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_numba_gives_the_published_numbers(counter, key, expected):
    numba = pytest.importorskip("numba")
    assert list(numba.njit(philox4x32)(*counter, *key)) == expected


def test_a_stream_depends_on_key_stream_epoch_and_step_only():
    keys = np.array([split_key(k) for k in (5, 1 << 40, 7)], dtype=np.int64)
    together = words(keys, WEIGHTS, 50, epoch=3, step=2)
    alone = words(keys[1:2], WEIGHTS, 40, epoch=3, step=2)
    assert np.array_equal(together[1, :40], alone[0])
    others = [words(keys[1:2], *arguments) for arguments in ((2, 40, 3, 2), (1, 40, 4, 2), (1, 40, 3, 3))]
    assert all((other != alone).mean() > 0.99 for other in others)


def test_uniforms_are_uniform_and_shuffles_permute():
    keys = np.array([split_key(99)], dtype=np.int64)
    u = uniform(words(keys, WEIGHTS, 40_000))
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert abs(u.mean() - 0.5) < 0.01
    assert abs(u.var() - 1 / 12) < 0.002
    order = shuffles(np.repeat(keys, 2, axis=0), np.array([10, 30]), epoch=1)
    assert sorted(order[0, :10]) == list(range(10))
    assert sorted(order[1]) == list(range(30))
    assert not np.array_equal(order[1], np.arange(30))
