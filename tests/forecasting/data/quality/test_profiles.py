"""The profile table against the users."""

from __future__ import annotations

from pathlib import Path

from forecasting.data.formats.files import Folder, open_location
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.profiles import check_profiles, read_profiles


def found(path: Path, users: dict[str, int] | None) -> list[Finding]:
    folder = open_location(path)
    assert isinstance(folder, Folder)
    return check_profiles(read_profiles(folder), users)


def test_absent_twice_and_without(tmp_path: Path) -> None:
    assert found(tmp_path, None) == []
    assert [f.value for f in found(tmp_path, {"1": 0})] == ["absent"]
    profiles = tmp_path / "user_profile_table.csv"
    profiles.write_text("user_id,city\n1,a\n2,b\n1,c\n")
    twice, without = found(tmp_path, {"1": 0, "3": 1})
    assert (twice.where, twice.value) == ("user_profile_table.csv:4", "user '1'")
    assert (without.count, without.value) == (1, "user '3'")
    profiles.write_text("id\n1\n")
    assert [f.value for f in found(tmp_path, {})] == ["no column user_id"]
    profiles.write_text("")
    assert [(f.severity, f.value) for f in found(tmp_path, {})] == [("warning", "it is empty")]
