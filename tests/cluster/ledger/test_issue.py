"""What a run leaves in a ledger: its plan, its events and nothing of where and how it ran."""

import json

import numpy as np
import pytest

from ensembles.ledger.files.vintage import Vintage
from tests.cluster.test_planned import CONFIG, NEXT, PAST, write_data, write_plan
from tests.runs import run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issue")
    write_data(folder / "data.csv")
    write_plan(folder, *PAST, NEXT)
    (folder / "config.yaml").write_text(CONFIG.format(more=", planned: plan.csv"))
    done = run(folder, "a", "--ledger", "ledger")
    assert done.returncode == 0, done.stderr
    return folder


def issued(folder, place="ledger"):
    (file,) = (folder / place / "vintages").iterdir()
    return file, Vintage.from_bytes(file.read_bytes(), "")


def test_planned_amounts_are_a_part_of_their_own(folder):
    _, made = issued(folder)
    planned = {
        (made.unique_ids[k], str(d)): v for k, d, v in zip(made.place, made.ds, made.parts["planned"], strict=True)
    }
    assert {key: v for key, v in planned.items() if v} == {("out", "2024-07-25"): 600_000.0}
    np.testing.assert_allclose(sum(made.parts.values()), made.y_hat, rtol=1e-12)


@pytest.mark.parametrize(("came", "part"), [(True, 0.0), (False, -600_000.0)])
def test_whether_it_came_is_told_by_what_came(folder, came, part):
    _, made = issued(folder)
    ordinary = made.y_hat - made.parts["planned"]
    y = np.rint(ordinary + (made.parts["planned"] if came else 0.0)).reshape(2, -1)
    head, *rows = (folder / "data.csv").read_text().splitlines()
    days = made.ds[: y.shape[1]]
    assert made.unique_ids == ("in", "out")
    rows += [f"{d},{a:.0f},{b:.0f}" for d, a, b in zip(days, *y, strict=True)]
    name = f"{'came' if came else 'failed'}.csv"
    (folder / name).write_text("\n".join([head, *rows]) + "\n")
    done = tidecast(folder, "monitor", "a", "--actuals", name, "--json")
    assert done.returncode == 0, done.stderr
    (out,) = (split for split in json.loads(done.stdout)["review"]["misses"] if split["target"] == "out")
    (day,) = (row for row in out["worst"] if row["ds"] == "2024-07-25") if not came else (None,)
    assert out["total"]["parts"]["planned"]["sum"] == pytest.approx(part)
    assert day is None or day["parts"]["planned"] == pytest.approx(part)


def test_nothing_says_where_and_how_it_ran(folder):
    file, made = issued(folder)
    done = run(folder, "elsewhere/b", "--ledger", "another/ledger", "--set", "run.keep=all")
    assert done.returncode == 0, done.stderr
    again, _ = issued(folder, "another/ledger")
    assert (again.name, again.read_bytes()) == (file.name, file.read_bytes())
    assert not {"run", "cluster"} & made.facts.config.keys()
    assert str(folder) not in file.read_bytes().decode(errors="replace")
