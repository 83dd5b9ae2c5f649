"""The write-up's two networks against their description: sizes, numbers of one step, labels, leaks and their names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import TrialError
from forecasting.models.base import FitTask
from forecasting.models.lstm.classic import LstmClassic, LstmClassicSettings
from forecasting.models.lstm.covariates import LstmCovariates, LstmCovariatesSettings
from forecasting.models.lstm.engine.network import Network, forward, initial_parameters
from tests.forecasting.histories import days_after, noisy_week

torch = pytest.importorskip("torch")
HISTORY = noisy_week(160)


def with_past(history, **columns):
    return replace(history, past=np.column_stack(list(columns.values())), past_names=tuple(columns))


def size(network):
    return sum(int(np.prod(shape)) for shape in network.shapes.values())


# -- A and B: the write-up's two networks


def count(n_inputs, units):
    """Parameters by the description: dense; LSTM with three peepholes; LSTM with peepholes and a projection to 1."""
    dense = n_inputs * units + units
    first = 4 * units * (units + units) + 4 * units + 3 * units
    second = 4 * units * (units + 1) + 4 * units + 3 * units + units
    return dense + first + second


def test_sizes_of_the_write_ups_networks():
    single = LstmClassic(LstmClassicSettings()).network
    assert (single.hidden_size, single.n_outputs, size(single)) == (30, 15, count(1, 30))
    several = LstmCovariatesSettings(as_published=True).network(6)
    assert (several.hidden_size, several.n_outputs, size(several)) == (40, 15, count(6, 40))


def test_one_step_of_the_write_ups_network_equals_its_equations():
    network = Network("classic", 15, 3, 40, 15, start="unit")
    flat = initial_parameters(network, 5)
    p = {name: torch.tensor(value, dtype=torch.float64) for name, value in network.unflatten(flat).items()}
    x = np.random.default_rng(1).random((4, 15, 3)).astype(np.float32)
    given = torch.tanh(torch.tensor(x).double() @ p["dense"][:, 1:].T + p["dense"][:, 0])
    for matrix, peephole, projection in (
        (p["lstm"], p["peephole"], torch.eye(40, dtype=torch.float64)),
        (p["lstm2"], p["peephole2"], p["projection"]),
    ):
        back, cell, outputs = torch.zeros(4, len(projection)).double(), torch.zeros(4, 40).double(), []
        for t in range(15):
            rows = torch.cat([back, torch.ones(4, 1).double(), given[:, t]], dim=1)
            i, f, o, g = (rows @ matrix.T).split(40, dim=1)
            cell = torch.sigmoid(f + peephole[1] * cell) * cell + torch.sigmoid(i + peephole[0] * cell) * torch.tanh(g)
            back = (torch.sigmoid(o + peephole[2] * cell) * torch.tanh(cell)) @ projection.T
            outputs.append(back)
        given = torch.stack(outputs, dim=1)
    out = forward(network, network.unflatten(flat), x, np.zeros((4, 15, 0), dtype=np.float32))
    assert np.abs(out - given[:, :, 0].numpy()).max() < 1e-5


def test_the_start_is_as_wide_as_asked():
    wide, scaled = (
        Network("classic", 15, 1, 30, 15, start=start).unflatten(
            initial_parameters(Network("classic", 15, 1, 30, 15, start=start), 1)
        )["lstm"]
        for start in ("unit", "scaled")
    )
    assert wide.std() > 5 * scaled.std()
    np.testing.assert_array_equal(wide[30:60, 30], 1.0)  # forget bias


def test_the_honest_version_stops_for_lack_of_a_better_validation_loss():
    settings = LstmClassicSettings(hidden_size=4, epochs=400, learning_rate=0.02, validation_days=20)
    assert (settings.patience, settings.target_loss) == (20, None)
    losses = fit_one(LstmClassic(settings), HISTORY).meta
    assert len(losses["valid_loss"]) == losses["epoch"] + 20 < 400
    assert losses["valid_loss"][losses["epoch"] - 1] == min(losses["valid_loss"])
    published = LstmClassicSettings(as_published=True)
    assert (published.patience, published.target_loss) == (None, 0.045)
    assert LstmClassicSettings(target_loss=None).patience is None, "who says how a fit stops is not second-guessed"


def test_as_published_the_single_series_holds_the_write_ups_own_test():
    state = fit_one(LstmClassic(LstmClassicSettings(as_published=True, epochs=3)), HISTORY)
    assert state.meta["claim"] == "scaled by the days it validates and tests on"
    assert state.meta["days"] == {"train": "2023-01-03", "valid": "2023-05-12", "test": "2023-06-01"}
    fits = state.arrays["published"]
    assert np.isnan(fits[0])
    model = LstmClassic(LstmClassicSettings(as_published=True, epochs=3))
    ahead = [model.predict(state, h, h.cutoff + np.arange(1, 2))[0] for h in map(HISTORY.until, HISTORY.ds[-11:-1])]
    np.testing.assert_allclose(fits[-10:], ahead, rtol=1e-5)
    scaled = (np.array([fits[-10:], HISTORY.y[-10:]]) - HISTORY.y.min()) / np.ptp(HISTORY.y)
    assert state.meta["test_loss"] == pytest.approx(np.mean((scaled[0] - scaled[1]) ** 2), rel=1e-4)


def covariates(**changes):
    return LstmCovariates(
        LstmCovariatesSettings(**{"hidden_size": 6, "epochs": 20, "batch_size": 10, "dropout": 0.0, **changes})
    )


def same_day(leads=0):
    """A history whose covariate is the series itself: of the same day, or of days before."""
    rng = np.random.default_rng(0)
    history = replace(HISTORY, y=1e6 * np.exp(rng.normal(0, 0.5, len(HISTORY.y))))
    return with_past(history, rate=np.roll(history.y, -leads), noise=rng.normal(size=len(history.y)))


def fit_one(model, history, key=3):
    (state,) = model.fit_many([FitTask(history, 1, key)], "cpu")
    return state


def test_as_published_explains_a_day_by_the_same_day_and_says_so():
    history = same_day()
    state = fit_one(covariates(as_published=True, learning_rate=0.02), history)
    assert state.meta["claim"] == "uses same-day covariates, not a forecast"
    assert set(state.meta["days"]) == {"train", "valid", "test"}
    tested = history.y[-10:]
    assert np.corrcoef(state.arrays["published"][-10:], tested)[0, 1] > 0.9
    assert state.meta["test_loss"] < 0.5 * ((tested - tested.mean()) / np.ptp(history.y)).var()


def test_as_a_forecast_the_same_network_learns_nothing_from_noise_but_all_from_a_lead():
    honest = covariates(learning_rate=0.02)
    lost, found = (fit_one(honest, same_day(leads)) for leads in (0, 1))
    assert "claim" not in lost.meta
    assert min(found.meta["valid_loss"]) < 0.3 * min(lost.meta["valid_loss"])
    history = same_day(1)
    ahead = [honest.predict(found, h, h.cutoff + np.arange(1, 2))[0] for h in map(history.until, history.ds[-16:-1])]
    assert np.corrcoef(ahead, history.y[-15:])[0, 1] > 0.8


def test_published_forecasts_carry_the_last_covariates_and_nothing_later():
    model, history = covariates(as_published=True, epochs=2), same_day()
    state = fit_one(model, history)
    first, second = model.predict(state, history, days_after(history, 2))
    carried = replace(
        history,
        ds=np.append(history.ds, history.cutoff + 1),
        y=np.append(history.y, 1.0),
        past=np.vstack([history.past, history.past[-1]]),
    )
    assert first != second
    assert model.predict(state, carried, days_after(carried, 1))[0] == second


def test_the_write_ups_leak_reaches_the_scaling_only_as_published():
    history = same_day()
    high = replace(history, y=np.append(history.y[:-1], 50 * history.y.max()))
    leaky, honest = covariates(as_published=True, epochs=1), covariates(epochs=1)
    assert fit_one(leaky, high).arrays["spread"][0] > 10 * fit_one(leaky, history).arrays["spread"][0]
    assert fit_one(honest, high).arrays["spread"][0] == fit_one(honest, history).arrays["spread"][0]


def test_gaps_in_covariates_take_their_median():
    history = same_day()
    past = history.past.copy()
    past[5:9, 0] = np.nan
    state = fit_one(covariates(epochs=1), replace(history, past=past))
    assert state.arrays["usual"][1] == np.nanmedian(past[: len(past) - 21, 0])


def test_without_covariates_there_is_nothing_to_learn_from():
    error = fit_one(covariates(), HISTORY)
    assert isinstance(error, TrialError)
    assert "past covariates are none" in str(error)
    assert "rate, noise" in str(fit_one(covariates(covariates=["yield"]), same_day()))
