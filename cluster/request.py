"""What the user asked for, on the command line or from Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.config import RunConfig, load_config
from forecasting.errors import ConfigError

__all__ = ["RunRequest"]


@dataclass(frozen=True)
class RunRequest:
    """What the user asked for; None where nothing was said."""

    config: str | None
    data: str | None
    run_dir: str | None
    as_of: str | None
    overrides: tuple[str, ...]
    executor: str
    timeline: Path | None = None

    @property
    def config_name(self) -> str:
        """File or bundled name of the configuration."""
        return self.config or "demo"

    @property
    def directory(self) -> str:
        """The run directory: the one asked for, or the default."""
        return self.run_dir or f"runs/{Path(self.config_name).stem}"

    def read_config(self) -> RunConfig:
        """The configuration with its overrides; ConfigError as `load_config`."""
        return load_config(self.config_name, self.overrides)

    @contextmanager
    def data_path(self) -> Iterator[str]:
        """Where the data lie. The bare command gets a generated sample, which is gone afterwards.

        Raises
        ------
        ConfigError
            When a configuration was named without data.
        """
        if self.data is not None:
            yield self.data
        elif self.config is None:
            from forecasting.sample.write import write_sample

            with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
                write_sample(Path(folder) / "sample")
                yield str(Path(folder) / "sample")
        else:
            raise ConfigError(f"{self.config} names no data: add --data PATH, or make some with `tidecast sample DIR`")
