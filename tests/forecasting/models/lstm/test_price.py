"""The tutorial's network against its description: sizes, cells, masks, labels, its leak, and news among its inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest import one_step_fits
from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import TrialError
from forecasting.models.base import FitTask
from forecasting.models.lstm.price import LstmPrice, LstmPriceSettings
from forecasting.sample.write import write_sample
from tests.forecasting.histories import days_after, noisy_week

torch = pytest.importorskip("torch")


def with_past(history, **columns):
    return replace(history, past=np.column_stack(list(columns.values())), past_names=tuple(columns))


def shape(n_inputs=3, **changes):
    return LstmPrice(LstmPriceSettings(**changes)).shape(n_inputs)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def network(made, seed=0):
    from forecasting.models.lstm.engine.gated_network import GatedNetwork

    return GatedNetwork(made, torch.Generator().manual_seed(seed))


def test_size_of_the_tutorials_network():
    lstm_64, lstm_32 = 4 * 64 * (3 + 64 + 1), 4 * 32 * (64 + 32 + 1)
    assert parameters(network(shape())) == lstm_64 + lstm_32 + (32 * 16 + 16) + (16 + 1) == 30_369
    assert parameters(network(shape(5, hidden_sizes=(64,), dense_size=None))) == 4 * 64 * (5 + 64 + 1) + 64 + 1


@pytest.mark.parametrize(("cell", "reference"), [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)])
def test_recurrent_layers_equal_torchs_own(cell, reference):
    made = network(shape(cell=cell))
    x = torch.randn(5, 30, 3, generator=torch.Generator().manual_seed(1))
    expected = x
    for layer in made.layers:
        own = reference(expected.shape[2], layer.hidden, batch_first=True)
        with torch.no_grad():
            own.weight_ih_l0.copy_(layer.kernel)
            own.weight_hh_l0.copy_(layer.recurrent)
            own.bias_ih_l0.copy_(layer.bias)
            own.bias_hh_l0.zero_()
            if cell == "gru":
                layer.candidate_bias.fill_(0.3)
                own.bias_hh_l0[-layer.hidden :] = 0.3
            expected = own(expected)[0]
    head = torch.relu(expected[:, -1] @ made.dense.weight.T + made.dense.bias)
    head = torch.tanh(head @ made.out.weight.T + made.out.bias)[:, 0]
    assert (made(x) - head).abs().max() < 1e-5


def test_attention_is_a_mean_of_all_states_and_can_settle_on_one():
    made = network(shape(attention=True))
    x = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1))
    states = made.layers[1](made.layers[0](x))
    with torch.no_grad():
        made.focus.zero_()
        head = torch.relu(made.dense(states.mean(1)))
        assert (made(x) - torch.tanh(made.out(head))[:, 0]).abs().max() < 1e-6
        made.score.weight.copy_(torch.eye(32))
        made.focus.copy_(torch.eye(32)[3] * 1e6)
        chosen = states[torch.arange(2), states[:, :, 3].argmax(1)]
        assert (made(x) - torch.tanh(made.out(torch.relu(made.dense(chosen))))[:, 0]).abs().max() < 1e-5


def test_attention_weighs_states_by_their_own_scores():
    made = network(shape(attention=True, dense_size=None))
    x = torch.randn(3, 30, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        made.score.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(2))
        states = made.layers[1](made.layers[0](x))
        for row, state in enumerate(states):
            scores = [float(made.focus @ torch.tanh(made.score.weight @ h + made.score.bias)) for h in state]
            share = np.exp(scores) / np.sum(np.exp(scores))
            context = sum(weight * h for weight, h in zip(share, state, strict=True))
            expected = torch.tanh(made.out.weight @ context + made.out.bias)
            assert abs(float(made(x)[row] - expected)) < 1e-6


@pytest.mark.parametrize(("cell", "reference"), [("lstm", torch.nn.LSTMCell), ("gru", torch.nn.GRUCell)])
def test_recurrent_dropout_hides_units_from_the_gates_with_one_mask_for_a_whole_window(cell, reference):
    from forecasting.models.lstm.engine.gated_network import Recurrent, mask_of

    layer = Recurrent(cell, 2, 8, torch.Generator().manual_seed(0))
    own = reference(2, 8)
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(1))
    mask = mask_of(torch.zeros(3, 8), 0.5, torch.Generator().manual_seed(2))
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    with torch.no_grad():
        own.weight_ih.copy_(layer.kernel)
        own.weight_hh.copy_(layer.recurrent)
        own.bias_ih.copy_(layer.bias)
        own.bias_hh.zero_()
        if cell == "gru":
            layer.candidate_bias.fill_(0.3)
            own.bias_hh[16:] = 0.3
        out = layer(x, 0.5, torch.Generator().manual_seed(2))
        h = c = torch.zeros(3, 8)
        for t in range(6):
            seen = h * mask
            if cell == "lstm":
                h, c = own(x[:, t], (seen, c))
            else:  # torch's cell would carry on the masked state: the share that stays is of the whole one
                z = (x[:, t] @ own.weight_ih.T + own.bias_ih + seen @ own.weight_hh.T)[:, 8:16]
                h = own(x[:, t], seen) + torch.sigmoid(z) * (h - seen)
            assert (out[:, t] - h).abs().max() < 1e-6
        assert (layer(x) - out).abs().max() > 1e-3


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_as_published_each_gate_has_a_mask_of_its_own(cell):
    from forecasting.models.lstm.engine.gated_network import Recurrent, mask_of

    gates = 4 if cell == "lstm" else 3
    layer = Recurrent(cell, 2, 8, torch.Generator().manual_seed(0))
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(1))
    masks = mask_of(torch.zeros(gates, 3, 8), 0.5, torch.Generator().manual_seed(2))
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == gates
    kernels, backs = layer.kernel.split(8), layer.recurrent.split(8)
    with torch.no_grad():
        layer.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(3))
        biases = layer.bias.split(8)
        out = layer(x, 0.5, torch.Generator().manual_seed(2), gate_masks=True)
        h = c = torch.zeros(3, 8)
        for t in range(6):
            given = [x[:, t] @ kernel.T + bias for kernel, bias in zip(kernels, biases, strict=True)]
            seen = [(h * mask) @ back.T for mask, back in zip(masks, backs, strict=True)]
            if cell == "lstm":
                i, f, g, o = (a + b for a, b in zip(given, seen, strict=True))
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            else:
                r, u = (torch.sigmoid(given[k] + seen[k]) for k in range(2))
                h = (1 - u) * torch.tanh(given[2] + r * (seen[2] + layer.candidate_bias)) + u * h
            assert (out[:, t] - h).abs().max() < 1e-6
        assert (layer(x, gate_masks=True) - layer(x)).abs().max() < 1e-6, "without dropout there is nothing to mask"
    assert LstmPrice(LstmPriceSettings(as_published=True)).shape(3).gate_masks
    assert not LstmPrice(LstmPriceSettings()).shape(3).gate_masks


def test_training_drops_from_the_first_layers_memory_alone():
    made = network(shape(dropout=0.0, dense_dropout=0.0))
    x = torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(1))
    streams = [torch.Generator().manual_seed(5) for _ in range(2)]
    hidden = made.layers[1](made.layers[0](x, 0.2, streams[1]))[:, -1]
    expected = torch.tanh(made.out(torch.relu(made.dense(hidden))))[:, 0]
    assert (made(x, streams[0]) - expected).abs().max() < 1e-6
    assert (made(x) - expected).abs().max() > 1e-4


def price(**changes):
    return LstmPrice(LstmPriceSettings(**{"hidden_sizes": (8, 4), "dense_size": 4, "epochs": 3, **changes}))


def prices(n=160):
    rng = np.random.default_rng(4)
    return with_past(replace(noisy_week(n), y=50 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))), volume=rng.random(n))


def test_windows_hold_days_before_the_label_and_labels_are_the_next_change():
    from forecasting.models.lstm.price import PriceWindows, change_of

    history = prices()
    history = replace(history, y=np.where(np.arange(160) == 155, 0.5, 1.0) * history.y)
    data = PriceWindows.of(history, LstmPriceSettings())
    change = history.y[1:] / history.y[:-1] - 1
    assert data.x.shape == (160 - 1 - 30, 30, 3)
    np.testing.assert_allclose(change_of(data.scaling, data.y), change[30:])
    np.testing.assert_allclose(change_of(data.scaling, data.x[7, :, 2]), change[7:37])
    seen = 30 + data.valid
    assert data.scaling.low[0] == history.y[:seen].min()
    leaky = PriceWindows.of(history, LstmPriceSettings(as_published=True))
    assert leaky.scaling.low[0] == history.y[:-1].min() != data.scaling.low[0]
    assert (leaky.valid, leaky.end, len(leaky.y)) == (82, 103, 129)


def test_a_forecast_compounds_the_changes_forecast():
    model, history = price(), prices()
    state = model.fit(FitTask(history, 1, 9))
    path = model.predict(state, history, days_after(history, 3))
    longer = replace(
        history,
        ds=np.append(history.ds, history.cutoff + 1),
        y=np.append(history.y, path[0]),
        past=np.vstack([history.past, history.past[-1]]),
    )
    # The features of the last full day are only known with the next price, so both ways see the same window.
    np.testing.assert_allclose(
        model.predict(state, longer, days_after(longer, 1))[0] / path[0], path[1] / path[0], rtol=1e-3
    )
    assert np.abs(np.diff(np.log([history.y[-1], *path]))).max() < 0.1


def test_the_best_epoch_is_kept_and_training_stops_for_lack_of_patience():
    state = price(epochs=40, patience=2).fit(FitTask(prices(), 1, 9))
    losses = state.meta["valid_loss"]
    assert losses[state.meta["epoch"] - 1] == min(losses)
    assert len(losses) == state.meta["epoch"] + 2


def test_a_key_decides_every_random_number():
    before = torch.random.get_rng_state()
    one, same, other = (price().fit(FitTask(prices(), 1, key)) for key in (9, 9, 10))
    for name, value in one.arrays.items():
        np.testing.assert_array_equal(value, same.arrays[name])
    assert one.meta["train_loss"] != other.meta["train_loss"]
    assert torch.equal(before, torch.random.get_rng_state())


def test_as_published_keeps_the_tutorials_test_and_names_the_leak():
    model, history = price(as_published=True), prices()
    state = model.fit(FitTask(history, 1, 9))
    assert state.meta["claim"] == "scaled by the days it is tested on"
    published = state.arrays["published"]
    assert np.isnan(published[:31]).all()
    assert np.abs(published[31:] / history.y[30:-1] - 1).max() < 0.1
    assert state.meta["days"]["test"] == str(history.ds[31 + 103])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_column_of_news_among_the_inputs_makes_the_forecast_better(tmp_path):
    small = {"hidden_sizes": (8, 4), "dense_size": 4, "input_size": 10, "epochs": 40, "patience": 8}
    small |= {"learning_rate": 0.003, "recurrent_dropout": 0.0, "dropout": 0.0, "dense_dropout": 0.0}
    spec = DataSpec(kind="table", targets={"Close": 1.0}, past=("Volume", "Sentiment"), columns={"ds": "Date"})
    for seed in (1, 2, 3):
        write_sample(tmp_path / str(seed), kind="ohlcv", seed=seed)
        history = open_data(spec, tmp_path / str(seed), None).panel.history("Close")
        cut, errors = int(0.8 * len(history.y)), []
        for covariates in (("Volume",), ("Volume", "Sentiment")):
            model = price(**small, covariates=covariates)
            state = model.fit(FitTask(history.until(history.ds[cut - 1]), 1, seed))
            errors.append(np.mean((one_step_fits(model, state, history, history.ds[cut:]) / history.y[cut:] - 1) ** 2))
        last_price = np.mean((history.y[cut - 1 : -1] / history.y[cut:] - 1) ** 2)
        assert errors[1] < 0.97 * min(errors[0], last_price)


def test_a_price_of_zero_is_refused():
    history = prices()
    with pytest.raises(TrialError, match="is 0 on 2023-02-01: a change from 0"):
        price().fit(FitTask(replace(history, y=np.where(np.arange(160) == 30, 0.0, history.y)), 1, 1))
