"""The configuration: YAML in, validated and frozen models inside, every key with its meaning.

An unknown key is an error that names the nearest known one. `--set a.b=c` overrides single keys; the value is read as
YAML.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from cluster.keys import check_bounds, fields_of, home, is_pipe, nearest_keys, read_keys, set_key
from ensembles.bands.quantiles import BandLevels
from ensembles.blend.spec import BlendSpec
from ensembles.oof import REFERENCE
from forecasting.axis import DAILY, Axis
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError
from forecasting.models import as_stored, model_type
from forecasting.models.base import with_season
from forecasting.places.uri import redacted, without_secrets
from forecasting.score.names import score_names
from forecasting.trial import Member
from forecasting.windows import WindowSpec

__all__ = [
    "ClusterConfig",
    "MemberEntry",
    "RunConfig",
    "bundled_configs",
    "bundled_name",
    "bundled_presets",
    "expand_members",
    "explain",
    "load_config",
    "load_keys",
    "parse_config",
]

CONFIG_FOLDERS = (Path(__file__).parent / "configs", Path(__file__).parent.parent / "configs")
"""Bundled configurations: inside the wheel, or beside the packages in a checkout."""
PRESETS = "presets"
"""Their folder of presets."""
MOST_MEMBERS = 100_000
"""Of one entry of `members`."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WindowsConfig(_Section):
    """Backtest windows, counted back from the end of the data."""

    unit: Literal["month", "day"] = Field("month", description="month: whole calendar months; day: `horizon` days")
    n_windows: int = Field(4, ge=1, le=60, description="backtest windows; fewer are used when the data are short")
    horizon: int = Field(30, ge=1, le=366, description="days forecast (unit: day)")
    step_size: int | None = Field(
        None, ge=1, le=10_000, description="days between cutoffs (unit: day); null: the horizon"
    )
    split: float | None = Field(
        None, gt=0, lt=1, description="share of the days before the first window (unit: day); null: n_windows decides"
    )
    refit: bool = Field(True, description="false: fit at the first cutoff alone, then go on with new data only")

    @model_validator(mode="before")
    @classmethod
    def _split_means_days(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("split") is None:
            return values
        if values.get("unit", "day") != "day":
            raise ValueError("split is for unit: day: leave out unit")
        return {**values, "unit": "day"}

    def spec(self) -> WindowSpec:
        """The same as the windows module's own type."""
        return WindowSpec(self.unit, self.n_windows, self.horizon, self.step_size, self.split, self.refit)


class ScoreConfig(_Section):
    """How a day is judged."""

    surrogate: str = Field(
        "linear",
        description="points of a day by relative error: linear, convex, concave; or wape",
        json_schema_extra=lambda schema: schema.update(enum=list(score_names())),
    )

    @field_validator("surrogate")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in score_names():
            raise ValueError(f"is no score: choose one of {', '.join(score_names())}")
        return name


class MemberEntry(BaseModel):
    """One entry of `members`: a model, its settings, its seeds. A list for a setting that takes one value means one
    member for each.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str = Field(description="name in the registry of models")
    seeds: int = Field(1, ge=1, le=10_000, description="members that differ in their random streams only")
    reference: bool = Field(False, description="a yardstick: shown in the leaderboard, never part of a blend")
    name: str | None = Field(
        None, min_length=1, max_length=80, description="label in the leaderboard instead of the model's name"
    )

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class RunSection(_Section):
    """What a run tolerates and keeps."""

    max_failed_share: float = Field(
        0.1, ge=0, le=1, description="share of failed trials above which the run ends with exit code 3"
    )
    keep: Literal["blend", "all", "none"] = Field(
        "blend", description="fitted states kept after blending: those in the blend, all, none"
    )
    ledger: str | None = Field(None, description="folder or URI of a ledger of forecasts as issued; null: none")


class GpuCost(_Section):
    """What a batch costs on a GPU: ``batch + fit · max(fits, least)`` seconds. It cuts the work, and changes no result
    beyond what another cut does.
    """

    batch: float = Field(0.2, ge=0, le=3600, description="seconds of a batch besides its fits")
    fit: float = Field(
        0.002, gt=0, le=3600, description="seconds of a fit of lstm-direct with input_size 15, the GPU being full"
    )
    least: int = Field(64, ge=0, le=1_000_000, description="fits below which a batch takes no less time")


class ClusterConfig(_Section):
    """How work is spread over machines. Nothing here changes a forecast on CPUs."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda when the cluster has GPUs")
    workers: int | Literal["auto"] = Field(
        "auto", description="workers at most (LSTM on GPUs, else all models); auto: as many as fit"
    )
    gpus_per_worker: Literal["auto"] | float = Field(
        "auto", description="GPUs of one LSTM worker: 1, 0.5, 0.25 or 0.125; auto: 1 on cuda, else 0"
    )
    cpus_per_worker: int = Field(1, ge=1, description="CPUs of one worker or task")
    fits_per_batch: int | Literal["auto"] = Field(
        "auto",
        description="LSTM fits (trials x cutoffs) computed together; auto: 16 on a CPU; on GPUs what "
        "memory holds, cut so that all workers end early",
    )
    gpu_cost: GpuCost = Field(
        default_factory=GpuCost,
        description="what a batch is expected to cost on a GPU until the run has timings of its own",
    )
    batch_seconds: float = Field(
        3600, gt=0, description="a batch that runs longer is given up and counted as a lost worker"
    )

    @model_validator(mode="after")
    def _check_values(self) -> ClusterConfig:
        if self.gpus_per_worker != "auto" and self.gpus_per_worker not in (0, 0.125, 0.25, 0.5, 1):
            raise ValueError("gpus_per_worker must be 1, 0.5, 0.25, 0.125 or 0")
        if self.device == "cuda" and self.gpus_per_worker == 0:
            raise ValueError("gpus_per_worker must be above 0 for device cuda")
        for name in ("workers", "fits_per_batch"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise ValueError(f"{name} must be at least 1")
        return self


class RunConfig(_Section):
    """A whole run."""

    seed: int = Field(1, ge=0, description="seed of every random stream of the run")
    data: DataSpec = Field(default_factory=DataSpec, description="what the input is")
    calendar: str | None = Field(
        None,
        description="what is known in advance of days off: a country (DE), a part of one (DE-BY), an exchange "
        "(XNYS) or a central bank (XECB); null: weekends only. Kind yuebao has CN unless null is written",
    )
    windows: WindowsConfig = Field(default_factory=WindowsConfig, description="backtest windows")
    score: ScoreConfig = Field(default_factory=ScoreConfig, description="how forecasts are judged")
    members: Annotated[tuple[MemberEntry, ...], Field(min_length=1, description="models, settings and seeds")]
    blend: BlendSpec = Field(default_factory=BlendSpec, description="how members are combined")
    bands: BandLevels = Field((80, 95), description="levels of the bands: of 100 days, so many are meant to lie inside")
    signal: float | None = Field(
        None,
        ge=0,
        description="change from the last amount, as a share (0.02), beyond which a forecast is a signal: +1 up, "
        "-1 down; null: no signals",
    )
    run: RunSection = Field(default_factory=RunSection, description="what the run tolerates and keeps")
    cluster: ClusterConfig = Field(default_factory=ClusterConfig, description="how work is spread")

    @model_validator(mode="before")
    @classmethod
    def _calendar_by_kind(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "calendar" in values:
            return values
        data = values.get("data", {})
        kind = data.get("kind", "yuebao") if isinstance(data, dict) else getattr(data, "kind", None)
        return {**values, "calendar": "CN"} if kind == "yuebao" else values

    @field_validator("calendar", mode="before")
    @classmethod
    def _code(cls, calendar: Any) -> Any:
        if isinstance(calendar, bool):
            raise ValueError("put the code in quotes, as in calendar: 'NO': without them YAML reads it as no")
        return calendar

    @model_serializer(mode="wrap")
    def _as_stored(self, dump: SerializerFunctionWrapHandler) -> Any:
        """What is dumped is stored or shown: without the secrets of any URI."""
        return redacted(dump(self))


def bundled_configs() -> dict[str, Path]:
    """Name (such as ``yuebao`` or ``articles/afac2025``) → path of each configuration that ships with the program."""
    return {name: path for name, path in _bundled("*").items() if not name.startswith(f"{PRESETS}/")}


def bundled_presets() -> dict[str, Path]:
    """Name (such as ``fast`` or ``panel-fast``) → path of each preset: members and blend without data and windows."""
    return {name.removeprefix(f"{PRESETS}/"): path for name, path in _bundled(f"{PRESETS}/*").items()}


def _bundled(pattern: str) -> dict[str, Path]:
    for folder in CONFIG_FOLDERS:
        if folder.is_dir():
            files = sorted(p for p in folder.rglob(f"{pattern}.yaml") if "deploy" not in p.relative_to(folder).parts)
            return {str(p.relative_to(folder).with_suffix("")): p for p in files}
    return {}


def load_config(path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a configuration file, or a bundled one by name, and apply ``key=value`` overrides.

    Raises
    ------
    ConfigError
        One sentence that names the file and the key.
    """
    return parse_config(load_keys(path, overrides), path)


def load_keys(path: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a configuration as they are written, with ``key=value`` overrides; otherwise as `load_config`.

    `path` may be a pipe, ``-`` for the standard input among them.
    """
    raw = read_keys(home(path) if is_pipe(path) else str(_find(home(path))))
    for override in overrides:
        set_key(raw, override)
    return raw


def parse_config(raw: Mapping[str, Any], source: str) -> RunConfig:
    """Validate a configuration given as nested mappings; `source` names it in errors."""
    check_bounds(raw, source)
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{source}: {explain(error, RunConfig)}") from None
    check_bounds(config.model_dump(), source)  # again: a number may have been written as text
    expand_members(config, source=source)
    return config


def bundled_name(path: str) -> str:
    """The name that a bundled configuration would have which is called so."""
    return path.removeprefix("configs/").removesuffix(".yaml")


def _find(path: str) -> Path:
    bundled, presets, name = bundled_configs(), bundled_presets(), bundled_name(path)
    file = Path(path)
    preset = next((known for known, place in presets.items() if file.is_file() and place.samefile(file)), None)
    if preset is None and file.is_file():
        return file
    if name in bundled:
        return bundled[name]
    if preset is not None or name.removeprefix(f"{PRESETS}/") in presets:
        what = f"is a preset, which says nothing of the data: add --preset {Path(name).name.removeprefix('panel-')}"
        raise ConfigError(f"{path}: {what} to a run on your data")
    near = get_close_matches(name, bundled, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"{path}: no such file, and no bundled configuration of that name; {hint}bundled are {', '.join(bundled)}"
    )


def expand_members(config: RunConfig, axis: Axis = DAILY, source: str = "configuration") -> tuple[Member, ...]:
    """Every member of the run: each entry's grid of settings times its seeds, sorted by member_id.

    A season that an entry leaves out is the axis's: a week of days or work days, a year of weeks.

    Raises
    ------
    ConfigError
        Unknown model or setting, value out of range, or two entries that make the same member.
    """
    members: dict[str, Member] = {}
    names: set[str] = set()
    for position, entry in enumerate(config.members):
        for member in _expand(entry, axis, f"{source}: members.{position} ({entry.model})"):
            if member.member_id in members or member.name in names:
                raise ConfigError(
                    f"{source}: members.{position} ({entry.model}) makes {member.name} twice: "
                    "change a setting, or give the entry another name"
                )
            members[member.member_id] = member
            names.add(member.name)
    return tuple(members[key] for key in sorted(members))


def _expand(entry: MemberEntry, axis: Axis, place: str) -> Iterator[Member]:
    cls = model_type(entry.model) if entry.model else None
    if cls is None:
        raise ConfigError(f"{place}: model is empty: name one of the registered models")
    if entry.seeds > 1 and not cls.seeded:
        raise ConfigError(f"{place}: seeds is {entry.seeds}, but this model does not use its seed: leave seeds out")
    grid = {
        key: value for key, value in entry.settings.items() if isinstance(value, list) and not _takes_list(cls, key)
    }
    if any(len(values) == 0 for values in grid.values()):
        raise ConfigError(f"{place}: a setting is an empty list: give it at least one value")
    if math.prod(map(len, grid.values())) * entry.seeds > MOST_MEMBERS:
        raise ConfigError(f"{place}: makes more than {MOST_MEMBERS:,} members: use shorter lists or fewer seeds")
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        try:
            given = with_season(cls.settings_type, {**entry.settings, **chosen}, axis.season_length)
            settings = cls.settings_type.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"{place}: {explain(error, cls.settings_type)}") from None
        check_bounds(settings.model_dump(), place)
        stored = as_stored(cls, settings, place)
        label = "/".join([entry.name or entry.model, *(f"{key}={_shown(value)}" for key, value in chosen.items())])
        published = bool(getattr(settings, "as_published", False))  # a published mistake is shown as one, never blended
        label += " (as published)" if published and "as published" not in label else ""
        for seed_index in range(entry.seeds):
            family = REFERENCE if entry.reference or published else cls.family
            yield Member(entry.model, stored, seed_index, label, family)


def _shown(value: Any) -> Any:
    return without_secrets(value) if isinstance(value, str) else value


def _takes_list(cls: Any, key: str) -> bool:
    field = cls.settings_type.model_fields.get(key)
    return field is not None and any(word in str(field.annotation) for word in ("list[", "tuple[", "Sequence["))


def explain(error: ValidationError, model: type[BaseModel], section: str = "") -> str:
    """The first problem as a phrase: where (`section` holds the `model`), what, and the nearest known key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in (*([section] if section else []), *first["loc"]))
    if first["type"] == "extra_forbidden":
        known = _keys_at(model, first["loc"][:-1])
        beside = get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        near = (nearest_keys(where, fields_of(model)) if len(first["loc"]) == 1 else []) or beside
        hint = f"did you mean {near[0]}?" if near else "known keys are " + ", ".join(known)
        return f"{where}: unknown key; {hint}"
    if first["type"] == "missing":
        return f"{where}: is missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    given = repr(first["input"])
    return f"{where or 'value'}: {message[0].lower()}{message[1:]}" + (f" (given: {given})" if len(given) < 80 else "")


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        model = kind
    return list(model.model_fields)
