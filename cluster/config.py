"""The configuration: YAML in, validated and frozen models inside, every key with its meaning.

An unknown key is an error that names the nearest known one. `--set a.b=c` overrides single keys; the value is read as
YAML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ensembles.blend.spec import BlendSpec
from ensembles.oof import REFERENCE
from forecasting.axis import DAILY, Axis
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError
from forecasting.models import built_in_models, model_names, model_type
from forecasting.models.base import with_season
from forecasting.score.names import score_names
from forecasting.trial import Member
from forecasting.windows import WindowSpec

__all__ = ["ClusterConfig", "MemberEntry", "RunConfig", "bundled_configs", "describe", "expand_members", "load_config"]

CONFIG_FOLDERS = (Path(__file__).parent / "configs", Path(__file__).parent.parent / "configs")
"""Bundled configurations: inside the wheel, or beside the packages in a checkout."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowsConfig(_Section):
    """Backtest windows, counted back from the end of the data."""

    unit: Literal["month", "day"] = Field("month", description="month: whole calendar months; day: `horizon` days")
    n_windows: int = Field(4, ge=1, le=60, description="backtest windows; fewer are used when the data are short")
    horizon: int = Field(30, ge=1, le=366, description="days forecast (unit: day)")
    step_size: int | None = Field(None, ge=1, description="days between cutoffs (unit: day); null: the horizon")
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

    surrogate: str = Field("linear", description="points of a day by relative error: linear, convex, concave; or wape")

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


class ClusterConfig(_Section):
    """How work is spread over machines. Nothing here changes a forecast on CPUs."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda when the cluster has GPUs")
    workers: int | Literal["auto"] = Field(
        "auto", description="LSTM workers at most; auto: as many as the resources allow"
    )
    gpus_per_worker: Literal["auto"] | float = Field(
        "auto", description="GPUs of one LSTM worker: 1, 0.5, 0.25 or 0.125; auto: 1 on cuda, else 0"
    )
    cpus_per_worker: int = Field(1, ge=1, description="CPUs of one worker or task")
    fits_per_batch: int | Literal["auto"] = Field(
        "auto", description="LSTM fits (trials x cutoffs) computed together; auto: by device"
    )
    batch_seconds: float = Field(
        3600, gt=0, description="a batch that runs longer is given up and counted as a lost worker"
    )

    @model_validator(mode="after")
    def _check_values(self) -> ClusterConfig:
        if self.gpus_per_worker != "auto" and self.gpus_per_worker not in (0, 0.125, 0.25, 0.5, 1):
            raise ValueError("gpus_per_worker must be 1, 0.5, 0.25, 0.125 or 0")
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
        description="what is known in advance of days off: a country (DE), an exchange (XNYS) or a central bank "
        "(XECB); null: weekends only. Kind yuebao has CN unless null is written",
    )
    windows: WindowsConfig = Field(default_factory=WindowsConfig, description="backtest windows")
    score: ScoreConfig = Field(default_factory=ScoreConfig, description="how forecasts are judged")
    members: Annotated[tuple[MemberEntry, ...], Field(min_length=1, description="models, settings and seeds")]
    blend: BlendSpec = Field(default_factory=BlendSpec, description="how members are combined")
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


def bundled_configs() -> dict[str, Path]:
    """Name (such as ``yuebao`` or ``articles/afac2025``) → path of each configuration that ships with the program."""
    for folder in CONFIG_FOLDERS:
        if folder.is_dir():
            files = sorted(p for p in folder.rglob("*.yaml") if "deploy" not in p.relative_to(folder).parts)
            return {str(p.relative_to(folder).with_suffix("")): p for p in files}
    return {}


def load_config(path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a configuration file, or a bundled one by name, and apply ``key=value`` overrides.

    Raises
    ------
    ConfigError
        One sentence that names the file and the key.
    """
    file = _find(path)
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML ({_one_line(error)}): fix that place") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): check the path") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: holds no keys: see `tidecast config` for what a configuration looks like")
    for override in overrides:
        _apply(raw, override)
    return parse_config(raw, path)


