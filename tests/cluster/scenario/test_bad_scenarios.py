"""Scenarios that cannot be: one sentence with file and key, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.scenario.company_days import HOLIDAY, TAX_DAY, ask

pytestmark = pytest.mark.usefixtures("without_charts")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ad: []", ("ad: unknown key", "did you mean add?")),
        ("add: [{date: 2024-05-03, series: inflow, amont: 5}]", ("add.0: amont: unknown key", "did you mean amount?")),
        ("level: [{series: inflow, percent: 5, form: 2024-05-03}]", ("level.0: form: unknown key", "mean from?")),
        ("add: [{date: 2024-05-03, series: inflo, amount: 5}]", ("add.0.series", "'inflo'", "did you mean inflow?")),
        ("add: [{date: 2024-05-03, amount: 5}]", ("add.0.series", "is missing", "inflow, outflow")),
        ("add: [{date: 2024-05-03, series: inflow, amount: five}]", ("add.0: amount", "'five'")),
        ("add: [{date: 2024-05-03, series: inflow, amount: .nan}]", ("add.0.amount", "finite")),
        ("add: [{date: 2024-05-03, series: inflow, amount: 1e16}]", ("add.0: amount", "too large to be held exactly")),
        ("add: [{date: 2024-05-03, series: inflow}]", ("add.0: amount", "is missing")),
        ("add: [{date: 2024-05-16, series: inflow, amount: 5}]", ("add.0.date: 2024-05-16", "2024-05-15")),
        ("add: [{date: soon, series: inflow, amount: 5}]", ("add.0: date", "YYYY-MM-DD")),
        ("add: {date: 2024-05-03}", ("add", "is no list")),
        ("add: [5]", ("add.0", "holds no keys")),
        ("add: [{date: 2024-05-03, series: inflow, amount: 5, note: a}, {date: 2024-05-03, series: inflow, amount: 6, "
         "note: a}]", ("add.1: inflow on 2024-05-03", "already, with the same note", "by their notes")),
        ("add: [{date: 2024-05-08, series: outflow, amount: 5, note: two}]", ("add.0: outflow on 2024-05-08", "note")),
        ("drop: [{date: 2024-05-07, series: outflow}]", ("drop.0", "outflow is planned on 2024-05-07", TAX_DAY)),
        (f"drop: [{{date: {TAX_DAY}, series: outflow, amount: 3}}]", ("drop.0", "with that amount", "250000.5")),
        ("drop: [{date: 2024-05-08, series: outflow}]", ("drop.0", "2 rows", "amount or note")),
        (f"move: [{{date: {TAX_DAY}, series: outflow, to: 2024-06-01}}]", ("move.0.to: 2024-06-01", "forecast goes")),
        ("move: [{date: 2024-05-02, series: inflow, to: 2024-05-03}]", ("move.0", "nothing of inflow is planned")),
        ("level: [{series: inflow, percent: lots, from: 2024-05-01}]", ("level.0: percent", "no percentage", "'lots'")),
        ("level: [{series: inflow, percent: -101, from: 2024-05-01}]", ("level.0: percent", "no percentage")),
        ("level: [{series: inflow, percent: true, from: 2024-05-01}]", ("level.0: percent", "no percentage")),
        ("level: [{series: inflow, percent: 5, from: 2024-01-01}]", ("level.0.from: 2024-01-01", "the forecast goes")),
        ("holidays: [{from: 2024-05-03, to: 2024-05-06}]", ("holidays.0.from", "has no holiday", f"on {HOLIDAY}")),
        ("events: [{from: 2024-05-03, to: 2024-05-06}]", ("events.0.from", "has no event", "payroll on 2024-04-25")),
        (f"holidays: [{{from: {HOLIDAY}, to: 2024-06-06}}]", ("holidays.0.to: 2024-06-06", "the forecast goes")),
        ("balance: much", ("balance", "is a number")),
        ("balance: {a: 5}", ("balance", "no balance of 'a'", "give one number")),
        ("", ("holds no keys", "level:")),
        ("add: [", ("not readable as YAML",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence_with_file_and_key(folder: Path, text: str, words: tuple[str]) -> None:
    (folder / "r/scenario.csv").unlink(missing_ok=True)
    done = ask(folder, text)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "what.yaml" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (folder / "r/scenario.csv").exists()
