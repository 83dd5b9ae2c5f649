"""What can fail for the user's reasons is checked here, before the run directory is touched and anything is trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.config import RunConfig
from cluster.execution.executors.base import Executor
from cluster.execution.registry import executors
from cluster.execution.resources import choose_device, local_resources
from cluster.keys import AsOf
from cluster.plan import make_plan
from cluster.request import RunRequest
from cluster.rundir.run_facts import RunOrigin, find_run, processor
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from cluster.stages.input import identity, judge, open_input
from ensembles.files.amounts import signed_targets
from ensembles.files.run_json import DataFacts, PlannedRow, RunFile
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.errors import ConfigError, DamagedFile, StorageError, UserError
from forecasting.panel import Panel
from forecasting.places.uri import is_uri, without_secrets
from forecasting.schema import iso

__all__ = ["Checked", "check_alone", "check_data", "check_device", "check_directory", "check_timeline", "origin_of"]


def check_device(config: RunConfig, executor: Executor) -> None:
    """Refuse cuda on a machine without GPU before anything is read or started. A cluster is asked when it is joined.

    Raises
    ------
    ConfigError
        When this machine alone would train, and has none.
    """
    if config.cluster.device == "cuda" and executor.is_local():
        choose_device(config.cluster, local_resources(config).gpus)


def check_timeline(executor: Executor, timeline: Path | None) -> None:
    """Refuse a timeline that could not be written.

    Raises
    ------
    ConfigError
        When the executor writes none.
    StorageError
        When the file cannot be written.
    """
    if timeline is None:
        return
    if not executor.has_timeline:
        able = " or ".join(name for name, other in executors().items() if other.has_timeline)
        raise ConfigError(
            f"executor {executor.name} writes no timeline: leave out --timeline, or run with --executor {able}"
        )
    Storage(str(timeline.parent)).write(timeline.name, b"[]")


def check_directory(store: RunStore, panel: Panel, say: Callable[[str], None]) -> RunFile | None:
    """The run that was begun in a directory and can go on there, or None; a damaged run.json is written anew.

    Raises
    ------
    StorageError
        When the directory would be thrown away, or holds a run on other data.
    """
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ and not is_uri(store.uri) and not Path(store.uri).is_absolute():
        raise StorageError(
            f"{store.uri}: the working directory of a job is thrown away; "
            "give --run-dir a URI or a shared absolute path"
        )
    try:
        run = find_run(store)
    except DamagedFile as error:
        say(f"{error.where} is damaged ({error.what}): it is written anew")
        return None
    if run is None:
        return None
    if run.data.fingerprint != identity(panel):
        raise StorageError(
            f"{store.uri} holds a run on other data ({run.data.start} to {run.data.end}): "
            "choose another run directory (--run-dir, in Python run_dir), or delete it"
        )
    if run.environment.processor != processor():
        say(f"this run began on {run.environment.processor}: the last digits may differ on this processor")
    return run


@dataclass(frozen=True)
class Checked:
    """What `tidecast validate` says: findings, what was understood (nothing where a run would refuse the data), and
    the error with which it would.
    """

    findings: Sequence[Finding]
    said: tuple[str, ...]
    error: UserError | None


def check_data(config: RunConfig, path: str, as_of: AsOf, *, windows: bool = True) -> Checked:
    """What is worth saying about the data, and whether a run would take them; starts nothing.

    Parameters
    ----------
    windows
        Whether the backtest's windows count: not where no configuration says what they are.

    Raises
    ------
    ConfigError
        For a calendar or an `as_of` that cannot be.
    """
    data = open_input(config, path, as_of, checked=True)
    try:
        loaded, findings = judge(data, as_of)
        if windows:
            make_plan(config, loaded.panel, "cpu")
    except UserError as error:
        findings = data.findings
        if not any(finding.severity == "error" for finding in findings):
            findings = [finding_of(error, "run"), *findings]
        return Checked(findings, (), error)
    return Checked(findings, loaded.said, None)


def check_alone(request: RunRequest) -> Checked:
    """As `check_data`, of a table without a configuration: what a run would infer, and whether it would go on."""
    try:
        config = request.read_config()
    except UserError as error:
        return Checked([finding_of(error)], (), error)
    checked = check_data(config, request.source or "", request.as_of)
    return checked if checked.error is not None else replace(checked, said=(*request.said, *checked.said))


def origin_of(request: RunRequest, loaded: Loaded, quality: Sequence[Finding]) -> RunOrigin:
    """What run.json says of the request and its data."""
    panel = loaded.panel
    data = DataFacts(
        fingerprint=identity(panel),
        path=without_secrets(request.source or "generated sample"),
        start=iso(panel.ds[0]),
        end=iso(panel.end),
        series=len(panel.series),
        freq=panel.freq,
        week=panel.calendar.week,
        signed=signed_targets(panel),
        decimals=loaded.decimals,
        reading=loaded.reading,
        notes=(*request.said, *loaded.notes),
        balances=loaded.balances,
    )
    rows = () if panel.planned is None else panel.planned.rows
    groups = {} if loaded.hierarchy is None else loaded.hierarchy.paths
    units = {} if loaded.hierarchy is None else loaded.hierarchy.units
    return RunOrigin(
        request.config_name,
        request.executor,
        data,
        panel.calendar.events,
        quality,
        tuple(map(PlannedRow.of, rows)),
        groups,
        units,
    )
