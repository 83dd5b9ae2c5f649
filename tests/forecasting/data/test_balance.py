from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from forecasting.data.balance import carried
from forecasting.data.dataset import open_data
from forecasting.data.loaded import Loaded
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(i) for i in range(40)]
TARGETS = {"inflow": 0.5, "outflow": 0.5}
Cell = Callable[[str, int], object]


def table(folder: Path, cell: Cell = lambda _, i: 1000 + i, entities: str = "") -> Path:
    """40 days, of each of the entities if there are any; `cell` gives the balance."""
    lines = [("account," if entities else "") + "date,inflow,outflow,saldo"]
    for entity in entities or " ":
        head = f"{entity}," if entities else ""
        lines += [f"{head}{day},{100 + i},{90 + i},{cell(entity, i)}" for i, day in enumerate(DAYS)]
    path = folder / "flows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def load(path: Path, **keys: Any) -> Loaded:
    spec = DataSpec(**{"kind": "table", "targets": TARGETS} | keys)
    return open_data(spec, path, None).loaded


PANEL = {"kind": "panel", "entity": "account"}


def test_a_number_a_column_and_numbers_by_entity_are_balances(tmp_path: Path) -> None:
    assert load(table(tmp_path)).balances == {}
    assert load(table(tmp_path), balance=12.5).balances == {"": 12.5}
    assert load(table(tmp_path), balance="saldo").balances == {"": 1039.0}
    panel = table(tmp_path, lambda e, i: (e == "b") * 1000 + i, "ab")
    assert load(panel, **PANEL, balance="saldo").balances == {"a": 39.0, "b": 1039.0}
    assert load(panel, **PANEL, balance={"a": 1, "b": -2}).balances == {"a": 1.0, "b": -2.0}
    assert load(panel, **PANEL, balance=7).balances == {"": 7.0}


def test_a_number_may_be_written_in_powers_of_ten() -> None:
    # YAML gives 2e6 as a text: as a number it takes a point and a sign.
    spec = DataSpec(kind="table", targets=TARGETS, balance="2e6", limits={"minimum": "1.5E+5"})
    assert (spec.balance, spec.limits.minimum) == (2e6, 1.5e5)
    assert DataSpec(kind="panel", targets=TARGETS, balance={"a": "1e3", "b": 2}).balance == {"a": 1e3, "b": 2.0}


def test_the_balance_of_a_column_is_held_exactly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"flows\.csv:41: saldo on 2024-02-09, the last day, is too large to be held"):
        load(table(tmp_path, lambda _, i: 10**16 + i), balance="saldo")


def test_the_balance_is_that_of_the_last_day_used(tmp_path: Path) -> None:
    assert load(table(tmp_path), balance="saldo", as_of="2024-02-05").balances == {"": 1035.0}


def test_rows_need_not_be_in_order_and_an_entity_may_lag(tmp_path: Path) -> None:
    path = table(tmp_path, lambda e, i: i, "ab")
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed([line for line in lines if not line.startswith("b,2024-02-09")])]))
    assert load(path, **PANEL, balance="saldo", max_lag=5).balances == {"a": 39.0, "b": 38.0}


