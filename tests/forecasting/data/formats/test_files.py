"""The same numbers come out whatever the file's container."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import csv as pacsv
from pyarrow import parquet

from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.opened import load

SPEC = DataSpec(past=("share_amt", "consume_amt", "category1"))


@pytest.fixture(scope="module")
def csv(clean: Path) -> Path:
    return clean / "user_balance_table.csv"


def as_gzip(csv: Path, target: Path) -> None:
    (target / "user_balance_table.csv.gz").write_bytes(gzip.compress(csv.read_bytes()))


def as_zip(csv: Path, target: Path) -> None:
    with zipfile.ZipFile(target / "user_balance_table.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "inner/user_balance_table.csv")
        archive.writestr("__MACOSX/inner/user_balance_table.csv", "junk")


def as_parquet(csv: Path, target: Path) -> None:
    parquet.write_table(pacsv.read_csv(csv), target / "user_balance_table.parquet", row_group_size=1000)


def as_parts(csv: Path, target: Path) -> None:
    lines = csv.read_bytes().splitlines(keepends=True)
    parts = target / "user_balance_table"
    (parts / "month=2").mkdir(parents=True)
    (parts / "_SUCCESS").touch()
    half = len(lines) // 2
    (parts / "part-0.csv").write_bytes(b"".join(lines[:half]))
    (parts / "month=2/part-1.csv.gz").write_bytes(gzip.compress(b"".join([lines[0], *lines[half:]])))


@pytest.mark.parametrize("write", [as_gzip, as_zip, as_parquet, as_parts])
def test_container_does_not_matter(csv: Path, tmp_path: Path, write: Callable[[Path, Path], None]) -> None:
    write(csv, tmp_path)
    want, got = load(SPEC, csv, "CN"), load(SPEC, tmp_path, "CN")
    assert (want.ds == got.ds).all()
    assert (want.y == got.y).all()
    assert (want.past == got.past).all()


def test_whole_folder_in_a_zip_and_by_uri(clean: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in clean.iterdir():
            archive.write(file, f"data/{file.name}")
    want = load(DataSpec(), clean, "CN")
    assert want.past.shape[2] == 10
    for path in (tmp_path / "all.zip", clean.as_uri()):
        got = load(DataSpec(), path, "CN")
        assert got.fingerprint() == want.fingerprint()


@pytest.mark.parametrize("name", ["d.csv.gz", "d.zip", "d.parquet", "d.csv.zip"])
def test_broken_containers_get_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is not what the name says" * 10)
    with pytest.raises(DataError, match=rf"{name}: it cannot be read \(.+\): check that the file is complete"):
        load(DataSpec(kind="table"), tmp_path / name, None)


def test_truncated_gzip_gets_a_sentence(csv: Path, tmp_path: Path) -> None:
    whole = gzip.compress(csv.read_bytes())
    (tmp_path / "user_balance_table.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"user_balance_table\.csv\.gz.*: check"):
        load(DataSpec(), tmp_path, None)
