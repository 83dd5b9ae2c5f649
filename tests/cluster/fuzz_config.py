"""Configurations made from the program's own schema: ``python -m tests.cluster.fuzz_config``, 2,000 plans and 200 runs.

Each is mostly valid: every key of every section and of every model may stand there, with a value that its type and
bounds allow, and in some cases one that they do not: huge, negative, not finite, of another type, nested. New keys and
models are covered as soon as they exist. Asked for:

* `plan` succeeds, or raises UserError with one sentence; nothing else; at least half succeed;
* so does `run` on 200 days, in process. Settings that cost much are kept small there.

A failing case prints its seed; ``--seed N --plans 1`` (or ``--runs 1``) repeats it. `tests/cluster/test_fuzz_config.py`
makes a few.
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel

from cluster.config import RunConfig
from cluster.pipeline import run_pipeline
from cluster.request import RunRequest
from cluster.stages.plan_view import plan_only
from cluster.terminal.screen import Screen
from ensembles.blend.methods.base import all_methods
from forecasting.errors import TooManyFailures, UserError
from forecasting.models import built_in_models
from tests.forecasting.fuzz import Broken
from tests.runs import write_inputs

__all__ = ["make_config", "plan_case", "run_case"]

SLOW_SECONDS = 20
LONGEST = 900
"""Characters of a sentence."""
HOSTILE: tuple[Any, ...] = (
    10**30, -(10**30), 2**63, 2**63 - 1, 2**31, -1, 0, -0.0, 1e-320, 1e308, math.inf, -math.inf, math.nan, "1e400",
    "9" * 40, "", " ", "x" * 300, "\x07", "[/]", "{x}", "../..", None, True, [], {}, [[]], [None], {"a": 1}, "null",
    "2024-02-30", "NO", "٣", [1, 1], [10**30], "auto",
)  # fmt: skip
CALENDARS = (None, "CN", "DE", "XNYS", "XECB", "US")
SMALL = {
    "seeds": 2, "epochs": 3, "rounds": 10, "hidden_size": 8, "hidden_sizes": 8, "max_iterations": 5, "max_p": 2,
    "max_q": 2, "max_seasonal_p": 1, "max_seasonal_q": 1, "input_size": 20, "n_windows": 3, "season_length": 14,
    "dense_size": 8, "num_leaves": 16, "max_order": 4, "annual_order": 2,
}  # fmt: skip
"""Most that a run of the fuzzer may ask for: what is beyond costs time alone."""
COSTLY = ("epochs", "rounds", "hidden_size", "hidden_sizes", "max_iterations")


# -- values from the schema


def _value(rng: Random, schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    """A value that the JSON schema of a key allows."""
    if "$ref" in schema:
        return _section(rng, defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return _value(rng, rng.choice(schema["anyOf"]), defs)
    if "enum" in schema or "const" in schema:
        return rng.choice(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return _whole(rng, schema)
        case "number":
            return _real(rng, schema)
        case "array":
            items = schema.get("items", {})
            return [_value(rng, items, defs) for _ in range(rng.randrange(max(1, schema.get("minItems", 0)), 4))]
        case "null":
            return None
    return rng.choice(("a", "b", "auto"))


def _whole(rng: Random, schema: dict[str, Any]) -> int:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", 10**6)
    near = rng.choice((low, low + 1, low + 3, low + 10, low + 40, high))
    return int(min(max(near, low), high))


def _real(rng: Random, schema: dict[str, Any]) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0.0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 100.0))
    ends = [schema[end] for end in ("minimum", "maximum") if end in schema]
    return float(rng.choice([*ends, *(low + share * (high - low) for share in (1e-9, 0.1, 0.3, 0.5, 0.9))]))


def _section(rng: Random, schema: dict[str, Any], defs: dict[str, Any], share: float = 0.25) -> dict[str, Any]:
    """Some keys of a section."""
    keys = schema.get("properties", {})
    return {key: _value(rng, keys[key], defs) for key in keys if rng.random() < share}


def _of_model(rng: Random, model: type[BaseModel], share: float = 0.25) -> dict[str, Any]:
    schema = model.model_json_schema()
    return _section(rng, schema, schema.get("$defs", {}), share)


# -- a configuration


def make_config(rng: Random) -> dict[str, Any]:
    """A configuration for the table of `tests.runs`; one in four holds something that it may not."""
    keys: dict[str, Any] = {"data": _data(rng), "windows": _windows(rng), "members": _members(rng)}
    if keys["windows"]["unit"] == "month" and rng.random() < 0.8:
        keys["data"]["as_of"] = "2024-06-30"
    for section in ("score", "blend", "run", "cluster"):
        if rng.random() < 0.4:
            keys[section] = _of_model(rng, RunConfig.model_fields[section].annotation, 0.4)  # type: ignore[arg-type]
    if "blend" in keys:
        names = [method.name for method in all_methods()]
        keys["blend"]["candidates"] = rng.sample(names, rng.randrange(1, len(names)))
    if "cluster" in keys:
        keys["cluster"] |= {"device": rng.choice(["auto", "cpu"]), "gpus_per_worker": rng.choice(["auto", 0, 0.5])}
    if rng.random() < 0.3:
        keys["bands"] = sorted(rng.sample(range(51, 100), rng.randrange(1, 4)))
    keys["score"] = {"surrogate": rng.choice(["linear", "convex", "concave", "wape"])}
    keys["calendar"] = rng.choice(CALENDARS)
    keys["seed"] = rng.choice([0, 1, 7, 2**31, 2**40])
    for _ in range(rng.choice([0, 0, 0, 1]) and rng.choice([1, 1, 2])):
        _spoil(rng, keys)
    return keys


def _data(rng: Random) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "table"}
    if rng.random() < 0.3:
        share = rng.choice([0.0, 0.25, 0.5, 1.0])
        data["targets"] = {"purchase": share, "redeem": 1 - share}
    for key, values in {
        "unit": ["EUR", None], "freq": ["auto", "D"], "missing": ["error", "zero", "skip"], "max_lag": [0, 5, None],
        "scale": ["auto", "log", "signed"], "as_of": ["2024-06-30", "2024-05-31"], "decimal": ["auto", "point"],
        "max_bytes": [10**6], "date_format": ["ymd"], "planned": ["plan.csv"],
        "balance": [0, -1e9, 1e300, "purchase"],
    }.items():  # fmt: skip
        if rng.random() < 0.15:
            data[key] = rng.choice(values)
    if "balance" in data and rng.random() < 0.5:
        data["limits"] = {"minimum": rng.choice([0, 5e6]), "overdraft": rng.choice([0, 1e4, 1e300])}
    return data


def _windows(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.15:
        return {"unit": "month", "n_windows": rng.randrange(1, 5)}
    windows: dict[str, Any] = {"unit": "day", "horizon": rng.choice([1, 7, 14, 31])}
    if rng.random() < 0.2:
        return windows | {"split": rng.choice([0.6, 0.8, 0.95]), "step_size": rng.choice([7, 14])}
    windows["n_windows"] = rng.randrange(1, 5)
    if rng.random() < 0.3:
        windows |= {"step_size": rng.choice([1, 7, 30]), "refit": rng.random() < 0.7}
    return windows


def _members(rng: Random) -> list[dict[str, Any]]:
    """One to three entries, their settings by the models' own schemas; now and then a list of values for one."""
    models = {name: model for name, model in built_in_models().items() if name != "file"}
    members = []
    for name in rng.sample(sorted(models), rng.choice([1, 2, 2, 3])):
        entry = {"model": name} | _of_model(rng, models[name].settings_type, 0.2)
        for key in ("covariates", "as_published", "backend"):  # the data have none; the rest is for GPUs or the slow
            entry.pop(key, None)
        plain = [key for key, value in entry.items() if key != "model" and not isinstance(value, (list, dict))]
        if plain and rng.random() < 0.2:
            key = rng.choice(plain)
            entry[key] = [entry[key]]
        if models[name].seeded and rng.random() < 0.3:
            entry["seeds"] = rng.choice([1, 2, 3])
        if rng.random() < 0.1:
            entry |= {"reference": True, "name": rng.choice(["mine", "[/]", "=1+1", "naïve ✓", "a/b", "\u202e"])}
        members.append(entry)
    return members


