"""What an installation brings along."""

from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NEWEST_PANDAS = "3.1.1"


def brought_by(name, extras):
    """Requirements of a package with these extras, and of what they bring, as (who asks, what is asked)."""
    found, left = [], [(name, frozenset(extras))]
    seen = set()
    while left:
        package, wanted = left.pop()
        if (package, wanted) in seen:
            continue
        seen.add((package, wanted))
        try:
            lines = requires(package) or []
        except PackageNotFoundError:
            continue  # for another platform
        for line in lines:
            asked = Requirement(line)
            if asked.marker and not any(asked.marker.evaluate({"extra": extra}) for extra in (wanted or {""})):
                continue
            found.append((package, asked))
            left.append((canonicalize_name(asked.name), frozenset(asked.extras)))
    return found


@pytest.fixture(scope="module")
def brought():
    return brought_by("tidecast", {"", "test", "excel", "figures"})


def test_no_package_keeps_pandas_below_the_newest(brought):
    asked = {who: asked for who, asked in brought if canonicalize_name(asked.name) == "pandas"}
    assert "tidecast" in asked
    assert [f"{who}: {one}" for who, one in asked.items() if not one.specifier.contains(NEWEST_PANDAS)] == []


def test_what_is_asked_of_the_tests_packages_is_followed_to_the_end(brought):
    names = {canonicalize_name(asked.name) for _, asked in brought}
    assert {"pandas", "ray", "torch", "numpy", "pytest", "moto", "flask", "werkzeug"} <= names


def test_pandas_before_3_is_still_allowed(brought):
    (own,) = [asked for who, asked in brought if who == "tidecast" and asked.name == "pandas"]
    assert own.specifier.contains("2.3.3")
