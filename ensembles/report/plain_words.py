"""A run in words for everybody: what is forecast in all, how good that was on days not seen, and why the blend.

In: a run as reports see it. Out: sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.evaluation.contenders import NAIVE
from ensembles.report.flow_history import FlowHistory, one_sided
from forecasting.data.formats.columns import first_few
from forecasting.schema import BLEND, FloatArray

if TYPE_CHECKING:
    from ensembles.files.leaderboard_json import LeaderboardFile
    from ensembles.report.context import ReportContext

__all__ = ["PlainWords", "miss", "misses_in_words", "off_by", "plain_words", "why_blend"]

NAMED = 5
"""Entities in a sentence."""


@dataclass(frozen=True)
class PlainWords:
    """`totals` of the days ahead, `accuracy` on days not seen, `choice`: why the blend where a member scored more,
    `units`: what the score is where it was taken for each unit and averaged.

    Empty where there is nothing to say.
    """

    totals: str = ""
    accuracy: str = ""
    choice: str = ""
    units: str = ""


def plain_words(context: ReportContext) -> PlainWords:
    """Sentences about a run; empty ones without a blend."""
    if context.contenders is None or not context.histories:
        return PlainWords()
    board = context.results.board
    return PlainWords(_totals(context), _accuracy(context), why_blend(board), context.contenders.units_in_words)


def _totals(context: ReportContext) -> str:
    """What comes in, goes out and is left over the days ahead; otherwise the total of each target. Says which entities
    are left aside, as they have one of two targets.
    """
    said = []
    for flows in context.flows_by_unit:
        text = context.money.of_unit(flows[0].unit).text
        if (net := context.net_of(flows)) is not None:
            said.append(_in_out_net(*net, text))
        else:
            said.append(", ".join(f"{flow.target} {text(float(flow.next_y_hat.sum()))}" for flow in flows))
    alone = first_few(one_sided(context.results), NAMED)
    if alone and context.in_and_out:
        said.append(f"without {alone}, of which only inflow or only outflow is forecast")
    elif alone:
        said.append("no net flow, as no entity has both columns: write 0 where nothing flows")
    return "; ".join(said)


def _in_out_net(inflow: FlowHistory, outflow: FlowHistory, text: Callable[[float], str]) -> str:
    come, gone = (float(flow.next_y_hat.sum()) for flow in (inflow, outflow))
    sign = "+" if come > gone else ""
    return f"in ({inflow.target}) {text(come)}, out ({outflow.target}) {text(gone)}, net {sign}{text(come - gone)}"


def _accuracy(context: ReportContext) -> str:
    contenders, noun = context.contenders, context.results.run.axis.noun
    assert contenders is not None  # plain_words asks
    truth = {target: cube.y for target, cube in contenders.cubes.items()}
    n_days = max(int((~np.isnan(y)).any(axis=0).sum()) for y in truth.values())
    units = {target: cube.units for target, cube in contenders.cubes.items()}
    order = tuple(dict.fromkeys(context.results.run.units.values()))
    ours = misses_in_words(contenders.blend, truth, units, order)
    if not ours:
        return ""
    naive = misses_in_words(contenders.forecasts[NAIVE], truth, units, order) if NAIVE in contenders.forecasts else ""
    against = f"; repeating the last week would have been off by {naive}" if naive else ""
    return f"{off_by(n_days, noun, ours)} on average{against}."


def off_by(n_periods: int, noun: str, shares: str) -> str:
    """How far the forecast of a period was off in tests; `noun` in the plural, `shares` as `misses_in_words` says."""
    return f"In tests on {n_periods} past {noun}, the forecast of a {noun.removesuffix('s')} was off by {shares}"


def misses_in_words(
    y_hat: Mapping[str, FloatArray],
    truth: Mapping[str, FloatArray],
    units: Mapping[str, tuple[str | None, ...] | None] | None = None,
    order: Collection[str | None] = (),
) -> str:
    """As ``12% (purchase) and 15% (redeem)``; nothing where no target has an amount to compare with.

    Parameters
    ----------
    y_hat, truth
        By target ``[n_series, ...]``; NaN where there is nothing to compare.
    units
        Unit of each series by target. Several units are said one after the other, as ``9% (out) in EUR, 7% (out) in
        JPY``.
    order
        Units that come first, in this order.
    """
    of = {target: names for target, names in (units or {}).items() if names is not None}
    every = dict.fromkeys(unit for names in of.values() for unit in names)
    every = {unit: None for unit in (*order, *every) if unit in every}
    if len(every) < 2:
        return _shares({target: miss(y_hat[target], y) for target, y in truth.items() if target in y_hat})
    said = []
    for unit in every:
        rows = {target: [name == unit for name in of[target]] for target in truth if target in y_hat and target in of}
        if shares := _shares({target: miss(y_hat[target][mine], truth[target][mine]) for target, mine in rows.items()}):
            said.append(f"{shares} in {unit or 'no unit'}")
    return ", ".join(said)


def _shares(missed: Mapping[str, float]) -> str:
    return " and ".join(f"{share:.0%} ({target})" for target, share in missed.items() if not np.isnan(share))


def miss(y_hat: FloatArray, y: FloatArray) -> float:
    """Mean distance of forecasts over the mean size of amounts, both summed over series (the first axis)."""
    both = ~(np.isnan(y) | np.isnan(y_hat))
    total, ahead = np.where(both, y, 0.0).sum(axis=0), np.where(both, y_hat, 0.0).sum(axis=0)
    size = float(np.abs(total).sum())
    return float(np.abs(ahead - total).sum()) / size if size > 0 else float("nan")


def why_blend(board: LeaderboardFile) -> str:
    """Why the blend is the choice although a single member scored more; nothing where none did."""
    blend = next((row.score for row in board.rows if row.family == BLEND), None)
    scored = [s for s in board.settings if s.score_of_average is not None]
    best = max(scored, key=lambda s: s.score_of_average or 0.0, default=None)
    # As they are shown: nobody sees a difference in the third decimal.
    if blend is None or best is None or round(best.score_of_average or 0.0, 2) <= round(blend, 2):
        return ""
    sentence = f"{best.setting} scored {best.score_of_average:z.2f}, more than the blend's {blend:z.2f}, "
    picked = None if board.best_single is None else board.best_single.score
    if picked is not None and picked < blend:
        return (
            f"{sentence}but nobody knew that beforehand: picking the member that had been best so far would have "
            f"scored {picked:z.2f}. So the blend is the forecast."
        )
    windows = "one window" if len(board.windows) == 1 else f"{len(board.windows)} windows"
    return (
        f"{sentence}but that is known only now, and on {windows} it may be chance. The blend is the "
        "forecast because its members err on different days."
    )
