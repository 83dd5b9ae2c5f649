"""The direction of imports, what may be imported where, and how large functions, files and folders may be."""

import ast
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests import shape

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "forecasting": {"ensembles", "cluster", "ray"},
    "ensembles": {"cluster", "ray", "torch"},
    "cluster": {"torch"},
}
ONLY_IN = {
    "ray": "cluster/",
    "torch": "forecasting/models/lstm/",
    "triton": "forecasting/models/lstm/engine/fused.py",
    "lightgbm": "forecasting/models/gbm",
    "statsmodels": ("forecasting/models/arima.py", "forecasting/models/smoothing.py"),
}

ALLOWED: dict[str, set[str]] = {
    "cluster": {
        "cluster.commands",
        "cluster.cutting",
        "cluster.execution",
        "cluster.explanation",
        "cluster.inference",
        "cluster.ledger",
        "cluster.notebook",
        "cluster.rundir",
        "cluster.scenario",
        "cluster.screen",
        "cluster.stages",
        "cluster.verification",
        "cluster.terminal",
        "ensembles",
        "ensembles.bands",
        "ensembles.blend",
        "ensembles.evaluation",
        "ensembles.exports",
        "ensembles.exploration",
        "ensembles.files",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
        "forecasting.places",
        "forecasting.sample",
        "forecasting.scale",
        "forecasting.score",
    },
    "cluster.execution": {"cluster", "cluster.rundir", "cluster.terminal", "forecasting", "forecasting.models"},
    "cluster.commands": {
        "cluster",
        "cluster.execution",
        "cluster.explanation",
        "cluster.inference",
        "cluster.ledger",
        "cluster.rundir",
        "cluster.scenario",
        "cluster.screen",
        "cluster.stages",
        "cluster.terminal",
        "cluster.verification",
        "ensembles.evaluation",
        "forecasting",
        "forecasting.places",
        "forecasting.sample",
    },
    "cluster.cutting": {"cluster", "cluster.execution", "forecasting", "forecasting.models"},
    "cluster.explanation": {
        "cluster",
        "cluster.rundir",
        "cluster.stages",
        "ensembles.explanation",
        "ensembles.files",
        "forecasting",
    },
    "cluster.facade": {"cluster", "forecasting"},
    "cluster.inference": {"cluster", "forecasting", "forecasting.data", "forecasting.places"},
    "cluster.ledger": {
        "cluster",
        "cluster.rundir",
        "cluster.stages",
        "cluster.terminal",
        "ensembles.explanation",
        "ensembles.files",
        "ensembles.ledger",
        "forecasting",
        "forecasting.data",
        "forecasting.places",
        "forecasting.planned",
    },
    "cluster.notebook": {
        "cluster",
        "cluster.execution",
        "cluster.inference",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
    },
    "cluster.rundir": {
        "cluster",
        "cluster.cutting",
        "ensembles.files",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
        "forecasting.places",
        "forecasting.scale",
    },
    "cluster.scenario": {
        "cluster",
        "cluster.execution",
        "cluster.rundir",
        "cluster.stages",
        "ensembles.explanation",
        "ensembles.exports",
        "ensembles.files",
        "ensembles.risk",
        "ensembles.treasury",
        "forecasting",
        "forecasting.data",
        "forecasting.planned",
    },
    "cluster.screen": {
        "cluster.cutting",
        "cluster.execution",
        "cluster.ledger",
        "cluster.explanation",
        "cluster.rundir",
        "cluster.scenario",
        "cluster.stages",
        "cluster.verification",
        "cluster.terminal",
        "ensembles.bands",
        "ensembles.evaluation",
        "ensembles.exploration",
        "ensembles.explanation",
        "ensembles.exports",
        "ensembles.files",
        "ensembles.ledger",
        "ensembles.report",
        "ensembles.risk",
        "forecasting",
        "forecasting.score",
    },
    "cluster.stages": {
        "cluster",
        "cluster.cutting",
        "cluster.execution",
        "cluster.rundir",
        "cluster.terminal",
        "ensembles",
        "ensembles.bands",
        "ensembles.blend",
        "ensembles.evaluation",
        "ensembles.explanation",
        "ensembles.exports",
        "ensembles.files",
        "ensembles.judging",
        "ensembles.report",
        "ensembles.risk",
        "ensembles.treasury",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
        "forecasting.places",
        "forecasting.planned",
        "forecasting.scale",
        "forecasting.score",
    },
    "cluster.verification": {
        "cluster",
        "cluster.execution",
        "cluster.rundir",
        "cluster.stages",
        "ensembles.files",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
    },
    "cluster.terminal": {"cluster", "forecasting", "forecasting.places"},
    "ensembles": {"forecasting"},
    "ensembles.bands": {"ensembles", "ensembles.judging", "forecasting"},
    "ensembles.blend": {"ensembles", "ensembles.bands", "ensembles.judging", "forecasting", "forecasting.score"},
    "ensembles.evaluation": {
        "ensembles",
        "ensembles.blend",
        "ensembles.files",
        "ensembles.judging",
        "forecasting",
        "forecasting.data",
        "forecasting.score",
    },
    "ensembles.explanation": {
        "ensembles.evaluation",
        "ensembles.files",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
        "forecasting.scale",
    },
    "ensembles.exploration": {
        "ensembles.files",
        "ensembles.judging",
        "ensembles.report",
        "forecasting",
        "forecasting.data",
        "forecasting.scale",
    },
    "ensembles.exports": {
        "ensembles.bands",
        "ensembles.evaluation",
        "ensembles.explanation",
        "ensembles.files",
        "ensembles.judging",
        "ensembles.risk",
        "ensembles.treasury",
        "forecasting",
        "forecasting.data",
    },
    "ensembles.files": {
        "ensembles",
        "ensembles.bands",
        "ensembles.blend",
        "ensembles.judging",
        "forecasting",
        "forecasting.data",
        "forecasting.planned",
        "forecasting.score",
    },
    "ensembles.judging": {"ensembles", "forecasting", "forecasting.score"},
    "ensembles.ledger": {
        "ensembles",
        "ensembles.bands",
        "ensembles.explanation",
        "ensembles.files",
        "ensembles.judging",
        "ensembles.report",
        "forecasting",
        "forecasting.data",
        "forecasting.models",
        "forecasting.scale",
        "forecasting.score",
    },
    "ensembles.report": {
        "ensembles",
        "ensembles.bands",
        "ensembles.blend",
        "ensembles.evaluation",
        "ensembles.explanation",
        "ensembles.files",
        "ensembles.judging",
        "ensembles.risk",
        "ensembles.treasury",
        "forecasting",
        "forecasting.data",
        "forecasting.score",
    },
    "ensembles.risk": {
        "ensembles",
        "ensembles.bands",
        "ensembles.files",
        "ensembles.judging",
        "forecasting",
        "forecasting.data",
        "forecasting.scale",
    },
    "ensembles.treasury": {"ensembles", "ensembles.files", "forecasting", "forecasting.data", "forecasting.planned"},
    "forecasting": {"forecasting.models", "forecasting.places", "forecasting.planned", "forecasting.scale"},
    "forecasting.data": {"forecasting", "forecasting.places", "forecasting.planned"},
    "forecasting.models": {"forecasting", "forecasting.places"},
    "forecasting.places": set(),
    "forecasting.planned": {"forecasting"},
    "forecasting.sample": {"forecasting", "forecasting.data"},
    "forecasting.scale": {"forecasting", "forecasting.models"},
    "forecasting.score": {"forecasting"},
}
"""Room → rooms that its modules may import, in functions too (see `tests.shape`). A room without a line may not exist.

Rooms of `ensembles` stand in layers: judging, bands, blend, files, then evaluation and risk, then explanation, then
exports and report, then exploration. A package's own modules and its rooms may import each other: they are its types
and its entrance.
"""


