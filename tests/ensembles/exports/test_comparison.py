from __future__ import annotations

from ensembles.evaluation.compare import Change, ComparedRun, Comparison
from ensembles.exports.comparison import comparison_csv, comparison_rows
from ensembles.judging.judge import Measured


def run_of(name: str, score: Measured | None, ahead: Measured | None, note: str = "") -> ComparedRun:
    return ComparedRun(name, score, 4.25, {"in": 4.0, "out": None}, "in mean/families", 3, 1, 2.5, ahead, 2, note)


FOUND = Comparison(
    surrogate="linear",
    targets=("in", "out"),
    runs=(
        run_of("first", Measured(4.0, 3.5, 4.5), None),
        run_of('the "second", changed', Measured(4.12345678, 3.5, 4.5), Measured(0.12345678, -0.1, 0.3), "no blend"),
    ),
    changes=(Change("blend.tie", ("0.1", "0,2")),),
)


def test_the_file_holds_the_runs_and_then_the_changes() -> None:
    assert comparison_csv(FOUND).decode() == (
        "run,score,score_low,score_high,ahead,ahead_low,ahead_high,windows_shared,score_in_sample,in_score,out_score,"
        "methods,members,failed,seconds,note\n"
        "first,4.0,3.5,4.5,,,,2,4.25,4.0,,in mean/families,3,1,2.5,\n"
        '"the ""second"", changed",4.123457,3.5,4.5,0.123457,-0.1,0.3,2,4.25,4.0,,in mean/families,3,1,2.5,no blend\n'
        "\n"
        'changed,first,"the ""second"", changed"\n'
        'blend.tie,0.1,"0,2"\n'
    )


def test_rows_leave_out_what_was_not_measured() -> None:
    first = comparison_rows(FOUND)[0]
    assert (first["ahead"], first["ahead_low"], first["score"]) == (None, None, 4.0)
