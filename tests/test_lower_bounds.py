"""The lower bounds that pyproject.toml declares, installed and used: a run, its report and a forecast must work there.

`torch` is taken as it is installed here: its builds are large, and its bound is tried by hand. Slow: pip installs some
eighty packages.
"""

import os
import re
import subprocess
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from tests.runs import CONFIG, ROOT, write_inputs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
AS_INSTALLED = "torch"
MORE = """  - {model: arima, max_iterations: 5}
  - {model: lightgbm-global, rounds: 10}
calendar: DE
"""
IMPORTS = """
import importlib, importlib.util, pkgutil
import cluster, ensembles, forecasting
for package in (forecasting, ensembles, cluster):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.endswith(".fused") and importlib.util.find_spec("triton") is None:
            continue  # it comes with torch's builds for CUDA
        if not module.name.startswith("cluster.facade"):
            importlib.import_module(module.name)
"""


def declared():
    """Name and lower bound of every dependency but torch, extras for users among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["excel"], *extras["figures"]]
    bounds = {}
    for dependency in wanted:
        name, bound = re.fullmatch(r"([\w\[\]-]+)>=([\d.]+)(?:,<[\d.]+)?", dependency).groups()
        bounds[name] = bound
    del bounds[AS_INSTALLED]
    return bounds


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with exactly these versions; what it lacks, torch and its libraries, it finds here."""
    folder = tmp_path_factory.mktemp("lower") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pins = [f"{name}=={bound}" for name, bound in declared().items()]
    subprocess.run([python, "-m", "pip", "install", "-q", "--only-binary=:all:", *pins], check=True)
    site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True,
                          capture_output=True, text=True).stdout.strip()  # fmt: skip
    (Path(site) / "zz_torch.pth").write_text(sysconfig.get_path("purelib") + "\n")  # behind what is installed there
    return python


def use(python, folder, *arguments):
    done = subprocess.run(
        [python, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_declared_installs_together_and_works(python, tmp_path):
    write_inputs(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG + MORE)
    versions = "import sys, importlib.metadata as m\nfor n in sys.argv[1:]: print(m.version(n))"
    names = [name.partition("[")[0] for name in declared()]
    found = use(python, tmp_path, "-c", versions, *names).split()
    assert [_padded(version) for version in found] == [_padded(bound) for bound in declared().values()]
    use(python, tmp_path, "-c", IMPORTS)
    command = ("-m", "cluster.cli")
    for executor in ("local", "ray"):
        arguments = ("config.yaml", "--data", "data.csv", "--run-dir", executor, "--executor", executor)
        use(python, tmp_path, *command, "run", *arguments)
    assert (tmp_path / "ray/submission.csv").read_bytes() == (tmp_path / "local/submission.csv").read_bytes()
    assert '"failed": 0' in (tmp_path / "local/run.json").read_text()
    use(python, tmp_path, *command, "report", "local")
    use(python, tmp_path, *command, "predict", "local", "--data", "data.csv")


def _padded(version):
    parts = [int(part) for part in version.split(".")[:3]]
    return tuple(parts + [0] * (3 - len(parts)))
