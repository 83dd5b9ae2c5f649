from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ensembles.exports
from ensembles.exports.layout import Cell, csv_bytes, csv_for_people

FOLDER = Path(ensembles.exports.__file__).parent


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'),
        ("-5.25", "-5.25"),
        (-5.25, "-5.25"),
        (-5, "-5"),
        (None, ""),
    ],
)
def test_text_that_would_be_run_is_marked_and_numbers_are_not(cell: Cell, written: str) -> None:
    assert csv_for_people([["a", cell]]).decode() == f"a,{written}\n"
    assert csv_bytes([["a", "=1+1", -5.25]]) == b"a,=1+1,-5.25\n"


def test_every_file_but_the_submission_is_for_people() -> None:
    exact = {file.stem for file in FOLDER.glob("*.py") if _names(file) & {"csv_bytes", "csv", "encode", "writer"}}
    assert exact == {"layout", "submission"}


def _names(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    return named | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
