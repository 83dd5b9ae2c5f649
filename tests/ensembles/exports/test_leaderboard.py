from __future__ import annotations

from ensembles.exports.leaderboard import leaderboard_csv
from ensembles.files.leaderboard_json import LeaderboardFile, LeaderboardRow, TargetMeasures, WindowRow

WINDOWS = [("2014-03-31", "2014-04-01", "2014-04-30"), ("2014-04-30", "2014-05-01", "2014-05-31")]


def board_of(*rows: LeaderboardRow) -> LeaderboardFile:
    return LeaderboardFile(
        schema_version=2,
        sort="score",
        surrogate="linear",
        weights={"in": 0.4, "out": 0.6},
        windows=tuple(WindowRow(cutoff=c, start=s, end=e, choice=None) for c, s, e in WINDOWS),
        pairs=(),
        coverage={},
        best_single=None,
        settings=(),
        rows=rows,
    )


def test_the_file_has_a_column_per_window_and_measure() -> None:
    measures = TargetMeasures(score=4.5, mape=0.1, smape=0.11, mase=0.9, bias=-0.02, weight=1.0)
    member = LeaderboardRow(
        member='a, "b"/s01',
        family="a",
        setting="b",
        seed=1,
        member_id="x1",
        score=5.0,
        score_x30=150.0,
        per_window=(4.0, None),
        targets={"in": measures},
        seconds=1.25,
        device="cpu",
    )
    failed = LeaderboardRow(member="c", family="c", status="failed", reason="diverged", targets={})
    assert leaderboard_csv(board_of(member, failed)).decode() == (
        "member,family,setting,seed,status,reason,score,score_x30,score_in_sample,2014-04-01,2014-05-01,"
        "in_score,in_mape,in_smape,in_mase,in_bias,in_weight,"
        "out_score,out_mape,out_smape,out_mase,out_bias,out_weight,seconds,device\n"
        '"a, ""b""/s01",a,b,1,ok,,5.0,150.0,,4.0,,4.5,0.1,0.11,0.9,-0.02,1.0,,,,,,,1.25,cpu\n'
        "c,c,,,failed,diverged,,,,,,,,,,,,,,,,,,,\n"
    )
