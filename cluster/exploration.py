"""What the data show before any model, read as a run reads them. Nothing is trained, and no run is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cluster.config import RunConfig
from cluster.inference.which import holds_competition, stem_of
from cluster.request import RunRequest
from cluster.stages.input import open_input, until_asked
from ensembles.exploration.exploration import Exploration, look_at_data
from ensembles.exploration.material import Material
from forecasting.data.dataset import DataSet
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.data.rows import FILL_REMEDY
from forecasting.errors import ConfigError, DataError
from forecasting.places.uri import without_secrets

__all__ = ["default_page", "explore"]

GAPS_MAY_BE = "data.missing=skip"
"""How data are read whose gaps a run would refuse: here they are to be seen."""
OF_RUNS = tuple(f"{key}: " for key in RunConfig.model_fields if key not in ("data", "calendar"))
"""How sentences begin that are about training."""


def explore(request: RunRequest) -> Exploration:
    """Everything there is to see in the data of a request, read as a run reads them.

    Gaps that a run would refuse are read as unknown amounts, unless `data.missing` was said, and the refusal becomes a
    finding.

    Raises
    ------
    DataError, ConfigError
        When the data cannot be read.
    """
    if request.source is None:
        raise ConfigError("explore needs data: give a file or a folder, or make some with `tidecast sample DIR`")
    name = request.label or stem_of(without_secrets(request.source))
    request, config, refused = _understood(request)
    data, gaps = _opened(config, request)
    material = Material(
        name=name,
        kind=config.data.kind,
        unit=config.data.unit,
        loaded=until_asked(data.loaded, request.as_of),
        cases=data.cases,
        findings=(*refused, *gaps, *data.findings),
        users=data.users,
        said=tuple(note for note in request.said if not note.startswith(OF_RUNS)),
    )
    return look_at_data(material)


def default_page(data: str) -> Path:
    """Where the page is written unless the user says so: in the working directory, called after the data."""
    return Path(f"explore-{stem_of(data)}.html")


def _understood(request: RunRequest) -> tuple[RunRequest, RunConfig, list[Finding]]:
    """The request with its configuration, and what a run would refuse of a table whose gaps keep it from one."""
    if request.config is None and holds_competition(request.source or ""):
        request = replace(request, config="yuebao", data=request.source)
    try:
        return request, request.read_config(), []
    except DataError as error:
        if FILL_REMEDY not in error.remedy:
            raise
        patient = replace(request, overrides=(GAPS_MAY_BE, *request.overrides))
        return patient, patient.read_config(), [finding_of(error, "run")]


def _opened(config: RunConfig, request: RunRequest) -> tuple[DataSet, list[Finding]]:
    """The data as a run reads them; where gaps cost the data or a series, with gaps, and what a run would say."""
    data = open_input(config, request.source or "", request.as_of, checked=True, users=True)
    try:
        costs = [problem.error for problem in data.problems if FILL_REMEDY in problem.error.remedy]
    except DataError as error:
        if FILL_REMEDY not in error.remedy:
            raise
        costs = [error]
    if not costs or config.data.missing != "error":
        return data, []
    patient = config.model_copy(update={"data": config.data.model_copy(update={"missing": "skip"})})
    findings = [replace(finding_of(error, "run"), count=len(costs)) for error in costs[:1]]
    return open_input(patient, request.source or "", request.as_of, checked=True, users=True), findings