def test_a_long_panel_has_one_balance_for_both_targets(tmp_path: Path) -> None:
    lines = [f"x/{t},{day},{10 + i},{i}" for t in TARGETS for i, day in enumerate(DAYS)]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["unique_id,ds,y,saldo", *lines]))
    assert load(path, kind="panel", balance="saldo").balances == {"x": 39.0}
    path.write_text("\n".join(["unique_id,ds,y,saldo", *lines[:-1], lines[-1][:-2] + "77"]))
    with pytest.raises(DataError, match=r"long.csv:81: saldo on 2024-02-09 is '77', and '39' in another row"):
        load(path, kind="panel", balance="saldo")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("", "flows.csv:41: saldo on 2024-02-09, the last day, is empty, and data.balance takes the balance from it"),
        ("much", "flows.csv:41: saldo on 2024-02-09, the last day, is 'much', not a number: correct it"),
    ],
)
def test_a_last_day_without_a_balance_is_named(tmp_path: Path, cell: str, says: str) -> None:
    with pytest.raises(DataError) as error:
        load(table(tmp_path, lambda _, i: cell if i == 39 else i), balance="saldo")
    assert str(error.value).startswith(says)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"balance": "salde"}, "flows.csv: there is no column 'salde', which data.balance names; the columns are"),
        ({"balance": {"a": 1}}, "data.balance: there is no balance of b: add it"),
        ({"balance": {"a": 1, "bb": 1}}, "data.balance: 'bb' is no entity that is forecast; did you mean b?"),
        (
            {"balance": 1, "limits": {"minimum": {"c": 1}}},
            "data.limits: 'c' is no entity that is forecast; the entities",
        ),
    ],
)
def test_what_the_data_do_not_have_is_named(tmp_path: Path, keys: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as error:
        load(table(tmp_path, entities="ab"), **PANEL, **keys)
    assert str(error.value).startswith(says)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"balance": True}, "a balance is a number, as in 12000.50, and True is none"),
        ({"balance": float("nan")}, "and nan is none"),
        ({"balance": {"a": "x"}}, "the balance of a is a number, as in 12000.50, and 'x' is none"),
        ({"balance": 1e16}, "a balance is 1e+16, too large to be held exactly (2^53): use a larger unit"),
        ({"balance": {"a": "-1e30"}}, "the balance of a is -1e30, too large"),
        ({"balance": {}}, "name at least one entity"),
        ({"balance": " "}, "give a number, or the name of a column"),
        ({"balance": {"a": 1}}, "balance is given by entity, and kind table has none"),
        ({"balance": 1, "limits": {"minimum": {"a": 1}}}, "limits are given by entity, and kind table has none"),
        ({"limits": {"minimum": 1}}, "limits need a balance to begin with: give data.balance too"),
        ({"balance": 1, "limits": {"overdraft": -5}}, "the overdraft is -5: say how far below zero"),
        ({"balance": 1, "limits": {"overdraft": "saldo"}}, "a limit is a number, as in 12000.50, and 'saldo' is none"),
        (
            {"balance": 1, "limits": {"minimum": -300, "overdraft": 200}},
            "the limits are the wrong way round: the minimum of -300 lies below -200",
        ),
        (
            {"kind": "panel", "balance": 1, "limits": {"minimum": {"a": -300}, "overdraft": {"a": 200}}},
            "the limits of a are the wrong way round",
        ),
        ({"kind": "yuebao", "balance": "saldo"}, "kind yuebao has no column of balances; give a number"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        DataSpec(**{"kind": "table", "targets": TARGETS} | keys)
    assert says in str(error.value)


def in_two_units(folder: Path, entities: str = "abc") -> dict[str, Any]:
    units = [f"{entity},{'USD' if entity == 'c' else 'EUR'}" for entity in entities]
    (folder / "units.csv").write_text("\n".join(["account,unit", *units]) + "\n")
    return {**PANEL, "units": "units.csv"}


def test_one_amount_for_entities_of_two_units_is_refused(tmp_path: Path) -> None:
    path, keys = table(tmp_path, entities="abc"), in_two_units(tmp_path)
    said = "one amount is given for all entities, but their units are EUR and USD, which cannot be added: "
    remedy = "give an amount by entity, as in {a: 12000}, or by unit, as in {EUR: 12000}"
    for where, given in (
        ("data.balance", {"balance": 5.0}),
        ("data.limits", {"balance": {"EUR": 1, "c": 2}, "limits": {"minimum": 1}}),
        ("data.limits", {"balance": {"EUR": 1, "c": 2}, "limits": {"overdraft": 1}}),
    ):
        with pytest.raises(DataError) as error:
            load(path, **keys, **given)
        assert str(error.value) == f"{where}: {said}{remedy}"
    (tmp_path / "units.csv").write_text("account,unit\na,EUR\nb,EUR\nc,EUR\n")
    assert load(path, **keys, balance=5.0).balances == {"": 5.0}


def test_amounts_may_be_given_by_unit(tmp_path: Path) -> None:
    path, keys = table(tmp_path, entities="abc"), in_two_units(tmp_path)
    for given in ({"a": 1, "b": 2, "c": 3}, {"EUR": 3, "USD": 3}, {"EUR": 3, "c": 3}):
        assert load(path, **keys, balance=given, limits={"minimum": {"EUR": 1, "a": 2}}).balances == given
    assert load(path, **keys, balance="saldo", limits={"overdraft": {"USD": 5}}).balances == dict.fromkeys("abc", 1039)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"balance": {"EUR": 1}}, "there is no balance of c: add it, or give one of USD"),
        ({"balance": {"USD": 1, "a": 1}}, "there is no balance of b: add it, or give one of EUR"),
        ({"balance": {"EUR": 1, "a": 1, "USD": 1}}, "a has a balance, which is a part of that of EUR, its unit: keep"),
        ({"balance": {"EUR": 1, "USB": 1}}, "'USB' is no entity that is forecast; did you mean USD?"),
        ({"balance": "saldo", "limits": {"minimum": {"USB": 1}}}, "'USB' is no entity that is forecast; did you mean"),
    ],
)
def test_amounts_by_unit_that_cannot_be_are_named(tmp_path: Path, keys: dict[str, Any], says: str) -> None:
    path = table(tmp_path, entities="abc")
    with pytest.raises(DataError) as error:
        load(path, **in_two_units(tmp_path), **keys)
    assert says in str(error.value)


