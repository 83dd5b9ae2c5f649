"""Sound data sets of every kind and format, for the fuzz to damage."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pandas as pd

from forecasting.sample.write import write_sample
from tests.forecasting.data.workbooks import Error, ods, xlsx

__all__ = ["sound_sets"]

WIDE = "{kind: panel, entity: fund_code, past: [uv_key_page_1], unit: CNY}"


@cache
def sound_sets() -> tuple[tuple[str, dict[str, bytes], str], ...]:
    """Name of the data (--data), files, and data section of every sound set."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sample(folder / "users", users=12, days=60)
        users = {p.name: p.read_bytes() for p in (folder / "users").iterdir()}
        write_sample(folder / "funds", kind="funds", users=3, days=60)
        funds = {p.name: p.read_bytes() for p in (folder / "funds").iterdir()}
    table = users["user_balance_table.csv"]
    frame = pd.read_csv(io.BytesIO(table)).groupby("report_date")[["total_purchase_amt", "total_redeem_amt"]].sum()
    frame = frame.reset_index().set_axis(["report_date", "purchase", "redeem"], axis=1)
    daily = frame.to_csv(index=False).encode()
    rates = {k: v for k, v in users.items() if k.startswith("mfd")}
    wide = pd.read_csv(io.BytesIO(funds["fund_apply_redeem_series.csv"]), dtype={"fund_code": str})
    long = wide.rename(columns={"transaction_date": "ds", "apply_amt": "purchase", "redeem_amt": "redeem"})
    long = long.melt(["fund_code", "ds"], ["purchase", "redeem"], "target", "y")
    long["unique_id"] = long.fund_code + "/" + long.target
    events = {"events.csv": b"ds,name\n2014-08-10,promotion\n20140905,limit\n"}
    parquet, archive = io.BytesIO(), io.BytesIO()
    frame.to_parquet(parquet)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, content in users.items():
            packed.writestr(f"data/{file}", content)
    return (
        ("", users, "{past: [share_amt, mfd_daily_yield]}"),
        ("", users | events, "{events: events.csv}"),
        ("", {"daily_totals.csv": daily} | rates, "{}"),
        ("", {"user_balance_table.csv.gz": gzip.compress(table, 1)} | rates, "{}"),
        ("", {"user_balance_table/a.csv": table, "user_balance_table/b.csv": table.split(b"\n", 1)[0] + b"\n"}, "{}"),
        ("all.zip", {"all.zip": archive.getvalue()}, "{}"),
        ("d.csv", {"d.csv": daily} | events, "{kind: table, events: events.csv}"),
        ("d.parquet", {"d.parquet": parquet.getvalue()}, "{kind: table}"),
        ("", funds, WIDE),
        ("l.csv", {"l.csv": long[["unique_id", "ds", "y"]].to_csv(index=False).encode()}, "{kind: panel}"),
        ("b.csv", {"b.csv": _worked(90)}, "{kind: table, unit: EUR, missing: skip, scale: auto}"),
        ("b.csv", {"b.csv": _worked(90)}, "{kind: table, unit: EUR, freq: auto}"),
        ("w.csv", {"w.csv": _worked(400, "W-WED")}, "{kind: table, freq: auto, missing: error}"),
        ("g.csv", {"g.csv": _german()}, "{kind: table, unit: EUR}"),
        ("g.csv", {"g.csv": b"sep=;\n" + _german() + b";;;\n"}, "{kind: table, decimal: comma, date_format: dmy}"),
        ("g.csv", {"g.csv": _german().decode("cp1252").encode("utf-16")}, "{kind: table, unit: EUR}"),
        ("k.xlsx", {"k.xlsx": xlsx({"Tabelle1": _cells(), "leer": []}, at=(2, 1))}, "{kind: table}"),
        ("k.xlsx", {"k.xlsx": xlsx({"a": _cells(), "b": [["x"]]})}, "{kind: table, sheet: a, freq: D}"),
        ("k.ods", {"k.ods": ods({"Tabelle1": _cells()})}, "{kind: table, unit: EUR}"),
        ("", {"daily_totals.xlsx": xlsx({"a": _cells()})} | rates, "{past: []}"),
        ("", {"user_balance_table.csv": table.replace(b",", b";")} | rates, "{past: [share_amt]}"),
        ("r.csv", {"r.csv": _ragged()}, "{kind: panel, targets: {sales: 1.0}, missing: zero, max_lag: 3}"),
        ("r.csv", {"r.csv": _ragged()}, "{kind: panel, targets: {sales: 1.0}, missing: error}"),
    )


def _worked(days: int, freq: str = "B") -> bytes:
    """A table of work days or weeks, with a future of empty rows."""
    ds = pd.date_range("2024-01-03", periods=days, freq="D")
    ds = ds[ds.isin(pd.date_range(ds[0], ds[-1], freq=freq))]
    rows = [f"{day.date()},{100 + k % 5}.25,{200 + k % 7}" for k, day in enumerate(ds)]
    later = [f"{day.date()},," for day in pd.date_range(ds[-1], periods=4, freq=freq)[1:]]
    return "\n".join(["ds,purchase,redeem", *rows, *later, ""]).encode()


def _ragged() -> bytes:
    """A long panel of one target: whole, lagging, closed, late, with an odd id and with one like another's."""
    days = pd.date_range("2024-01-01", periods=60).date
    spans = {"a": (0, 60), "a/sales": (0, 60), "b": (0, 58), "c": (0, 30), "d": (20, 60), "e\u202e": (0, 60)}
    lines = []
    for place, (uid, (begin, end)) in enumerate(spans.items()):
        lines += [f"{uid},{days[k]},{k % 7 + 10 * place}" for k in range(begin, end)]
    return "\n".join(["unique_id,ds,y", *lines, ""]).encode()


def _german() -> bytes:
    """A bank's table, with a column that nobody asks for."""
    days = pd.date_range("2024-01-03", periods=60)
    rows = [f"{day:%d.%m.%Y};1.{100 + k},{k % 100:02};{k % 7},5;Öl" for k, day in enumerate(days)]
    return "\r\n".join(["ds;purchase;redeem;Größe", *rows, ""]).encode("cp1252")


def _cells() -> list[list[object]]:
    """A workbook's table with an error and a text in columns that nobody asks for."""
    days = pd.date_range("2024-01-03", periods=60)
    rows = [[day.date(), 100.25 + k, k % 7, Error() if k == 5 else "x"] for k, day in enumerate(days)]
    return [["ds", "purchase", "redeem", "note"], *rows]
