"""The registry finds what a package's modules define, once each and in a fixed order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecasting.registry import found_in


def is_class(value: object) -> bool:
    return isinstance(value, type)


def is_number(value: object) -> bool:
    return isinstance(value, int)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    root = tmp_path / "registry_example"
    (root / "deeper").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "b.py").write_text("class Zebra: ...\nclass Ant: ...\nclass _Hidden: ...\n")
    (root / "a.py").write_text("from registry_example.b import Ant\nclass Cat: ...\nNUMBER = 7\n")
    (root / "deeper" / "__init__.py").write_text("")
    (root / "deeper" / "c.py").write_text("raise ImportError('not to be imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "registry_example"
    found_in.cache_clear()
    for name in [name for name in sys.modules if name.startswith("registry_example")]:
        del sys.modules[name]


def test_modules_by_name_and_objects_as_defined(package: str) -> None:
    assert [cls.__name__ for cls in found_in(package, is_class)] == ["Cat", "Zebra", "Ant"]


def test_objects_need_not_be_classes(package: str) -> None:
    assert found_in(package, is_number) == (7,)
