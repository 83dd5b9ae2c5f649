"""What the user asked for, on the command line or from Python, and what that means: a configuration and data."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cluster.config import RunConfig, load_keys, parse_config
from cluster.inference.wishes import Wishes
from cluster.keys import PIPE, AsOf, home, set_key
from forecasting.errors import ConfigError
from forecasting.places.uri import without_secrets

__all__ = ["RunRequest"]

DEMO = "demo"


@dataclass(frozen=True)
class _Settled:
    """A request as it was understood: its configuration, and sentences about what was inferred."""

    config: RunConfig
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunRequest:
    """What the user asked for; None where nothing was said.

    `config` may be data, which then need no configuration; `label` is what messages call data that have no name.
    """

    config: str | None
    data: str | None
    run_dir: str | None
    as_of: AsOf
    overrides: tuple[str, ...]
    executor: str
    timeline: Path | None = None
    wishes: Wishes = field(default_factory=Wishes)
    label: str | None = None

    def into(self, ledger: str | None) -> RunRequest:
        """The same request, whose forecast is added to a ledger; None: as the configuration says."""
        override = f"run.ledger={json.dumps(ledger)}"
        return self if ledger is None else replace(self, overrides=(*self.overrides, override))

    @cached_property
    def _named(self) -> tuple[str | None, str | None]:
        """The configuration and the data.

        Raises
        ------
        ConfigError
            When two data are named.
        """
        from cluster.inference.which import is_data

        config, data = (None if path is None else home(path) for path in (self.config, self.data))
        if config is None or not is_data(config):
            return config, data
        if data is not None:
            what = f"holds data, and --data {self.data} names others"
            raise ConfigError(where=self.config or "", what=what, remedy="give one configuration and one data")
        return None, config

    @property
    def source(self) -> str | None:
        """File, folder or URI of the data; None: none were named."""
        return self._named[1]

    @property
    def config_name(self) -> str:
        """File or bundled name of the configuration; where none was named, that of the data."""
        config, data = self._named
        if config == PIPE:
            return "stdin"
        return config or (DEMO if self._is_demo or data is None else self.label or without_secrets(data))

    @property
    def directory(self) -> str:
        """The run directory: the one asked for, or the default."""
        from cluster.inference.which import stem_of

        config, data = self._named
        inferred = config is None and data is not None and not self._is_demo
        stem = stem_of(data or "") if inferred else Path(self.config_name).stem
        return home(self.run_dir) if self.run_dir else f"runs/{stem}"

    @cached_property
    def _is_demo(self) -> bool:
        """Whether the demo's configuration is meant, because there are no data or the competition's."""
        from cluster.inference.which import holds_competition

        config, data = self._named
        return config is None and (data is None or holds_competition(data))

    def read_config(self) -> RunConfig:
        """The configuration with its overrides, or the one inferred from the data.

        Raises
        ------
        UserError
            As `load_config` does; without a configuration, as `infer` does.
        """
        return self._settled.config

    @property
    def said(self) -> tuple[str, ...]:
        """Sentences about what was inferred, where no configuration was named."""
        return () if self._named[0] is not None else self._settled.said

    @cached_property
    def _settled(self) -> _Settled:
        config, data = self._named
        if config is None and data is not None and not self._is_demo:
            return self._inferred(data)
        if self.wishes.targets:
            what = f"{self.config_name} names its targets"
            raise ConfigError(where="--target", what=what, remedy="change data.targets there")
        if self.wishes.save_config:
            what = f"{self.config_name} is a configuration, and nothing is inferred"
            raise ConfigError(where="--save-config", what=what, remedy="leave it out, or give a table alone")
        what = f"{without_secrets(data or '')} holds the competition's tables"
        notes = (f"{what}: configuration {DEMO}; yuebao is the competition's own",)
        return _Settled(self._loaded(config or DEMO), notes if config is None and data is not None else ())

    def _loaded(self, name: str) -> RunConfig:
        from cluster.inference.presets import preset_overrides

        raw = load_keys(name)
        source = "standard input" if name == PIPE else name
        overrides = (*self.wishes.keys, *self.overrides)
        if self.wishes.preset is not None:
            panel = parse_config(_with(raw, overrides), source).data.kind == "panel"
            overrides = (*preset_overrides(self.wishes.preset, panel=panel), *overrides)
        return parse_config(_with(raw, overrides), source)

    def _inferred(self, data: str) -> _Settled:
        from cluster.inference.configuration import infer
        from cluster.inference.saved import save

        name = self.label or without_secrets(data)
        found = infer(data, name, self.wishes, self.overrides, self.as_of)
        config = parse_config(found.keys, name)
        file = self.wishes.save_config
        if file is None:
            return _Settled(config, tuple(found.notes))
        save(found, home(file), name)
        return _Settled(config, (*found.notes, f"the configuration is in {file}"))

    @property
    def is_made_up(self) -> bool:
        """Whether the data are generated: none were named, and no configuration but the demo's."""
        config, data = self._named
        return data is None and config in (None, DEMO)

    @contextmanager
    def data_path(self) -> Iterator[str]:
        """Where the data lie. The demo gets a generated sample, which is gone afterwards.

        Raises
        ------
        ConfigError
            When a configuration other than the demo's was named without data.
        """
        data = self.source
        if data is not None:
            yield data
        elif self.is_made_up:
            from forecasting.sample.write import write_sample

            with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
                write_sample(Path(folder) / "sample")
                yield str(Path(folder) / "sample")
        else:
            raise ConfigError(f"{self.config} names no data: add --data PATH, or make some with `tidecast sample DIR`")


def _with(raw: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """A copy of a configuration's keys, with overrides."""
    keys = deepcopy(raw)
    for override in overrides:
        set_key(keys, override)
    return keys
