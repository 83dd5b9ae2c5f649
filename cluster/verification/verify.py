"""`tidecast verify`: a run directory checked from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cluster.config import RunConfig, expand_members, parse_config
from cluster.plan import make_plan
from cluster.rundir.external import NOTHING, External
from cluster.rundir.run_facts import find_run
from cluster.rundir.store import RunStore
from cluster.stages.input import identity, load_data
from cluster.verification.check import Check
from cluster.verification.retraining import changed_versions, check_trials
from cluster.verification.stored_bytes import check_stored
from cluster.versions import installed
from ensembles.files.run_json import RunFile
from forecasting.errors import ConfigError, DamagedFile, StorageError
from forecasting.panel import Panel

__all__ = ["verify_run"]


def verify_run(
    run_dir: str, data: str | None = None, retrain: float = 0.0, external: External = NOTHING
) -> Iterator[Check]:
    """Check after check, as each is done.

    Parameters
    ----------
    data
        The data of the run, which may go on after its end; None: neither they nor trials are checked.
    retrain
        Share of the trials to train again, 0 to 1.
    external
        What its configuration may open beside the directory and the data.

    Raises
    ------
    StorageError
        When the directory holds no run, or one of another version of this program, and for what `external` does not
        permit.
    DataError, ConfigError
        When the data cannot be read.
    """
    if retrain and data is None:
        raise ConfigError(where="--retrain", what="training needs the data of the run", remedy="give --data too")
    store = RunStore(run_dir)
    try:
        run = find_run(store)
    except DamagedFile as error:
        yield Check("run.json", "damaged", str(error))
        yield from check_stored(store)
        return
    if run is None:
        raise StorageError(f"{store.uri} holds no run: name the directory of one")
    yield Check("run.json", "ok", f"schema {run.schema_version}, {run.status}, created {run.created}")
    yield from check_stored(store)
    yield _versions(run)
    if data is None:
        yield Check("data", "not checked", "give --data")
        return
    config = _configuration(run, store, data, external)
    panel = load_data(config, data, run.data.end).panel
    if identity(panel) != run.data.fingerprint:
        yield Check("data", "differs", f"{data} up to {run.data.end} are not the data of the run")
        return
    yield Check("data", "ok", f"{run.data.series} series, {run.data.start} to {run.data.end}, as the run had them")
    if run.plan.taken_out != (() if panel.planned is None else panel.planned.taken_out):
        what = f"the amounts planned up to {run.data.end}, which models had taken out of what they learned from"
        yield Check("plan", "differs", f"{what}, are not those of the run")
        return
    if run.planned:
        yield _plan(run)
        panel = replace(panel, planned=run.plan)
    yield _trials(store, run, config, panel, retrain)


def _plan(run: RunFile) -> Check:
    """What is planned is read as of the run's end: past amounts that became known later are those of the run itself."""
    end = run.data.end
    n = sum(row.date <= end and row.known is not None and row.known > end for row in run.planned)
    later = (
        f"; {n} row{'s' * (n > 1)} that became known later {'are' if n > 1 else 'is'} taken from run.json" if n else ""
    )
    return Check("plan", "ok", f"amounts planned up to {end}, as the run had them{later}")


def _versions(run: RunFile) -> Check:
    now, changed = installed("tidecast"), changed_versions(run)
    if run.environment.tidecast != now:
        changed = [f"tidecast {run.environment.tidecast} then, {now} now", *changed]
    return Check("versions", "not comparable", "; ".join(changed)) if changed else Check("versions", "ok", "the same")


def _configuration(run: RunFile, store: RunStore, data: str, external: External) -> RunConfig:
    where = f"{store.uri}/run.json"
    config = parse_config(run.config, where)
    config = external.permit(config, expand_members(config, run.axis), data, where)
    return config.model_copy(update={"data": config.data.model_copy(update={"as_of": None})})


def _trials(store: RunStore, run: RunFile, config: RunConfig, panel: Panel, retrain: float) -> Check:
    if not retrain:
        return Check("trials", "not checked", "give --retrain")
    return check_trials(store, run, make_plan(config, panel, run.device), panel, retrain)
