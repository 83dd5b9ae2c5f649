"""The published networks against straight-line versions of their descriptions, in numpy and torch alone.

Nothing here is shared with the program but the start of the weights, which is drawn at random and so taken from it. The
data are 184 days whose extreme lies in the last ten, written as a competition folder with bank rates on work days only.
"""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.models.base import FitTask
from forecasting.models.lstm.classic import LstmClassic, LstmClassicSettings
from forecasting.models.lstm.covariates import LstmCovariates, LstmCovariatesSettings
from forecasting.models.lstm.engine.network import initial_parameters
from forecasting.models.lstm.price import LstmPrice, LstmPriceSettings, PriceWindows

torch = pytest.importorskip("torch")
DAYS, STEPS, KEY = 184, 15, 77
FIRST = np.datetime64("2014-03-01")
DS = FIRST + np.arange(DAYS)
RATES = ("Interest_O_N", "mfd_daily_yield")
ALL_WINDOWS = 139
"""Of 15 days in 153 labels: as a mini-batch they make an epoch of one step."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder's panel, and what was written: amounts, the bank rate by row (None: no row), the fund's yield."""
    rng, folder = np.random.default_rng(11), tmp_path_factory.mktemp("yuebao")
    amounts = np.rint(2e10 * np.exp(0.25 * rng.standard_normal(DAYS))).astype(int)
    amounts[178] = 3 * amounts.max()
    bank = [None if day.astype("datetime64[D]").astype(int) % 7 in (2, 3) else 3 + rng.standard_normal() for day in DS]
    yields = 1.2 + 0.1 * rng.standard_normal(DAYS)
    texts = [str(day).replace("-", "") for day in DS]
    rows = [f"{d},{a},{a // 2}" for d, a in zip(texts, amounts, strict=True)]
    (folder / "daily_totals.csv").write_text("\n".join(["report_date,purchase,redeem", *rows]))
    rows = [f"{d},{b:.4f}" for d, b in zip(texts, bank, strict=True) if b is not None]
    (folder / "mfd_bank_shibor.csv").write_text("\n".join(["mfd_date,Interest_O_N", *rows]))
    rows = [f"{d},{y:.4f},5" for d, y in zip(texts, yields, strict=True)]
    name = "mfd_day_share_interest.csv"
    (folder / name).write_text("\n".join(["mfd_date,mfd_daily_yield,mfd_7daily_yield", *rows]))
    panel = open_data(DataSpec(past=RATES), folder, "CN").panel
    return panel.history("purchase"), amounts, [None if b is None else round(b, 4) for b in bank], np.round(yields, 4)


# -- the write-up's networks, as it describes them


def minmax(values):
    return (values - values.min()) / (values.max() - values.min())


def network(weights, x):
    """Outputs ``[N, T]``: dense with tanh, LSTM with peepholes, LSTM with peepholes whose projection is fed back."""
    given = torch.tanh(x @ weights["dense"][:, 1:].T + weights["dense"][:, 0])
    for matrix, peephole, projection in (("lstm", "peephole", None), ("lstm2", "peephole2", "projection")):
        matrix, (p_i, p_f, p_o) = weights[matrix], weights[peephole]
        units = len(p_i)
        cell = torch.zeros(len(x), units, dtype=x.dtype)
        back = torch.zeros(len(x), units if projection is None else 1, dtype=x.dtype)
        outputs = []
        for t in range(x.shape[1]):
            row = torch.cat([back, torch.ones(len(x), 1, dtype=x.dtype), given[:, t]], dim=1)
            i, f, o, g = (row @ matrix.T).chunk(4, dim=1)
            cell = torch.sigmoid(f + p_f * cell) * cell + torch.sigmoid(i + p_i * cell) * torch.tanh(g)
            back = torch.sigmoid(o + p_o * cell) * torch.tanh(cell)
            back = back if projection is None else back @ weights[projection].T
            outputs.append(back)
        given = torch.stack(outputs, dim=1)
    return given[:, :, 0]


def loss_once(weights, x, y):
    """MSE of windows side by side; the last one reaches back, and its days count once. Also how many labels count."""
    errors, end = [], 0
    while end < len(y):
        stop = min(end + STEPS, len(y))
        out = network(weights, x[None, stop - STEPS : stop])[0]
        errors.append((out - y[stop - STEPS : stop])[-(stop - end) :] ** 2)
        end = stop
    errors = torch.cat(errors)
    return float(errors.mean()), len(errors)