@pytest.fixture(scope="module")
def modules():
    return shape.read(shape.PACKAGES)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_point_one_way(folder):
    for file in (ROOT / folder).rglob("*.py"):
        assert not imported(file) & FORBIDDEN[folder], file


def test_heavy_packages_stay_in_their_place():
    for folder in FORBIDDEN:
        for file in (ROOT / folder).rglob("*.py"):
            where = file.relative_to(ROOT).as_posix()
            for package in imported(file) & ONLY_IN.keys():
                assert where.startswith(ONLY_IN[package]), f"{where} imports {package}"


def test_every_module_declares_what_it_exports():
    for folder in FORBIDDEN:
        for file in (ROOT / folder).rglob("*.py"):
            names = {
                t.id
                for n in tree_of(file).body
                if isinstance(n, ast.Assign)
                for t in n.targets
                if isinstance(t, ast.Name)
            }
            assert "__all__" in names or file.name == "__init__.py", file


@pytest.mark.parametrize(
    "statement",
    [
        "import forecasting",
        "import forecasting.trial, forecasting.models.arima, forecasting.models.gbm",
        "import cluster.cli",
    ],
)
def test_heavy_libraries_are_not_loaded_at_import(statement):
    heavy = {"torch", "ray", "lightgbm", "statsmodels", "numba"}
    code = f"{statement}; import sys; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_most_functions_are_short(modules):
    sizes = shape.body_sizes(modules).values()
    assert statistics.median(sizes) <= shape.MEDIAN_LINES
    assert shape.p90(sizes) <= shape.P90_LINES


def test_no_function_is_long(modules):
    assert shape.long_functions(modules) == {}


def test_functions_take_few_parameters(modules):
    assert shape.wide_functions(modules) == {}


def test_no_file_is_long():
    assert shape.long_files(shape.sources((*shape.PACKAGES, "tests"))) == {}


def test_folders_hold_few_modules(modules):
    assert shape.full_folders(modules) == {}


@pytest.mark.parametrize("package", shape.PACKAGES)
def test_chains_of_imports_are_short(modules, package):
    chain = shape.chain_of(modules, package)
    assert len(chain) <= shape.LONGEST_CHAIN, " → ".join(chain)


def test_rooms_import_only_what_they_may(modules):
    assert shape.forbidden_imports(modules, ALLOWED) == []
