"""ARIMA on the log scale: statsmodels' SARIMAX, with the calendar taken out first or estimated jointly.

Orders are chosen at the first cutoff by the corrected Akaike criterion (Hurvich and Tsai 1989) among all p ≤ max_p,
q ≤ max_q, P ≤ max_seasonal_p, Q ≤ max_seasonal_q; d is fixed, since likelihoods of different d do not compare. Later
cutoffs keep them, and start from the parameters found before. In a panel of many series they are chosen once for all of
a target, by the sum of the criterion over a sample of series.
"""

from __future__ import annotations

import hashlib
import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import LATER, SEASON, DamagedState, FitTask, Settings, State
from forecasting.models.features.calendar_effects import (
    CalendarFit,
    CalendarSettings,
    calendar_columns,
    fit_calendar,
    safe_log,
    warm_up_calendar,
)
from forecasting.models.features.lengths import require
from forecasting.models.features.levels import pulled_in
from forecasting.models.heard import caught_warnings
from forecasting.models.states import array_of, fact_of
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["Arima", "ArimaSettings"]

MIN_DAYS = 28
DIGITS = 12
"""Decimals of amounts over their median."""

Orders = tuple[int, int, int, int, int]
"""p, d, q, seasonal p, seasonal q."""

_Fit = tuple[float, Orders, FloatArray]
"""AICc, orders, parameters."""


class ArimaSettings(Settings):
    """Settings of `arima`."""

    calendar_in: Literal["first", "joint"] = Field(
        "first",
        description="first: ARIMA on the calendar-adjusted log level; joint: the calendar's columns as regressors",
    )
    max_p: int = Field(2, ge=0, le=7, description="most autoregressive lags tried")
    d: int = Field(0, ge=0, le=2, description="times the series is differenced")
    max_q: int = Field(1, ge=0, le=7, description="most moving-average lags tried")
    max_seasonal_p: int = Field(1, ge=0, le=2, description="most seasonal autoregressive lags tried")
    max_seasonal_q: int = Field(0, ge=0, le=2, description="most seasonal moving-average lags tried")
    season_length: int = Field(
        7,
        ge=2,
        le=366,
        description="periods in a season; left out: a week, or a year of weeks",
        json_schema_extra=SEASON,
    )
    days: int | None = Field(None, ge=MIN_DAYS, description="how many last days are used; null: all")
    clip: float = Field(3.0, gt=0, description="days further than this many scales from their neighbours are pulled in")
    max_iterations: int = Field(30, ge=1, description="iterations of the likelihood's optimiser")
    order_sample: int = Field(
        24,
        ge=0,
        json_schema_extra=LATER,
        description="series on which a panel that has more chooses orders for all; 0: each series chooses its own",
    )
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="the calendar regression")


@dataclass(frozen=True)
class _Data:
    """What SARIMAX sees: `level` ``[n]`` on the log scale, and regressors ``[n, k]`` or None."""

    level: FloatArray
    columns: FloatArray | None


