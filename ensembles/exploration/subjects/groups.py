"""Whether users of a sex or a city move more than the others, by the profile table.

Users are there for different times, so a group's flow is its sums over its days, and the standard error of that ratio
comes from how single users lie around it (Cochran 1977, Sampling Techniques, section 2.11). A few users move much of
all money, so a group differs only if its users also rank otherwise than the others (Wilcoxon 1945): one large customer
makes no city rich.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.statistics import normal_quantile
from ensembles.exploration.subjects.totals import COLOURS
from ensembles.exploration.words import and_list, as_much, capital, known, numbered, percent
from ensembles.report.charts.chart import Chart, Dots, Layer, Line, Ranges
from forecasting.data.sources.user_flows import Users
from forecasting.schema import BoolArray, FloatArray

__all__ = ["SUBJECT"]

MOST = 10
"""Groups of a column that are shown, the largest ones."""
FEWEST = 20
"""Users of a group that is compared, and of the others."""


@dataclass(frozen=True)
class _Group:
    """Users of a group: `ratio` of their flow a user and day to that of all others, by target, with the 90% interval
    `low` to `high`; `differs` says whether it is other than 1 beyond chance, all comparisons counted.
    """

    column: str
    name: str
    n: int
    ratio: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    differs: Mapping[str, bool]

    @property
    def label(self) -> str:
        return f"{self.column} {self.name}"

    def as_json(self, n_users: int) -> dict[str, object]:
        targets = {
            t: {"ratio": known(r), "low": known(self.low[t]), "high": known(self.high[t])}
            for t, r in self.ratio.items()
        }
        return {
            "column": self.column,
            "group": self.name,
            "users": self.n,
            "share": self.n / n_users,
            "targets": targets,
        }


def groups_fact(material: Material) -> Fact | None:
    users = material.users
    if users is None:
        return None
    if not users.groups:
        return Fact("There is no profile table with sex or city (user_profile_table), so groups cannot be told.")
    found = _groups(users, material.targets)
    if not found:
        return Fact(f"No two groups of {and_list(users.groups)} have {FEWEST} users with flows, so none are compared.")
    numbers = {"users": len(users.first_day), "groups": [group.as_json(len(users.first_day)) for group in found]}
    return Fact(_sentence(users, found), numbers, _chart(found, material.targets))


def _groups(users: Users, targets: tuple[str, ...]) -> list[_Group]:
    days = (users.ds[-1] - users.first_day).astype(np.int64) + 1.0
    masks = dict(_masks(users))
    compared = len(masks) * len(targets)
    return [_compared(key, mask, users, days, (targets, compared)) for key, mask in masks.items()]


def _masks(users: Users) -> Iterator[tuple[tuple[str, str], BoolArray]]:
    """Column and name of every group that is compared, and its users; the larger one of two is enough for both."""
    for column, texts in users.groups.items():
        names, counts = np.unique([text for text in texts if text], return_counts=True)
        large = sorted(zip(counts.tolist(), names.tolist(), strict=True), reverse=True)[:MOST]
        for count, name in sorted(large, key=lambda pair: pair[1]):
            if count >= FEWEST and len(texts) - count >= FEWEST:
                yield (column, name), np.array([text == name for text in texts])


def _compared(
    key: tuple[str, str], mask: BoolArray, users: Users, days: FloatArray, asked: tuple[tuple[str, ...], int]
) -> _Group:
    ratio, low, high, differs = {}, {}, {}, {}
    one, every = (normal_quantile(n) for n in (1, asked[1]))
    for k, target in enumerate(asked[0]):
        (mean, error), (other, its_error) = (_rate(users.sums[m, k], days[m]) for m in (mask, ~mask))
        if mean <= 0 or other <= 0:
            ratio[target] = low[target] = high[target] = float("nan")
            differs[target] = False
            continue
        spread, ratio[target] = float(np.hypot(error / mean, its_error / other)), mean / other
        low[target], high[target] = (float(ratio[target] * np.exp(sign * one * spread)) for sign in (-1, 1))
        distance, ranks = np.log(ratio[target]), _rank_distance(users.sums[:, k] / days, mask)
        differs[target] = bool(abs(distance) > every * spread and ranks * np.sign(distance) > every)
    return _Group(*key, int(mask.sum()), ratio, low, high, differs)


def _rank_distance(values: FloatArray, mask: BoolArray) -> float:
    """How much higher the marked ones rank than the others, in standard errors; equal values share their rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n, m = int(mask.sum()), len(values)
    tied = float(((counts**3 - counts).sum()) / (m * (m - 1.0)))
    variance = n * (m - n) / 12 * (m + 1 - tied)
    return float((rank[mask].sum() - n * (m + 1) / 2) / np.sqrt(max(variance, 1.0)))


def _rate(sums: FloatArray, days: FloatArray) -> tuple[float, float]:
    """Flow a user and day, and its standard error."""
    mean = float(sums.sum() / days.sum())
    n = len(sums)
    return mean, float(np.sqrt(n / (n - 1) * ((sums - mean * days) ** 2).sum()) / days.sum())


def _sentence(users: Users, found: list[_Group]) -> str:
    odd = [(group, target) for group in found for target, differs in group.differs.items() if differs]
    sizes = []
    for column in users.groups:
        mine = [group for group in found if group.column == column]
        if mine:
            largest = max(mine, key=lambda group: group.n)
            sizes.append(f"{column} {largest.name} has {percent(largest.n / len(users.first_day))} of the users")
    among = f"{numbered(len(found), 'group')} of {and_list(users.groups)}"
    if not odd:
        return (
            f"{capital(and_list(sizes))}; none of the {among} moves more or less a user than the others beyond chance."
        )
    group, target = max(odd, key=lambda pair: _distance(pair[0].ratio[pair[1]]))
    much = as_much(group.ratio[target])
    more = f"{much} {target} a user and day {'as' if much.endswith('much') else 'than'} the others"
    interval = f"90% interval {group.low[target]:z.2f} to {group.high[target]:z.2f}"
    rest = f"{len(odd)} of {len(found) * len(group.ratio)} comparisons differ by more than chance"
    return f"Users of {group.label} ({group.n:,}) move {more} ({interval}); {and_list(sizes)}; {rest}."


def _distance(ratio: float) -> tuple[float, bool]:
    """How far a ratio is from 1; of two groups that are all users, the one that moves more comes first."""
    return round(abs(float(np.log(ratio))), 9), ratio > 1


def _chart(found: list[_Group], targets: tuple[str, ...]) -> Chart:
    x = [f"{group.label}\n{group.n:,}" for group in found]
    layers: list[Layer] = [Line("all other users", x, np.ones(len(x)), "actual", 1, dashed=True)]
    spread = np.linspace(-0.15, 0.15, len(targets)) if len(targets) > 1 else np.zeros(1)
    for target, colour, offset in zip(targets, COLOURS, spread, strict=False):
        low, high, ratio = (
            np.array([ends[target] for ends in (getattr(g, end) for g in found)]) for end in ("low", "high", "ratio")
        )
        layers += [Ranges("", x, low, high, colour, float(offset)), Dots(target, x, ratio, colour, float(offset))]
    title = "flow a user and day, over that of all other users, with 90% intervals"
    return Chart("explore-groups", title, "name", "all others = 1", layers)


SUBJECT = Subject("groups", "Sex and city", 70, groups_fact)