def _spoil(rng: Random, keys: dict[str, Any]) -> None:
    """Put a hostile value, or a key that is not known, in some place."""
    places = list(_places(keys))
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.1:
        holder[rng.choice(["", "x", "seed ", "n_window", "\u202e"])] = rng.choice(HOSTILE)
    holder[key] = rng.choice(HOSTILE)


def _places(node: Any) -> Any:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield node, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def _quick(keys: dict[str, Any]) -> dict[str, Any]:
    """The same, also where a default is what costs."""
    members = keys["members"]
    for entry in members if isinstance(members, list) else ():
        model = built_in_models().get(str(entry.get("model"))) if isinstance(entry, dict) else None
        for key in COSTLY if model is not None else ():
            if key in model.settings_type.model_fields:
                entry.setdefault(key, [SMALL[key]] if key == "hidden_sizes" else SMALL[key])
    quick: dict[str, Any] = _cheap(keys)
    return quick


def _cheap(keys: Any) -> Any:
    """The same with the settings that cost much made small."""
    if isinstance(keys, dict):
        return {key: _cheap_value(key, value) for key, value in keys.items()}
    return [_cheap(value) for value in keys] if isinstance(keys, list) else keys


def _cheap_value(key: Any, value: Any) -> Any:
    if key in SMALL and isinstance(value, list):
        return [_cheap_value(key, inner) for inner in value]
    if key in SMALL and isinstance(value, int) and not isinstance(value, bool) and SMALL[key] < value < 10**7:
        return SMALL[key]
    return _cheap(value)