class Arima:
    """SARIMAX on log y; orders by AICc at the first cutoff."""

    name: ClassVar[str] = "arima"
    family: ClassVar[str] = "arima"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("statsmodels", "scipy", "holidays")
    seeded: ClassVar[bool] = False
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 2.0
    settings_type: ClassVar[type[Settings]] = ArimaSettings

    def __init__(self, settings: ArimaSettings) -> None:
        self.settings = settings

    def fit(self, task: FitTask) -> State:
        """Choose orders unless `task.previous` holds them, then estimate. Raises TrialError when nothing converges."""
        history = task.history
        require(history, MIN_DAYS)
        calendar, used, centre, data = self._prepared(history)
        orders, start = _kept(task.previous)
        if orders is None and task.peers:
            orders = _orders_of_all(self.settings, _Peers.of(task.peers))
        with caught_warnings("always") as heard:
            best = self._best(data, [orders], start) if orders else None
            if best is None and task.previous is None:
                best = self._best(data, self._grid(history), None)
        if best is None:
            raise TrialError(
                f"no ARIMA could be estimated on {len(data.level)} {history.axis.noun} up to {iso(history.cutoff)}"
            )
        _, orders, params = best
        meta = {"orders": list(orders), "warnings": _all_heard(task.previous, heard)}
        arrays = {"params": params, "centre": np.array([centre]), "used_columns": used, **calendar.to_arrays()}
        return State(arrays=arrays, meta=meta)

    def check(self, state: State) -> None:
        """See `ChecksState`: parameters are those of the orders, and orders those that the settings allow."""
        s, effects = self.settings, CalendarFit.from_arrays(state.arrays).coefficients
        used = array_of(state.arrays, "used_columns", np.int64, None)
        array_of(state.arrays, "centre", np.float64, 1)
        orders, most = fact_of(state.meta, "orders", list), (s.max_p, s.d, s.max_q, s.max_seasonal_p, s.max_seasonal_q)
        whole = len(orders) == len(most) and all(type(order) is int for order in orders)
        if not whole or any(not 0 <= order <= limit for order, limit in zip(orders, most, strict=True)):
            raise DamagedState(f"orders are not such as the settings allow: {orders}")
        if not (np.diff(used) > 0).all() or not ((used >= 0) & (used < len(effects))).all():
            raise DamagedState("used_columns are not columns of the calendar in their order")
        p, d, q, seasonal_p, seasonal_q = orders
        regressors = len(used) if s.calendar_in == "joint" else 0
        array_of(state.arrays, "params", np.float64, (d == 0) + regressors + p + q + seasonal_p + seasonal_q + 1)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`."""
        calendar = CalendarFit.from_arrays(state.arrays)
        used = state.arrays["used_columns"]
        centre = float(state.arrays["centre"][0])
        data = self._data(history, calendar, used)
        data = replace(data, level=data.level - centre)
        ahead = history.steps(ds)
        future = history.ahead(int(ahead.max()), ds)
        joint = self.settings.calendar_in == "joint"
        columns = calendar_columns(history.calendar, future)[:, used] if joint else None
        with _unheard():
            fitted = self._model(data, _orders(state)).filter(state.arrays["params"], cov_type="none")
            level = centre + np.asarray(fitted.forecast(len(future), exog=columns))
        if not joint:
            level = level + calendar.effect(history.calendar, future)
        return np.asarray(np.exp(level[ahead - 1]))

    def update(self, state: State, history: History) -> State:
        """The mean that forecasts return to, from a newer history; orders and parameters stay."""
        centre = self._centre(history, CalendarFit.from_arrays(state.arrays), state.arrays["used_columns"])
        return replace(state, arrays={**state.arrays, "centre": np.array([centre])})

    @property
    def n_peers(self) -> int:
        """Series on which orders are chosen for all."""
        return self.settings.order_sample

    @classmethod
    def warm_up(cls, device: str) -> None:  # noqa: ARG003 - part of `WarmsUp`
        """Load statsmodels, and the solver of the calendar regression."""
        import statsmodels.tsa.statespace.sarimax  # noqa: F401

        warm_up_calendar()

    def criteria(self, history: History) -> dict[Orders, float]:
        """AICc of all orders that can be estimated on a history; none on one that is too short."""
        try:
            require(history, MIN_DAYS)
        except TrialError:
            return {}
        data = self._prepared(history)[-1]
        with _unheard():
            fits = [self._estimate(data, orders, None) for orders in self._grid(history)]
        return {fit[1]: fit[0] for fit in fits if fit is not None}

    def _prepared(self, history: History) -> tuple[CalendarFit, IntArray, float, _Data]:
        """Calendar effects, the calendar's columns in use, the level's centre as `update` has it, and the level about
        its own.

        For the last, amounts are seen over their median, rounded: the search for parameters amplifies the last bits of
        what it is given, and with them forecasts would depend on the unit of the data.
        """
        size = float(np.median(history.y))
        seen = replace(history, y=np.maximum(np.round(history.y / size, DIGITS), 10.0**-DIGITS))
        calendar = fit_calendar(seen, self.settings.calendar)
        used = self._used_columns(history)
        data = self._data(seen, calendar, used)
        about = replace(data, level=data.level - np.median(data.level))
        return calendar, used, self._centre(history, calendar, used), about

    def _grid(self, history: History) -> Iterator[Orders]:
        """Orders to try; a year of weeks that was not seen twice is no season."""
        s = self.settings
        seasonal = history.freq != "W" or len(history.y) >= 2 * s.season_length
        limits = (s.max_p, s.max_q, *((s.max_seasonal_p, s.max_seasonal_q) if seasonal else (0, 0)))
        for p, q, seasonal_p, seasonal_q in itertools.product(*(range(limit + 1) for limit in limits)):
            yield p, s.d, q, seasonal_p, seasonal_q

    def _used_columns(self, history: History) -> IntArray:
        """Indices of the calendar's columns that vary in the days used, less one weekday (they sum to nothing)."""
        columns = calendar_columns(history.calendar, history.ds)[-(self.settings.days or len(history.ds)) :]
        varies = np.ptp(columns, axis=0) > 0
        varies[np.flatnonzero(varies[:7])[-1:]] = False
        return np.flatnonzero(varies)

    def _data(self, history: History, calendar: CalendarFit, used: IntArray) -> _Data:
        days = self.settings.days or len(history.y)
        effect = calendar.effect(history.calendar, history.ds)
        level = pulled_in(safe_log(history.y) - effect, self.settings.clip)[-days:]
        if self.settings.calendar_in == "first":
            return _Data(level, None)
        return _Data(level + effect[-days:], calendar_columns(history.calendar, history.ds[-days:])[:, used])

    def _centre(self, history: History, calendar: CalendarFit, used: IntArray) -> float:
        return float(np.median(self._data(history, calendar, used).level))

    def _best(self, data: _Data, tried: Iterable[Orders], start: FloatArray | None) -> _Fit | None:
        """The fit with the least AICc, of equal ones the simplest; None when none can be estimated."""
        fits = [fit for orders in tried if (fit := self._estimate(data, orders, start)) is not None]
        return min(fits, key=lambda fit: (fit[0], sum(fit[1])), default=None)

    def _model(self, data: _Data, orders: Orders) -> Any:
        from statsmodels.tsa.statespace.sarimax import SARIMAX

        p, d, q, seasonal_p, seasonal_q = orders
        season = self.settings.season_length if seasonal_p or seasonal_q else 0
        return SARIMAX(
            data.level,
            exog=data.columns,
            order=(p, d, q),
            seasonal_order=(seasonal_p, 0, seasonal_q, season),
            trend="c" if d == 0 else "n",
        )

    def _estimate(self, data: _Data, orders: Orders, start: FloatArray | None) -> _Fit | None:
        """None when the likelihood cannot be maximised."""
        try:
            model = self._model(data, orders)
            start = start if start is not None and len(start) == len(model.start_params) else None
            result = model.fit(
                start_params=start,
                maxiter=self.settings.max_iterations,
                disp=False,
                cov_type="none",
                method="lbfgs",
            )
        except (ValueError, np.linalg.LinAlgError):
            return None
        params = np.asarray(result.params)
        if not (np.isfinite(result.aicc) and np.isfinite(params).all()):
            return None
        return float(result.aicc), orders, params


@dataclass(frozen=True)
class _Peers:
    """A sample of histories; equal ones read the same."""

    digest: str
    histories: tuple[History, ...] = field(compare=False)

    @classmethod
    def of(cls, histories: tuple[History, ...]) -> _Peers:
        digest = hashlib.sha256()
        for history in histories:
            digest.update(f"{history.unique_id}|{history.freq}|{history.calendar.key}".encode())
            digest.update(history.ds.astype("datetime64[D]").tobytes() + history.y.tobytes())
        return cls(digest.hexdigest(), histories)


@lru_cache(maxsize=16)
def _orders_of_all(settings: ArimaSettings, peers: _Peers) -> Orders | None:
    """The orders with the least sum of AICc over the peers; None where no orders can be estimated on any of them.

    Kept, because all trials of a process ask for the same. A peer on which some orders cannot be estimated says
    nothing: its sums would compare other series.
    """
    model = Arima(settings)
    found = [criteria for criteria in map(model.criteria, peers.histories) if criteria]
    most = max(map(len, found), default=0)
    whole = [criteria for criteria in found if len(criteria) == most]
    shared = [orders for orders in (whole[0] if whole else {}) if all(orders in criteria for criteria in whole)]
    sums = {orders: sum(criteria[orders] for criteria in whole) for orders in shared}
    return min(sums, key=lambda orders: (sums[orders], sum(orders)), default=None)


def _kept(previous: State | None) -> tuple[Orders | None, FloatArray | None]:
    """Orders and parameters of the cutoff before."""
    return (None, None) if previous is None else (_orders(previous), previous.arrays["params"])


def _orders(state: State) -> Orders:
    p, d, q, seasonal_p, seasonal_q = state.meta["orders"]
    return p, d, q, seasonal_p, seasonal_q


def _all_heard(previous: State | None, heard: Iterable[warnings.WarningMessage]) -> dict[str, int]:
    """Warnings of the fits up to this cutoff, by category. An unfinished likelihood is judged by its AICc like any
    other; how often that happened is a fact of the member.
    """
    before = {} if previous is None else previous.meta.get("warnings", {})
    return dict(Counter(before) + Counter(message.category.__name__ for message in heard))


def _unheard() -> AbstractContextManager[list[warnings.WarningMessage]]:
    """Warnings that mean nothing: of peers, and of a start that is not searched from. They are recorded besides,
    because importing statsmodels sets filters that show some of them.
    """
    return caught_warnings("ignore")