def test_a_limit_that_no_balance_is_held_against_is_said(tmp_path: Path) -> None:
    path, keys = table(tmp_path, entities="abc"), in_two_units(tmp_path)
    aside = "data.limits of a are left aside: data.balance gives no balance of each alone"
    limits = {"minimum": {"EUR": 1, "a": 2, "c": 3}}
    assert aside in load(path, **keys, balance={"EUR": 3, "USD": 3}, limits=limits).notes
    assert not [n for n in load(path, **keys, balance="saldo", limits=limits).notes if "left aside" in n]
    assert aside in load(path, **PANEL, balance=7, limits={"minimum": {"a": 2}}).notes


def test_a_unit_of_an_entitys_name_is_given_by_entity(tmp_path: Path) -> None:
    path = table(tmp_path, entities="ab")
    (tmp_path / "units.csv").write_text("account,unit\na,EUR\nb,a\n")
    keys = {**PANEL, "units": "units.csv"}
    assert load(path, **keys, balance={"a": 1, "b": 2}).balances == {"a": 1.0, "b": 2.0}
    with pytest.raises(DataError, match="there is no balance of b"):
        load(path, **keys, balance={"a": 1})


@pytest.mark.parametrize("missing", ["error", "zero", "skip"])
def test_an_older_balance_of_a_column_is_said(tmp_path: Path, missing: str) -> None:
    path = table(tmp_path, lambda e, i: i, "ab")
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("b,2024-02-08", "b,2024-02-09"))]
    path.write_text("\n".join(lines))
    loaded = load(path, **PANEL, balance="saldo", max_lag=5, missing=missing)
    assert loaded.balances == {"a": 39.0, "b": 37.0}
    sentence = (
        "data.balance: the last balance of b (2024-02-07) is older than 2024-02-09, the last day; flows since then are "
        "not known and count as nothing"
    )
    assert sentence in loaded.notes
    assert not any("last balance" in note for note in load(path, **PANEL, balance={"a": 1, "b": 2}, max_lag=5).notes)


def test_a_balance_is_carried_forward_by_the_flows_since(tmp_path: Path) -> None:
    panel = load(table(tmp_path, entities="ab"), **PANEL).panel
    since = panel.ds[-4]  # three days later, each brings 10 more in than out
    net = ("inflow", "outflow")
    assert carried({"": 5.0}, panel, net, since, {}) == ({"": 65.0}, 0)
    assert carried({"a": 5.0, "b": -5.0}, panel, net, since, {}) == ({"a": 35.0, "b": 25.0}, 0)
    y = panel.y.copy()
    y[0, -1] = np.nan
    gap = Panel(panel.ds, panel.series, y, panel.past, panel.past_names, panel.calendar, panel.freq)
    moved, unknown = carried({"": 5.0}, gap, net, since, {})
    assert (moved[""], unknown) == (65.0 - panel.y[0, -1], 1)


def test_a_balance_of_a_unit_is_carried_by_the_flows_of_its_entities(tmp_path: Path) -> None:
    panel = load(table(tmp_path, entities="abc"), **PANEL).panel
    units = {"a": "EUR", "b": "EUR", "c": "USD"}
    moved, unknown = carried({"EUR": 5.0, "c": 1.0}, panel, ("inflow", "outflow"), panel.ds[-4], units)
    assert (moved, unknown) == ({"EUR": 65.0, "c": 31.0}, 0)


def test_it_is_said_what_a_balance_is_not_used_for(tmp_path: Path) -> None:
    aside = "data.balance is left aside: a cash position takes two targets, what comes in and what goes out"
    assert aside in load(table(tmp_path), targets={"inflow": 1.0}, balance=5).notes
    assert aside not in load(table(tmp_path), targets={"inflow": 1.0}).notes
    turned = load(table(tmp_path), targets={"outflow": 0.5, "inflow": 0.5}, balance="saldo").notes
    assert "outflow is taken for what comes in, and inflow for what goes out: name what comes in first" in turned
    path = table(tmp_path, entities="ab")
    path.write_text("\n".join(re.sub(r"^(b,.*),\d+,(.*)$", r"\1,,\2", line) for line in path.read_text().splitlines()))
    notes = load(path, **PANEL, balance=7).notes
    assert "the cash position is without b: of both targets there is inflow alone" in notes
