"""The first screen: which blend, by how much, and what cash to hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ensembles.evaluation.contenders import Honest
from ensembles.files.day_names import WEEKDAYS
from ensembles.judging.judge import Measured
from ensembles.report.data import ReportData
from ensembles.report.money import Money
from ensembles.risk.liquidity.net_outflow import Liquidity
from forecasting.schema import BLEND, iso

__all__ = ["cash_facts", "headline_facts", "method_words", "window_rows"]

METHODS: Mapping[str, str] = {
    "mean": "plain mean of",
    "median": "median of",
    "trimmed-mean": "trimmed mean of",
    "best-single": "best single one of",
    "simplex": "fitted weights on",
    "greedy": "fitted selection of",
    "simplex-by-series": "weights fitted per series on",
}


def method_words(method: str, level: str) -> str:
    """What a candidate does, as ``fitted weights on families``."""
    return f"{METHODS.get(method, method)} {level}"


def headline_facts(data: ReportData, honest: Honest | None) -> Mapping[str, Any] | None:
    """Scores with intervals: the blend's, and how far it is ahead of every other contender."""
    if honest is None or data.blend is None:
        return None
    score = honest.judge.score(honest.blend)
    row = next(row for row in data.board["rows"] if row["family"] == BLEND)
    others = [
        {
            "name": name,
            "score": float(honest.judge.per_window(y_hat).mean()),
            "ahead": honest.judge.ahead(honest.blend, y_hat),
        }
        for name, y_hat in honest.forecasts.items()
        if name != BLEND
    ]
    methods = {target: method_words(f["method"], f["level"]) for target, f in data.blend["targets"].items()}
    for other in others:
        other["verdict"] = _verdict(other["ahead"])  # type: ignore[arg-type]
    return {"score": score, "row": row, "others": others, "methods": methods}


def _verdict(ahead: Measured) -> str:
    if ahead.low > 0:
        return "ahead"
    if ahead.low == ahead.high == 0:
        return "the same forecasts"
    return "behind" if ahead.high < 0 else "too close to call"


def cash_facts(found: Liquidity | None, money: Money) -> Mapping[str, Any] | None:
    """The worst day, and what covers it and the horizon."""
    if found is None:
        return None
    risk = found.total
    worst = int(np.argmin(risk.ranks))
    day = risk.ds[worst]
    return {
        "day": f"{WEEKDAYS[int((day.astype('datetime64[D]').astype(np.int64) + 3) % 7)]} {iso(day)}",
        "worst": {level: money.text(float(risk.buffer(level)[worst])) for level in (95, 99)},
        "month": {level: money.text(risk.month_buffer(level)) for level in (95, 99)},
        "none_needed": bool(risk.buffer(99)[worst] == 0),
        "day_test": found.exceedance("day", 99),
        "month_test": found.exceedance("window", 99),
        "indicative": found.indicative,
        "n_judged": found.n_judged,
    }


def window_rows(data: ReportData, honest: Honest | None) -> list[dict[str, Any]]:
    """One row per backtest window: what was chosen then, and what every contender scored."""
    if data.blend is None or honest is None:
        return []
    best = data.board["best_single"]
    scores = {name: honest.judge.per_window(y_hat) for name, y_hat in honest.forecasts.items()}
    return [
        {
            **window,
            "methods": choice["methods"],
            "real": choice["real"],
            "pick": None if best is None else best["picks"][i],
            "scores": {name: float(values[i]) for name, values in scores.items()},
        }
        for i, (window, choice) in enumerate(zip(data.board["windows"], data.blend["choices"], strict=True))
    ]
