"""The story of a run on one screen: data → plan → train → blend → files.

Everything that can fail for the user's reasons is checked before the run directory is touched.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cluster.config import RunConfig, load_config, parse_config
from cluster.execution.loop import LostBatch, run_batches, run_local
from cluster.execution.progress import RunProgress
from cluster.execution.resources import ClusterResources, Slots, choose_device, local_cpus, slots_for
from cluster.execution.worker import WorkContext, limit_threads
from cluster.plan import Batch, Plan, check_windows, cut_batches, make_plan
from cluster.rundir.lease import Lease
from cluster.rundir.status import seconds_per_fit
from cluster.rundir.storage import Storage, without_secrets
from cluster.rundir.store import Record, RunStore
from cluster.stages.collect import Assembled, assemble
from cluster.stages.input import identity, load_data
from cluster.versions import installed
from forecasting.errors import ConfigError, DataError, StorageError, TooManyFailures
from forecasting.panel import Panel
from forecasting.schema import iso

if TYPE_CHECKING:
    from rich.console import Console

    from cluster.stages.finish import RunResult
    from ensembles.evaluation.evaluate import Evaluation

__all__ = ["PlanView", "RunRequest", "evaluate_run", "plan_only", "run_pipeline"]

RUN_SCHEMA = 1
"""Version of the layout of run.json."""
LIBRARIES = ("ray", "torch", "numba", "lightgbm", "statsmodels", "pandas", "numpy", "scipy", "pyarrow", "holidays")


@dataclass(frozen=True)
class RunRequest:
    """What the user asked for; None where nothing was said."""

    config: str | None
    data: str | None
    run_dir: str | None
    as_of: str | None
    overrides: tuple[str, ...]
    executor: Literal["ray", "local"]
    timeline: Path | None = None


@dataclass(frozen=True)
class PlanView:
    """What `tidecast plan` shows; `timings` measured seconds of a fit by (model, device), where a run has some."""

    plan: Plan
    panel: Panel
    batches: Sequence[Batch]
    slots: Slots
    timings: Mapping[tuple[str, str], float]
    n_reused: int


def run_pipeline(request: RunRequest, err: Console) -> RunResult:
    """Run everything and write the results.

    Raises
    ------
    UserError
        Bad configuration, data or storage: exit code 2, and no run directory was begun for the first two.
    TooManyFailures
        More trials failed than `run.max_failed_share`: exit code 3; what was trained stays.
    """
    from cluster.stages.finish import blend_and_write, write_failed

    started = time.perf_counter()
    config = load_config(request.config or "demo", request.overrides)
    _check_timeline(request)
    store = RunStore(request.run_dir or f"runs/{Path(request.config or 'demo').stem}")
    with _data_path(request) as path:
        data = load_data(config, path, request.as_of)
        quality = _check_quality(config, path)
    panel = data.panel
    check_windows(config, panel)
    before = _check_directory(store, panel, err)
    with Lease(store.storage, lambda text: err.print(f"tidecast: {text}")) as lease:
        with _engine(request, config) as device:
            plan = make_plan(config, panel, device)
            store.write_json("run.json", _facts(plan, panel, request) | before | {"quality": quality})
            place, token = store.storage.address, lease.token
            context = WorkContext(panel, plan.windows, config.seed, place, token, _threads(config))
            lost = _train(plan, context, store, request.executor, err)
        for folder in ("", "batches"):
            store.storage.sweep(folder)  # workers and drivers may have been killed while they wrote
        assembled = assemble(plan, panel, store, lost, data.problems)
        seconds = time.perf_counter() - started
        try:
            _check_failures(plan, assembled)
        except TooManyFailures:
            write_failed(plan, panel, assembled, store, seconds)
            raise
        return blend_and_write(plan, panel, assembled, store, seconds)


def plan_only(request: RunRequest) -> PlanView:
    """What a run would do, on this machine."""
    config = load_config(request.config or "demo", request.overrides)
    if request.data is None:
        raise ConfigError("a plan needs the data: add --data PATH")
    panel = load_data(config, request.data, request.as_of).panel
    resources = ClusterResources(local_cpus(), _local_gpus(config))
    device = choose_device(config.cluster, resources.gpus)
    plan = make_plan(config, panel, device)
    store = None if request.run_dir is None else RunStore(request.run_dir)
    records = {} if store is None else store.records()
    missing = [trial for trial in plan.trials if trial.trial_key not in records]
    timings = {} if store is None else seconds_per_fit(store)
    slots = slots_for(config.cluster, resources, device)
    return PlanView(plan, panel, cut_batches(plan, missing), slots, timings, len(plan.trials) - len(missing))


def evaluate_run(run_dir: str) -> Evaluation:
    """What a run's configuration would have scored, from its stored out-of-fold forecasts alone.

    Raises
    ------
    StorageError
        When the directory holds no finished run.
    """
    import io

    import pyarrow.parquet as pq

    from ensembles.evaluation.evaluate import evaluate
    from ensembles.files.oof_parquet import cubes_of_run

    store = RunStore(run_dir)
    facts = store.run_facts()
    if facts is None or facts["status"] != "done":
        raise StorageError(f"{run_dir} holds no finished run: run it to its end first")
    config = parse_config(facts["config"], f"{run_dir}/run.json")
    oof = pq.read_table(io.BytesIO(store.storage.read("oof.parquet")))
    cubes = cubes_of_run(oof, store.read_json("leaderboard.json"))
    return evaluate(cubes, config.data.targets, config.blend, config.score.surrogate)


def _check_timeline(request: RunRequest) -> None:
    """Refuse a timeline that could not be written, before hours of training rather than after."""
    if request.timeline is None:
        return
    if request.executor == "local":
        raise ConfigError("a timeline is Ray's: leave out --timeline or --executor local")
    Storage(str(request.timeline.parent)).write(request.timeline.name, b"[]")


# -- data


@contextmanager
def _data_path(request: RunRequest) -> Iterator[str]:
    """Where the data lie; for the bare command a generated sample, which is gone afterwards."""
    if request.data is not None:
        yield request.data
    elif request.config is None:
        from forecasting.sample import write_sample

        with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
            write_sample(Path(folder) / "sample")
            yield str(Path(folder) / "sample")
    else:
        raise ConfigError(f"{request.config} names no data: add --data PATH, or make some with `tidecast sample DIR`")


def _check_quality(config: RunConfig, path: str) -> list[dict[str, Any]]:
    """Findings about the data, for the report.

    Raises
    ------
    DataError
        When one of them is an error, such as a user's day that stands twice and would count twice.
    """
    from forecasting.data.quality.check import check

    findings = check(config.data, path, config.calendar)
    for finding in findings:
        if finding.severity == "error":
            raise DataError(f"{finding.where}: {finding.check} ({finding.value}): {finding.remedy}")
    return [asdict(finding) for finding in findings]


# -- the run directory


def _check_directory(store: RunStore, panel: Panel, err: Console) -> dict[str, Any]:
    """Refuse a directory that cannot hold this run; gives what stays of the facts of a run begun there before."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ and "://" not in store.uri and not Path(store.uri).is_absolute():
        raise StorageError(
            f"{store.uri}: the working directory of a job is thrown away; "
            "give --run-dir a URI or a shared absolute path"
        )
    facts = store.run_facts()
    if facts is None:
        return {}
    if facts["data"]["fingerprint"] != identity(panel):
        data = facts["data"]
        raise StorageError(
            f"{store.uri} holds a run on other data ({data['start']} to {data['end']}): "
            "choose another --run-dir, or delete it"
        )
    if facts["environment"]["processor"] != _processor():
        err.print(
            f"tidecast: this run began on {facts['environment']['processor']}: "
            "the last digits may differ on this processor"
        )
    return {"created": facts["created"]}


