"""The direction of imports, and what may be imported where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "forecasting": {"ensembles", "cluster", "ray"},
    "ensembles": {"cluster", "ray", "torch"},
    "cluster": {"torch"},
}
ONLY_IN = {
    "ray": "cluster/",
    "torch": "forecasting/models/lstm/",
    "lightgbm": "forecasting/models/gbm",
    "statsmodels": "forecasting/models/arima.py",
}


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
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
            tree = ast.parse(file.read_text())
            names = {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
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