def train(start, x, y, batch, clip):
    """One epoch of mini-batches of consecutive windows, moved by one window a step."""
    weights = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in start.items()}
    adam = torch.optim.Adam(weights.values(), lr=1e-3)
    n_windows = len(x) - STEPS + 1
    for first in range(n_windows - batch + 1):
        rows = [slice(w, w + STEPS) for w in range(first, first + batch)]
        adam.zero_grad()
        out = network(weights, torch.stack([x[row] for row in rows]))
        ((out - torch.stack([y[row] for row in rows])) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), clip)
        adam.step()
    return {name: value.detach() for name, value in weights.items()}


def single_series(amounts):
    """Inputs and labels of training and validation: x_t, and x_{t+1}."""
    x = torch.tensor(minmax(amounts.astype(float)))
    pairs = x[:-1, None], x[1:]
    return [part[:153] for part in pairs], [part[153:173] for part in pairs]


def several_series(amounts, bank, yields):
    """Covariates and the amount of the same day; days without a bank rate take the median of all 184."""
    known = [b for b in bank if b is not None]
    filled = np.array([np.median(known) if b is None else b for b in bank])
    inputs = torch.tensor(np.column_stack([minmax(filled), minmax(yields)]))
    pairs = inputs, torch.tensor(minmax(amounts.astype(float)))
    return [part[:153] for part in pairs], [part[153:174] for part in pairs]


def validation_loss(weights, trained, held):
    """The windows of the validation days reach back into training where these are too few to be full."""
    x, y = (torch.cat([a, b]) for a, b in zip(trained, held, strict=True))
    errors, end = [], len(trained[1])
    while end < len(y):
        stop = min(max(end + STEPS, len(trained[1]) + STEPS), len(y))
        out = network(weights, x[None, stop - STEPS : stop])[0]
        errors.append((out - y[stop - STEPS : stop])[-(stop - end) :] ** 2)
        end = stop
    errors = torch.cat(errors)
    return float(errors.mean()), len(errors)


CASES = {
    "A": (LstmClassic, LstmClassicSettings, {"clip_norm": 15.0}, single_series, 20, 1),
    "B": (LstmCovariates, LstmCovariatesSettings, {"clip_norm": 5.0, "covariates": RATES}, several_series, 21, 2),
}