def _facts(plan: Plan, panel: Panel, request: RunRequest) -> dict[str, Any]:
    return {
        "schema_version": RUN_SCHEMA,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "status": "running",
        "config_name": request.config or "demo",
        "config": plan.config.model_dump(mode="json"),
        "data": {
            "fingerprint": identity(panel),
            "path": without_secrets(request.data or "generated sample"),
            "start": iso(panel.ds[0]),
            "end": iso(panel.end),
            "series": len(panel.series),
        },
        "planned_fits": plan.fits_by_family,
        "events": [list(event) for event in panel.calendar.events],
        "executor": request.executor,
        "device": plan.device,
        "environment": {
            "tidecast": installed("tidecast"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processor": _processor(),
            "libraries": {name: installed(name) for name in LIBRARIES},
        },
    }


def _processor() -> str:
    """The processor's model: forecasts agree to the last bit on one model only."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# -- training


@contextmanager
def _engine(request: RunRequest, config: RunConfig) -> Iterator[str]:
    """Start what trains; gives the device of stacked models."""
    if request.executor == "local":
        limit_threads(_threads(config))
        yield choose_device(config.cluster, _local_gpus(config))
        return
    try:
        from cluster.execution import ray_pool
    except ImportError:
        raise ConfigError("ray is not installed: install it, or run with --executor local") from None
    with ray_pool.connected():
        yield choose_device(config.cluster, ray_pool.cluster_resources().gpus)
        if request.timeline is not None:
            ray_pool.write_timeline(request.timeline)


def _local_gpus(config: RunConfig) -> int:
    """GPUs of this machine, looked for only when a member could use them."""
    if config.cluster.device == "cpu" or not any(entry.model.startswith("lstm") for entry in config.members):
        return 0
    from forecasting.models.lstm import gpu_count

    return gpu_count()


def _threads(config: RunConfig) -> int:
    return config.cluster.cpus_per_worker


def _train(plan: Plan, context: WorkContext, store: RunStore, executor: str, err: Console) -> list[LostBatch]:
    """Train what is missing; every finished batch is on disk before it is counted."""
    records = store.records()
    missing = [trial for trial in plan.trials if trial.trial_key not in records]
    _say_reuse(plan, records, len(missing), err)
    if not missing:
        return []
    batches = cut_batches(plan, missing)
    fits: Counter[str] = Counter()
    for batch in batches:
        fits[batch.family] += batch.n_fits
    with RunProgress(fits, err) as progress:
        try:
            if executor == "local":
                return run_local(batches, context, progress.add)
            from cluster.execution.ray_pool import RayPool

            pool = RayPool(plan.config.cluster, plan.device, context)
            return run_batches(batches, pool, progress.add, plan.config.cluster.batch_seconds)
        finally:
            _log_events(store, progress)


def _say_reuse(plan: Plan, records: dict[str, Record], missing: int, err: Console) -> None:
    planned = {trial.trial_key for trial in plan.trials}
    dropped = len(records.keys() - planned)
    if records:
        reused = len(plan.trials) - missing
        err.print(
            f"tidecast: continuing: {reused} trials reused, {missing} to train, "
            f"{dropped} no longer in the configuration"
        )


def _log_events(store: RunStore, progress: RunProgress) -> None:
    """Append a JSON line per finished batch to events.jsonl."""
    import json

    if not progress.reports:
        return
    before = store.storage.read("events.jsonl") if store.storage.exists("events.jsonl") else b""
    lines = [json.dumps(asdict(report)) for report in progress.reports]
    store.storage.write("events.jsonl", before + "".join(f"{line}\n" for line in lines).encode())


def _check_failures(plan: Plan, assembled: Assembled) -> None:
    share = assembled.n_failed / len(plan.trials)
    limit = plan.config.run.max_failed_share
    first = next(iter(assembled.reasons), "no reason was recorded")
    if share > limit:
        raise TooManyFailures(
            f"{assembled.n_failed} of {len(plan.trials)} trials failed (run.max_failed_share allows {limit:.0%}); "
            f"the first: {first}"
        )
    for target in plan.config.data.targets:
        if target not in assembled.cubes:
            raise TooManyFailures(f"no member could forecast {target}; the first reason: {first}")