# -- judgement


def plan_case(rng: Random, folder: Path) -> str:
    """Plan one configuration on the data in `folder`; "success", or the name of the error.

    Raises
    ------
    Broken
        When it ends in anything else than success or one sentence.
    """
    write_plan(rng, folder)
    return _judged(_request(folder, make_config(rng)), lambda request: plan_only(request))


def run_case(rng: Random, folder: Path) -> str:
    """The same of a run."""
    write_plan(rng, folder)
    request = _request(folder, _quick(make_config(rng)))
    try:
        return _judged(request, lambda request: run_pipeline(request, Screen(file=io.StringIO())))
    finally:
        for place in ("run", "ledger"):
            shutil.rmtree(folder / place, ignore_errors=True)


def write_plan(rng: Random, folder: Path) -> None:
    """A plan beside the data, of which a row in ten holds what it may not."""
    rows = ["date,series,amount,known,until,kind,note"]
    days = np.datetime64("2024-01-01") + np.arange(260)
    for n in range(rng.randrange(4)):
        day, known = (str(rng.choice(days)) for _ in range(2))
        row = [
            day,
            rng.choice(["purchase", "redeem"]),
            rng.choice(["1", "-5e6", "0", "1e5"]),
            known,
            "",
            "",
            f"{n}",
        ]
        if rng.random() < 0.3:
            row[4:6] = [rng.choice(["", str(rng.choice(days))]), "adjust"]
        if rng.random() < 0.1:
            row[rng.randrange(len(row))] = str(rng.choice(HOSTILE)).replace(",", ";").replace('"', "")
        rows.append(",".join(row))
    (folder / "plan.csv").write_text("\n".join(rows) + "\n")


def _request(folder: Path, keys: dict[str, Any]) -> RunRequest:
    if isinstance(of_run := keys.get("run"), dict) and of_run.get("ledger") is not None:
        of_run["ledger"] = str(folder / "ledger")
    (folder / "fuzz.yaml").write_text(yaml.safe_dump(keys, allow_unicode=True, sort_keys=False))
    names = str(folder / "fuzz.yaml"), str(folder / "data.csv"), str(folder / "run")
    return RunRequest(*names, None, (), "local")


def _judged(request: RunRequest, work: Any) -> str:
    try:
        work(request)
    except (UserError, TooManyFailures) as error:
        text = str(error)
        if "\n" in text or not 10 < len(text) < LONGEST or "Traceback" in text:
            raise Broken(f"not one sentence: {text!r}") from None
        return type(error).__name__
    return "success"


def _tried(kind: str, n_cases: int, seed: int, folder: Path) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    work = {"plan": plan_case, "run": run_case}[kind]
    for number in range(seed, seed + n_cases):
        started = time.monotonic()
        try:
            outcomes[work(Random(f"{kind} {number}"), folder)] += 1
        except Exception:
            outcomes["BROKEN"] += 1
            print(f"{kind} {number} broke:\n{traceback.format_exc()}", flush=True)
        if time.monotonic() - started > SLOW_SECONDS:
            print(f"{kind} {number} took {time.monotonic() - started:.0f} s", flush=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plans", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    write_inputs(folder)
    broken = False
    for kind, n_cases in (("plan", options.plans), ("run", options.runs)):
        start = time.monotonic()
        outcomes = _tried(kind, n_cases, options.seed, folder)
        print(f"{kind}: {n_cases} cases in {time.monotonic() - start:.0f} s: {dict(outcomes)}", flush=True)
        broken |= bool(outcomes["BROKEN"]) or outcomes["success"] < n_cases / 2
    shutil.rmtree(folder)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