@pytest.mark.parametrize("batch", [ALL_WINDOWS, 10], ids=["one step", "130 steps"])
@pytest.mark.parametrize("case", CASES)
def test_the_write_ups_network_is_trained_as_a_straight_line_version_of_it(case, batch, made):
    model_type, settings, others, split, n_held, n_inputs = CASES[case]
    history, *written = made
    asked = {"as_published": True, "start": "unit", "batches": "sliding", "batch_size": batch, "dropout": 0.0}
    model = model_type(settings(**asked, **others, epochs=1, target_loss=0.01))
    (state,) = model.fit_many([FitTask(history, 1, KEY)], "cpu")
    units = model.settings.network(n_inputs)
    trained, held = split(*written[: 1 if case == "A" else 3])
    start = units.unflatten(initial_parameters(units, KEY))
    weights = train(start, *trained, batch, others["clip_norm"])
    for name, value in units.unflatten(state.arrays["parameters"]).items():
        moved = np.abs(value - start[name]).max()
        assert moved > 0.5e-3
        assert np.abs(value - weights[name].numpy()).max() < 0.02 * moved, name
    train_loss, n_trained = loss_once(weights, *trained)
    valid_loss, n_valid = validation_loss(weights, trained, held)
    assert (n_trained, n_valid) == (153, n_held)
    assert state.meta["train_loss"][0] == pytest.approx(train_loss, rel=1e-3)
    assert state.meta["valid_loss"][0] == pytest.approx(valid_loss, rel=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_losses_count_each_day_once_and_scaling_spans_the_test_days(case, made):
    model_type, settings, _, split, n_held, _ = CASES[case]
    history, *written = made
    model = model_type(settings(as_published=True))
    data = model.data(history, 1)
    fit = data.fit(KEY)
    trained, held = split(*written[: 1 if case == "A" else 3])
    assert (fit.check.weight.sum(), fit.valid.weight.sum(), len(fit.train)) == (153, n_held, ALL_WINDOWS)
    for samples, (_, labels) in ((fit.check, trained), (fit.valid, held)):
        counted = samples.y[samples.weight == 1]
        np.testing.assert_allclose(np.sort(counted), np.sort(labels.numpy()), atol=1e-6)
    assert max(labels.max() for _, labels in (trained, held)) < 0.5, "the extreme lies in the test days, and scales"
    np.testing.assert_allclose(data.days.inputs[:153], trained[0].numpy(), atol=1e-6)
    honest = model_type(settings()).data(history, 1)
    assert honest.days.labels.max() > 2, "an honest version does not know it"


def test_gaps_of_rates_take_the_median_as_published_and_the_last_value_elsewhere(made):
    history, _, bank, _ = made
    gap = np.array([b is None for b in bank])
    assert gap.sum() > 40
    begun = 2  # the first days are a weekend
    last = [next(b for b in reversed(bank[: k + 1]) if b is not None) for k in range(begun, DAYS)]
    np.testing.assert_array_equal(history.past[:, 0], [np.nan, np.nan, *last])
    np.testing.assert_array_equal(history.carried[:, 0], gap & (np.arange(DAYS) >= begun))
    scaled = {
        published: LstmCovariates(LstmCovariatesSettings(as_published=published)).data(history, 1)
        for published in (True, False)
    }
    known = np.array([b for b in bank if b is not None])
    median = (np.median(known) - known.min()) / (known.max() - known.min())
    np.testing.assert_allclose(scaled[True].days.inputs[gap, 0], median, atol=1e-6)
    honest = scaled[False]
    np.testing.assert_allclose(honest.scaling.undo(honest.days.inputs[begun:, 1], 1), last, atol=1e-5)


# -- the tutorial's network


def test_the_tutorials_network_is_trained_as_torchs_own_layers(made):
    from forecasting.models.lstm.engine.gated_network import GatedNetwork

    history, amounts, *_ = made
    none = {"recurrent_dropout": 0.0, "dropout": 0.0, "dense_dropout": 0.0}
    model = LstmPrice(LstmPriceSettings(as_published=True, epochs=1, batch_size=4096, covariates=(RATES[1],), **none))
    state = model.fit(FitTask(history, 1, KEY))
    close, volume = amounts.astype(float)[:-1], made[3][:-1]
    change = amounts[1:] / amounts[:-1] - 1
    rows = np.column_stack([2 * minmax(column) - 1 for column in (close, volume, change)])
    x = torch.tensor(np.stack([rows[t - 30 : t] for t in range(30, len(rows))]), dtype=torch.float32)
    y = torch.tensor(rows[30:, 2], dtype=torch.float32)
    train_end, valid_end = int(0.8 * int(0.8 * len(y))), int(0.8 * len(y))
    data = PriceWindows.of(history, model.settings)
    assert (len(y), train_end, valid_end) == (153, 97, 122) == (len(data.y), data.valid, data.end)
    np.testing.assert_allclose(data.x, x, atol=1e-6)

    start = GatedNetwork(model.shape(3), torch.Generator().manual_seed(KEY)).state_dict()
    layers = [torch.nn.LSTM(3, 64, batch_first=True), torch.nn.LSTM(64, 32, batch_first=True)]
    dense, out = torch.nn.Linear(32, 16), torch.nn.Linear(16, 1)
    with torch.no_grad():
        for place, layer in enumerate(layers):
            layer.weight_ih_l0.copy_(start[f"layers.{place}.kernel"])
            layer.weight_hh_l0.copy_(start[f"layers.{place}.recurrent"])
            layer.bias_ih_l0.copy_(start[f"layers.{place}.bias"])
            layer.bias_hh_l0.zero_()
            layer.bias_hh_l0.requires_grad_(False)
        for affine, name in ((dense, "dense"), (out, "out")):
            affine.weight.copy_(start[f"{name}.weight"])
            affine.bias.zero_()
        out.bias.fill_(float(torch.atanh(y[:train_end].mean())))

    def forward(windows):
        states = layers[1](layers[0](windows)[0])[0]
        return torch.tanh(out(torch.relu(dense(states[:, -1]))))[:, 0]

    moved = [p for part in (*layers, dense, out) for p in part.parameters() if p.requires_grad]
    adam = torch.optim.Adam(moved, lr=1e-3)
    ((forward(x[:train_end]) - y[:train_end]) ** 2).mean().backward()
    adam.step()
    with torch.no_grad():
        losses = [float(((forward(x[a:b]) - y[a:b]) ** 2).mean()) for a, b in ((0, train_end), (train_end, valid_end))]
        test = float(((forward(x[valid_end:]) - y[valid_end:]) ** 2).mean())
    assert state.meta["train_loss"][0] == pytest.approx(losses[0], rel=1e-3)
    assert state.meta["valid_loss"][0] == pytest.approx(losses[1], rel=1e-3)
    assert state.meta["test_loss"] == pytest.approx(test, rel=1e-3)
    for place, layer in enumerate(layers):
        kernel = state.arrays[f"parameters.layers.{place}.kernel"]
        assert np.abs(kernel - start[f"layers.{place}.kernel"].numpy()).max() > 0.5e-3
        np.testing.assert_allclose(kernel, layer.weight_ih_l0.detach(), atol=2e-5)
