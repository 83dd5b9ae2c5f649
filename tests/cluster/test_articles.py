"""Published systems as configurations: each runs on small generated data, fits once, and leaves its pictures."""

from __future__ import annotations

import json

import pytest

from cluster.config import expand_members, load_config
from ensembles.oof import REFERENCE
from forecasting.models import model_type
from forecasting.sample.write import write_sample
from tests.runs import ROOT, tidecast

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SAMPLES = {
    "single-series-lstm": ("yuebao", ""),
    "multi-series-lstm": ("yuebao", ""),
    "price-series-lstm": ("ohlcv", "prices.csv"),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_sample(folder / "yuebao", users=30, days=230)
    write_sample(folder / "ohlcv", kind="ohlcv", days=160)
    write_sample(folder / "accounts", kind="accounts", users=16, days=200)
    return folder


def small(config):
    """Overrides that make every network of a configuration small."""
    for place, entry in enumerate(load_config(f"articles/{config}").members):
        fields = model_type(entry.model).settings_type.model_fields
        if "epochs" in fields:
            yield from ("--set", f"members.{place}.epochs=2")
            if "hidden_sizes" in fields:
                yield from (
                    "--set",
                    f"members.{place}.hidden_sizes={[4] * len(entry.settings.get('hidden_sizes', 'ab'))}",
                )
            elif "hidden_size" in fields:
                yield from ("--set", f"members.{place}.hidden_size=4")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_published_system_runs_on_generated_data(name, samples, tmp_path):
    kind, file = SAMPLES[name]
    data = str(samples / kind / file)
    done = tidecast(
        tmp_path, "run", f"articles/{name}", "--data", data, "--run-dir", "run", "--executor", "local", *small(name)
    )
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "run" / "leaderboard.json").read_text())
    rows = {row["member"]: row for row in board["rows"]}
    published = [row for row in rows.values() if "as published" in row["member"]]
    assert published
    assert {row["family"] for row in published} == {REFERENCE}
    assert all(row["status"] == "ok" for row in rows.values())
    assert "figures.html" in done.stdout
    page = (tmp_path / "run" / "figures.html").read_text()
    assert page.count("training</span>") >= 2
    assert "http://" not in page.split("<h1>")[1].split("<script")[0]
    assert page.count("truth and fit of") >= 2
    assert ("rebuilt from the changes forecast" in page) == (kind == "ohlcv")


def test_risk_control_finds_planted_anomalies(samples, tmp_path):
    path, name = samples / "accounts" / "accounts.csv", "risk-control-lstm"
    arguments = ("--data", str(path), "--run-dir", "run", "--executor", "local", *small(name))
    done = tidecast(tmp_path, "run", f"articles/{name}", *arguments)
    assert done.returncode == 0, done.stderr
    assert "figures.html" not in done.stdout
    judged = tidecast(tmp_path, "monitor", "run", "--labels", str(path), "--json")
    assert judged.returncode == 0, judged.stderr
    quality = next(row for row in json.loads(judged.stdout)["quality"] if row["severity"] == 1.5)
    assert quality["n_anomalies"] >= 3
    assert quality["recall"] >= 0.6
    by_chance = quality["n_labelled"] / (16 * 40)
    assert quality["precision"] > 2 * by_chance
    assert not (tmp_path / "run" / "figures.html").exists()


def test_alerts_on_accounts_that_rest_are_right_and_soon_and_silences_stand_apart(tmp_path):
    write_sample(tmp_path, kind="business-accounts", users=30)
    arguments = ("--data", "accounts.csv", "--run-dir", "run", "--executor", "local")
    quick = ("--set", "members=[{model: calendar-level}]")  # as good as the network on these accounts, and quicker
    done = tidecast(tmp_path, "run", "articles/risk-control-lstm", *arguments, *quick)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "run/batches").glob("*.safetensors")), "the weights are kept"
    judged = tidecast(tmp_path, "monitor", "run", "--labels", "accounts.csv", "--json")
    found = json.loads(judged.stdout)
    quality = next(row for row in found["quality"] if row["severity"] == 1.5)
    flows = [quality["sorts"][sort] for sort in ("above", "below") if sort in quality["sorts"]]
    n_alerts, n_right = (sum(counts) for counts in zip(*flows, strict=True))
    spikes, drains, silences = (quality["kinds"][kind] for kind in ("spike", "drain", "silence"))
    n_found, n_planted = (spikes[key] + drains[key] for key in ("n_found", "n_anomalies"))
    assert n_right / n_alerts >= 0.8
    assert n_found / n_planted >= 0.8
    assert n_planted >= 10
    assert sorted(spikes["delays"] + drains["delays"])[n_found // 2] <= 2
    assert (silences["sort"], silences["precision"] >= 0.8, silences["recall"] >= 0.8) == ("no flow", True, True)
    risks = [entity["risk"] for entity in found["entities"]]
    assert risks == sorted(risks, reverse=True)


WRITE_UP = {
    "input_size": 15,
    "dropout": 0.5,
    "learning_rate": 1e-3,
    "batch_size": 10,
    "batches": "sliding",
    "start": "unit",
}
DESCRIBED = {
    "single-series-lstm": WRITE_UP
    | {"hidden_size": 30, "clip_norm": 15.0, "validation_days": 20, "as_published": True, "epochs": 1000}
    | {"target_loss": 0.045, "history_days": 184},
    "multi-series-lstm": WRITE_UP
    | {"hidden_size": 40, "clip_norm": 5.0, "validation_days": 21, "test_days": 10, "target_loss": 0.025},
    "price-series-lstm": {"input_size": 30, "hidden_sizes": [64, 32], "dense_size": 16, "recurrent_dropout": 0.2}
    | {"dropout": 0.3, "dense_dropout": 0.2, "batch_size": 64, "epochs": 100, "patience": 15, "cell": "lstm"},
    "risk-control-lstm": {"hidden_size": 64, "learning_rate": 1e-3, "batch_size": 32},
}
"""Settings by the descriptions; multi-series-lstm's head says why it stops at fewer epochs than the write-up's 1000."""


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_configuration_holds_what_the_description_says(name):
    members = [m for m in expand_members(load_config(f"articles/{name}")) if m.seed_index == 0]
    (published,) = [m for m in members if "as published" in m.setting] or [m for m in members if m.family == "lstm"]
    assert {key: published.settings[key] for key in DESCRIBED[name]} == DESCRIBED[name]


def test_published_mistakes_are_named_and_never_blended_even_when_the_user_does_not_say_so():
    path = ROOT / "configs" / "articles" / "price-series-lstm.yaml"
    config = load_config(str(path), ["members=[{model: lstm-price, as_published: true}, {model: seasonal-naive}]"])
    published = next(m for m in expand_members(config) if m.model == "lstm-price")
    assert published.setting == "lstm-price (as published)"
    assert published.family == REFERENCE


@pytest.mark.parametrize("name", ["lstm-classic", "lstm-covariates", "lstm-price"])
def test_every_published_network_has_its_mistake_behind_the_same_key(name):
    settings = model_type(name).settings_type
    assert settings().model_dump()["as_published"] is False
    assert "a leak: " in settings.model_fields["as_published"].description


def test_split_is_days_and_a_stored_configuration_is_read_again():
    config = load_config("articles/price-series-lstm")
    assert (config.windows.unit, config.windows.refit) == ("day", False)
    again = type(config.windows).model_validate(config.windows.model_dump(mode="json"))
    assert again == config.windows
    with pytest.raises(ValueError, match="split is for unit: day"):
        type(config.windows).model_validate({"unit": "month", "split": 0.8})