def parse_config(raw: Mapping[str, Any], source: str) -> RunConfig:
    """Validate a configuration given as nested mappings; `source` names it in errors."""
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(error, RunConfig)}") from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply: a configuration is a few levels of keys") from None
    expand_members(config, source=source)
    return config


def _find(path: str) -> Path:
    if Path(path).is_file():
        return Path(path)
    bundled = bundled_configs()
    name = path.removeprefix("configs/").removesuffix(".yaml")
    if name in bundled:
        return bundled[name]
    raise ConfigError(
        f"{path}: no such file, and no bundled configuration of that name; bundled are {', '.join(bundled)}"
    )


def _apply(raw: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key.strip():
        raise ConfigError(f"--set {override}: write it as key=value, such as windows.n_windows=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML ({_one_line(error)})") from None
    node: Any = raw
    *parents, last = key.strip().split(".")
    for part in parents:
        node = _descend(node, part, override)
    if isinstance(node, list):
        node[_index(node, last, override)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ConfigError(f"--set {override}: {'.'.join(parents)} is a single value and has no keys")


def _descend(node: Any, part: str, override: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, part, override)]
    if not isinstance(node, dict):
        raise ConfigError(f"--set {override}: there is no section {part!r} to set a key in")
    if node.get(part) is None:
        node[part] = {}
    return node[part]


def _index(node: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(node):
        raise ConfigError(f"--set {override}: {part!r} must be a number from 0 to {len(node) - 1}")
    return int(part)


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
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        try:
            given = with_season(cls.settings_type, {**entry.settings, **chosen}, axis.season_length)
            settings = cls.settings_type.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"{place}: {_explain(error, cls.settings_type)}") from None
        label = "/".join([entry.name or entry.model, *(f"{key}={value}" for key, value in chosen.items())])
        published = bool(getattr(settings, "as_published", False))  # a published mistake is shown as one, never blended
        if published and "as published" not in label:
            label += " (as published)"
        for seed_index in range(entry.seeds):
            family = REFERENCE if entry.reference or published else cls.family
            yield Member(entry.model, settings.model_dump(mode="json"), seed_index, label, family)


def _takes_list(cls: Any, key: str) -> bool:
    field = cls.settings_type.model_fields.get(key)
    return field is not None and any(word in str(field.annotation) for word in ("list[", "tuple[", "Sequence["))


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem as a phrase: where, what, and the nearest known key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys_at(model, first["loc"][:-1])
        near = get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
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


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def describe(config: RunConfig | None = None) -> str:
    """Every key with its value (or default) and meaning, as YAML with comments."""
    lines: list[str] = []
    for name, field in RunConfig.model_fields.items():
        value = (
            getattr(config, name)
            if config
            else None
            if field.is_required()
            else field.get_default(call_default_factory=True)
        )
        if isinstance(value, BaseModel):
            lines += [f"{name}:  # {field.description}", *_section_lines(value)]
        elif name == "members":
            lines += [f"members:  # {field.description}", *_member_lines(config)]
        else:
            lines.append(_line(name, value, field.description, ""))
    return "\n".join(lines) + "\n"


def _section_lines(section: BaseModel) -> list[str]:
    return [
        _line(name, getattr(section, name), field.description, "  ")
        for name, field in type(section).model_fields.items()
    ]


def _member_lines(config: RunConfig | None) -> list[str]:
    if config is not None:
        return [f"  - {_flow(entry.model_dump(exclude_none=True))}" for entry in config.members]
    lines = []
    for model in model_names():
        try:
            cls = model_type(model)
        except ConfigError as error:  # somebody's package that cannot be used is no reason to hide the rest
            lines.append(f"  # {error}")
            continue
        whose = "" if model in built_in_models() else ", a plug-in"
        lines.append(f"  - model: {model}  # family {cls.family}{whose}")
        if cls.seeded:
            lines.append(_line("seeds", 1, "members that differ in their random streams only", "    "))
        for name, field in cls.settings_type.model_fields.items():
            lines.append(_line(name, field.get_default(call_default_factory=True), field.description, "    "))
    return lines


def _line(name: str, value: Any, meaning: str | None, indent: str) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return f"{indent}{name}: {_flow(value)}" + (f"  # {meaning}" if meaning else "")


def _flow(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
