"""What the user says about the data: the `data` section of a configuration."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forecasting.data.balance import Balance, Limits, balance_asked
from forecasting.data.formats.options import TableOptions
from forecasting.places.uri import is_uri, without_secrets

__all__ = ["DataSpec", "day_of"]

_NAME = re.compile(r"[\w.-]+")
_OF_RESULTS = frozenset(
    {"ds", "unique_id", "member", "cutoff", "date", "entity", "weekday", "day_type", "holiday", "event"}
)
"""Columns beside the targets in the files that a run writes. A target may be called y, as in a table of ds and y."""
_OWN_UNITS = ("fen", "CNY")
"""Units of the competition's tables; the first is theirs by default."""
_LONGEST_UNIT = 40
_ORDERS = ("dmy", "mdy", "ymd")
_SOME_DAY = dt.datetime(2023, 11, 30)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{4})(\d{2})(\d{2})", re.ASCII)


def day_of(value: object) -> dt.date:
    """A date, or text written as 2024-11-15 or 20241115.

    Raises
    ------
    ValueError
        For anything else.
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    found = _DAY.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("not a date; write it as YYYY-MM-DD")
    try:
        return dt.date(*(int(part) for part in found.groups() if part is not None))
    except ValueError:
        raise ValueError("not a date; there is no such day") from None


class DataSpec(BaseModel):
    """Kind, columns and units of the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # A source of another kind is a module in `forecasting.data.sources`, and its kind stands here.
    kind: Literal["yuebao", "table", "panel"] = Field(
        "yuebao",
        description="yuebao: the competition's folder (user_balance_table or daily_totals, with the two rate tables); "
        "table: one daily table, a date column and one column per target; "
        "panel: many entities, either with an entity column and one column per target, or long as unique_id, ds, y.",
    )
    targets: dict[str, float] = Field(
        default_factory=lambda: {"purchase": 0.45, "redeem": 0.55},
        description="The series to forecast, each with its weight in the score; the weights sum to 1.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Our name -> column in the file, for ds, a target, a past covariate, name of events, or unique_id "
        "and y of a long panel: {ds: trade_date, purchase: apply_amt}. Names left out are looked up under themselves "
        "and common captions.",
    )
    entity: str | None = Field(
        None,
        description="Column that tells the entities of a panel apart, such as fund_code; read as text, so leading "
        "zeros stay. null for a long panel, whose unique_id is entity/target.",
    )
    unit: str | None = Field(
        None,
        description="Unit of the amounts as it is to be shown, such as EUR or thousand USD; nothing is converted. "
        "null: none is shown. kind yuebao alone knows fen (0.01 CNY, its default; user rows hold whole fen) and CNY.",
    )
    freq: Literal["auto", "D", "B", "W"] = Field(
        "auto",
        description="Periods of the data: D calendar days, B work days, W weeks; auto: as the dates show.",
    )
    missing: Literal["error", "zero", "skip"] = Field(
        "error",
        description="What a period without a row, or an empty amount, means: error, it is refused; zero, nothing "
        "flowed; skip, it is unknown, and neither trained on nor scored.",
    )
    max_lag: int | None = Field(
        None,
        ge=0,
        description="Most periods that a series of a panel may end before the others and still be forecast; one that "
        "ended earlier is closed. null: the horizon.",
    )
    scale: Literal["auto", "log", "signed"] = Field(
        "auto",
        description="log: models work on logarithms, and amounts must not be negative; signed: amounts of either sign; "
        "auto: signed where a series has negative amounts.",
    )
    as_of: dt.date | None = Field(
        None, description="Use the data up to this day only, as --as-of does; later rows are never looked at."
    )
    past: tuple[str, ...] | None = Field(
        None,
        description="Past covariates, known only up to the cutoff. null: for yuebao the columns of the rate tables "
        "that are there, otherwise none. For yuebao also any amount column of the user table, such as share_amt, as "
        "daily sums.",
    )
    events: str | None = Field(
        None,
        description="CSV (ds, name; or Prophet's ds, holiday) of days known in advance, such as promotions; looked for "
        "beside the data, then in the working directory.",
    )
    planned: str | None = Field(
        None,
        description="CSV of amounts known for other reasons than history shows, such as a tax or a dividend: date, "
        "series (or entity, target), amount, known (the day from which a backtest may use it), kind (planned, or "
        "adjust for a judgement on the days from date to until), note (the reason of an adjustment), author. Looked "
        "for as data.events is.",
    )
    unpaid: Literal["error", "skip"] = Field(
        "error",
        description="What it means that more was planned for a past day than flowed: error, it is refused; skip, what "
        "was planned for the day was not paid, and is used nowhere, which suits a run that nobody watches.",
    )
    groups: str | None = Field(
        None,
        description="Groups of a panel's entities: a column of the table, or a CSV whose rows name an entity or a "
        "group, the group it is in, and so on. Totals of each are written to totals.csv.",
    )
    units: str | None = Field(
        None,
        description="Unit of each entity's amounts where a panel has several: a column of the table, or a CSV of "
        "entity and unit. Amounts of different units are never added.",
    )
    balance: Balance | None = Field(
        None,
        description="Balance at the end of the data, which the cash position begins with: a number, for all entities "
        "together; {entity: number}, or {unit: number} for all entities of a unit; or a column, whose value in the "
        "last row (of each entity) counts. null: unknown.",
    )
    limits: Limits = Field(default_factory=Limits, description="Balances that are not to be fallen below.")
    decimal: Literal["auto", "point", "comma"] = Field(
        "auto",
        description="Decimal mark of amounts that are text; auto: as the amounts of the file show.",
    )
    date_format: str | None = Field(
        None,
        description="How days are written where the file does not show it: dmy, mdy or ymd, or a format such as "
        "%d-%b-%Y. null: as the whole column shows; year first is always understood.",
    )
    sheet: str | None = Field(
        None, description="Sheet of a workbook (.xlsx, .ods); null: the only one that is not empty."
    )
    max_bytes: int | None = Field(
        None,
        gt=0,
        description="Most bytes that a packed file (.gz, .zip, workbook, Parquet) may hold. null: 50 times its own "
        "size, but 250 million at least and 4 billion at most.",
    )
    cache: str | None = Field(
        None,
        description="Folder where daily totals of user rows are kept, by the fingerprint of the file's bytes; null: "
        "nowhere.",
    )

    @field_validator("targets")
    @classmethod
    def _weights(cls, targets: dict[str, float]) -> dict[str, float]:
        if not targets:
            raise ValueError("name at least one target")
        for name, weight in targets.items():
            if name in _OF_RESULTS:
                raise ValueError(
                    f"{name!r} cannot be a target's name: a column of the results is called so; choose another name "
                    f"and give its column, as in targets: {{{name}_amount: 1}} and columns: {{{name}_amount: {name}}}"
                )
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a target's name: use letters, digits, '_', '-' and '.'")
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"the weight of {name} is {weight}: give a number that is not negative")
        if not math.isclose(sum(targets.values()), 1.0, abs_tol=1e-6):
            raise ValueError(f"the weights sum to {sum(targets.values()):g}: make them sum to 1")
        return targets

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        return None if value is None else day_of(value)

    @field_validator("balance", mode="before")
    @classmethod
    def _balance(cls, value: Any) -> Any:
        return balance_asked(value)

    @field_validator("unit")
    @classmethod
    def _label(cls, unit: str | None) -> str | None:
        if unit is not None and not (unit.strip() == unit != "" and unit.isprintable() and len(unit) <= _LONGEST_UNIT):
            raise ValueError(f"a unit is a short text such as EUR, of at most {_LONGEST_UNIT} characters")
        return unit

    @field_validator("date_format")
    @classmethod
    def _format(cls, form: str | None) -> str | None:
        if form is None or form in _ORDERS:
            return form
        try:
            known = dt.datetime.strptime(_SOME_DAY.strftime(form), form) == _SOME_DAY
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"{form!r} does not tell day, month and year: give dmy, mdy, ymd, or such as %d/%m/%Y")
        return form

    @field_validator("cache")
    @classmethod
    def _folder(cls, cache: str | None) -> str | None:
        if cache is not None and (is_uri(cache) or without_secrets(cache) != cache):
            raise ValueError("a URI cannot be the cache: give a folder of this machine")
        return cache

    @field_validator("past")
    @classmethod
    def _past(cls, past: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if past is not None and len(set(past)) < len(past):
            raise ValueError("a past covariate is named twice")
        return past

    @model_validator(mode="before")
    @classmethod
    def _unit_by_kind(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("kind", "yuebao") == "yuebao" and values.get("unit") is None:
            return {**values, "unit": _OWN_UNITS[0]}
        return values

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        known = {"ds", *self.targets, *(self.past or ())}
        if self.kind == "panel" and self.entity is None:
            known |= {"unique_id", "y"}
        if self.events is not None:
            known.add("name")
        unknown = sorted(set(self.columns) - known)
        if unknown:
            raise ValueError(
                f"columns gives a column for {unknown[0]!r}, which is not asked for: "
                f"its keys are {', '.join(sorted(known))}"
            )
        if self.entity is not None and self.kind != "panel":
            raise ValueError(f"entity is for kind: panel, and kind is {self.kind}")
        for key in ("groups", "units"):
            if getattr(self, key) is not None and self.kind != "panel":
                raise ValueError(f"{key} is for the entities of kind: panel, and kind is {self.kind}")
            if getattr(self, key) == (self.entity or self.columns.get("unique_id", "unique_id")):
                what = f"{key} is {getattr(self, key)!r}, the column that names the entities themselves"
                raise ValueError(f"{what}: name another column, or a file of entities and their {key}")
        if isinstance(self.balance, str) and self.kind == "yuebao":
            raise ValueError(f"balance is {self.balance!r}: kind yuebao has no column of balances; give a number")
        if isinstance(self.balance, dict) and self.kind != "panel":
            raise ValueError(f"balance is given by entity, and kind {self.kind} has none: give a number")
        if self.limits.entities and self.kind != "panel":
            raise ValueError(f"limits are given by entity, and kind {self.kind} has none: give a number")
        if self.balance is None and (self.limits.minimum is not None or self.limits.overdraft is not None):
            raise ValueError("limits need a balance to begin with: give data.balance too")
        if self.kind == "yuebao" and self.unit not in _OWN_UNITS:
            raise ValueError(f"unit is {self.unit}, and kind yuebao knows {' and '.join(_OWN_UNITS)}")
        return self

    @property
    def table_options(self) -> TableOptions:
        """What is said of how the tables are written and packed."""
        return TableOptions(self.decimal, self.date_format, self.sheet, self.max_bytes)

    @property
    def is_long(self) -> bool:
        """Whether the data are a long panel, whose rows name their series by a unique_id."""
        return self.kind == "panel" and self.entity is None
