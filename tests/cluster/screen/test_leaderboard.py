import io
import json
from xml.etree import ElementTree

import pytest

from cluster.rundir.store import RunStore
from cluster.screen.leaderboard import show_leaderboard, summary_html, summary_table
from cluster.terminal.screen import Screen
from ensembles.files.leaderboard_json import LeaderboardFile, LeaderboardRow, SettingRow, TargetMeasures, WindowRow
from forecasting.errors import StorageError

TARGETS = {"purchase": TargetMeasures(score=4.0, mape=0.123)}


def row(member, family, score, **more):
    scores = None if score is None else (score, score)
    return LeaderboardRow(member=member, family=family, score=score, per_window=scores, targets=TARGETS, **more)


BOARD = LeaderboardFile(
    schema_version=2,
    sort="score",
    surrogate="linear",
    weights={"purchase": 1.0},
    windows=tuple(
        WindowRow(cutoff=f"2024-0{k}-28", start=f"2024-0{k + 1}-01", end=f"2024-0{k + 1}-28", choice=None)
        for k in (1, 2)
    ),
    pairs=(),
    coverage={},
    best_single=None,
    settings=(
        SettingRow(
            setting="lstm", family="lstm", n_seeds=4, mean=4.1, sd=0.2, score_of_average=4.25, per_window=(4.2, 4.3)
        ),
        SettingRow(
            setting="naive", family="naive", n_seeds=1, mean=3.0, sd=None, score_of_average=3.0, per_window=(3.0, 3.0)
        ),
    ),
    rows=(
        row("blend", "blend", 4.2),
        row("lstm/s00", "lstm", 4.1),
        row("old", "naive", None, status="failed", reason="too short"),
    ),
)


def shown(show, width=140):
    out = io.StringIO()
    show(Screen(file=out, width=width))
    return out.getvalue()


def test_a_summary_has_the_blend_among_the_settings_best_first():
    text = shown(lambda out: out.print(summary_table(BOARD, out.width)))
    assert "points a day" in text
    assert "points a work day" in shown(lambda out: out.print(summary_table(BOARD, out.width, "work days")))
    names = [line.split()[0] for line in text.splitlines() if " linear" not in line and line.split()]
    assert [name for name in names if name in ("lstm", "blend", "naive")] == ["lstm", "blend", "naive"]
    assert "4.10 ± 0.20" in text
    assert "2024-02" in text
    assert "2024-02" not in shown(lambda out: out.print(summary_table(BOARD, 100)))


@pytest.fixture
def store(tmp_path):
    return RunStore(str(tmp_path))


def test_every_row_is_shown_with_its_reason(store, capsys):
    store.write(BOARD)
    text = shown(lambda out: show_leaderboard(store, out, as_json=False))
    assert "failed: too short" in text
    assert "12.3%" in text
    show_leaderboard(store, Screen(), as_json=True)
    stored = json.loads(store.storage.read("leaderboard.json"))
    del stored["digest"]
    assert json.loads(capsys.readouterr().out) == stored


def test_no_leaderboard_is_a_sentence(store):
    with pytest.raises(StorageError, match="holds no leaderboard: name the directory of a finished run"):
        show_leaderboard(store, Screen(), as_json=False)


def test_a_notebook_gets_the_summary_as_a_table_in_which_names_are_text():
    named = BOARD.settings[0].model_copy(update={"setting": "<b>&amp;"})
    table = ElementTree.fromstring(summary_html(BOARD.model_copy(update={"settings": (named, BOARD.settings[1])})))
    rows = [["".join(cell.itertext()) for cell in line] for line in table.iter("tr")]
    assert rows == [
        ["", "family", "score", "2024-02", "2024-03", "seeds", "mean ± sd"],
        ["<b>&amp;", "lstm", "4.25", "4.20", "4.30", "4", "4.10 ± 0.20"],
        ["blend", "blend", "4.20", "4.20", "4.20", "", ""],
        ["naive", "naive", "3.00", "3.00", "3.00", "", ""],
    ]
    assert len(table.findall("tbody/tr[2]/td/b")) == 7


def test_candidates_that_are_the_same_are_shown_once(store):
    same = [row(f"{name}/families", "candidate", 4.15) for name in ("mean", "median", "trimmed-mean")]
    other = row("ridge/families", "candidate", 4.15, score_in_sample=4.3)
    store.write(BOARD.model_copy(update={"rows": (*same, other, row("a", "naive", 4.15), row("b", "naive", 4.15))}))
    lines = shown(lambda out: show_leaderboard(store, out, as_json=False)).splitlines()
    names = [line.split("  ")[1] for line in lines if "4.15" in line]
    assert names == ["mean/families and 2 alike", "ridge/families", "a", "b"]
