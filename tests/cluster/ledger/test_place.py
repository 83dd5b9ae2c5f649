"""A ledger loses nothing, whoever writes at the same time and dies when, and names what was changed."""

import multiprocessing
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from cluster.ledger.place import Damage, Ledger
from ensembles.ledger.files.facts import VintageFacts, table_bytes
from forecasting.digests import digest_of
from forecasting.errors import ConfigError, StorageError
from tests.ensembles.ledger.cases import reported, vintage
from tests.sim.disk import VirtualDisk
from tests.sim.world import Host, Program, World

FIRST = np.datetime64("2024-01-31")


def numbered(k):
    """A forecast that differs from those of other numbers."""
    return vintage(str(FIRST + k), {"flow": np.array([1.0, 2.0, 3.0]) + k}, width=0.1)


def read(ledger):
    """Forecasts by the last day of their data, and what is wrong."""
    damage = Damage()
    return sorted(one.facts.as_of for _, one in ledger.vintages(damage)), damage


@pytest.fixture
def ledger(tmp_path):
    return Ledger(str(tmp_path / "ledger"))


@pytest.fixture
def three(ledger):
    return ledger, [ledger.add(numbered(k)).digest for k in range(3)]


def test_each_forecast_lists_the_one_before(three):
    ledger, digests = three
    facts = ledger.facts()
    assert [facts[digest].parents for digest in digests] == [(), (digests[0],), (digests[1],)]
    assert ledger.heads() == (f"vintages/{digests[2]}",)
    assert ledger.is_there


def test_the_same_forecast_is_not_added_twice(three):
    ledger, digests = three
    again = ledger.add(numbered(1))
    assert (again.digest, again.is_new) == (digests[1], False)
    assert "was already in the ledger" in again.sentence
    assert len(ledger.facts()) == 3


def test_two_heads_are_joined_by_the_next(ledger, tmp_path):
    """Another writer saw the same head."""
    ledger.add(numbered(0))
    other = Ledger(str(tmp_path / "other"))
    other.add(numbered(0))
    other.add(numbered(2))
    ledger.add(numbered(1))
    for file in (tmp_path / "other/vintages").iterdir():
        (tmp_path / "ledger/vintages" / file.name).write_bytes(file.read_bytes())
    assert len(ledger.heads()) == 2
    joining = ledger.add(numbered(3)).digest
    assert len(ledger.facts()[joining].parents) == 2
    assert ledger.heads() == (f"vintages/{joining}",)


def test_an_empty_place_is_not_the_working_directory():
    with pytest.raises(ConfigError, match="the place of the ledger is empty: give a folder or a URI"):
        Ledger("")


def test_a_ledger_behind_a_uri(tmp_path):
    ledger = Ledger(f"file://{tmp_path}/ledger")
    assert [ledger.add(numbered(k)).is_new for k in (0, 1, 0)] == [True, True, False]
    assert read(Ledger(str(tmp_path / "ledger")))[0] == [str(FIRST), str(FIRST + 1)]


def test_nothing_is_ever_rewritten(three, tmp_path):
    ledger, _ = three
    files = list((tmp_path / "ledger/vintages").iterdir())
    before = {file.name: (file.stat().st_mtime_ns, file.stat().st_ino) for file in files}
    ledger.add(numbered(7))
    ledger.add(numbered(1))
    assert all((file.stat().st_mtime_ns, file.stat().st_ino) == before[file.name] for file in files)


def test_any_changed_byte_is_named(three, tmp_path):
    ledger, digests = three
    for step, digest in zip((3, 17, 17), digests, strict=True):
        file = tmp_path / f"ledger/vintages/{digest}.parquet"
        whole = file.read_bytes()
        for place in range(0, len(whole), step):
            changed = bytearray(whole)
            changed[place] ^= 1 << place % 8
            file.write_bytes(changed)
            found, damage = read(ledger)
            assert len(found) == 2
            assert [str(error).split(" is damaged")[0] for error in damage.files] == [str(file)]
        file.write_bytes(whole[:-1])
        assert len(read(ledger)[1].files) == 1
        file.write_bytes(whole)
    assert not read(ledger)[1]


def test_a_damaged_forecast_may_be_added_again(three, tmp_path):
    ledger, digests = three
    file = tmp_path / f"ledger/vintages/{digests[1]}.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    again = ledger.add(numbered(1))
    assert again.is_new
    assert again.digest != digests[1]
    assert len(again.damaged) == 1
    found, damage = read(ledger)
    assert found == [str(FIRST + k) for k in range(3)]
    assert len(damage.files) == 1


def test_a_removed_file_shows_unless_it_is_a_head(three, tmp_path):
    ledger, digests = three
    (tmp_path / f"ledger/vintages/{digests[0]}.parquet").unlink()
    _, damage = read(ledger)
    assert damage.missing == [str(tmp_path / f"ledger/vintages/{digests[0]}.parquet")]
    assert "is missing: a later file lists it" in damage.sentences[0]
    (tmp_path / f"ledger/vintages/{digests[2]}.parquet").unlink()
    assert len(read(ledger)[1].missing) == 1
    assert ledger.without([f"vintages/{digests[2]}", f"vintages/{digests[1]}"]) == (f"vintages/{digests[2]}",)


def test_a_newer_ledger_is_refused(three, tmp_path):
    ledger, _ = three
    newer = VintageFacts.model_validate({**numbered(0).facts.model_dump(), "schema_version": 2})
    data = table_bytes(pa.table({"unique_id": ["a"]}), newer)
    (tmp_path / f"ledger/vintages/{digest_of(data)}.parquet").write_bytes(data)
    for act in (lambda: ledger.add(numbered(5)), lambda: read(ledger)):
        with pytest.raises(StorageError, match="has schema version 2, and this program reads up to 1"):
            act()


def test_a_changed_byte_is_no_newer_version_and_no_other_unit(three, tmp_path):
    """Footers are read before the whole file is: what they seem to say counts only where the file is whole."""
    ledger, digests = three
    for told in ({"schema_version": 2}, {"unit": "DUR"}, {"weights": {"fwow": 1.0}}):
        changed = VintageFacts.model_validate({**numbered(1).facts.model_dump(), **told})
        data = table_bytes(numbered(1).to_arrow(), changed)
        (tmp_path / f"ledger/vintages/{digests[1]}.parquet").write_bytes(data)
        ledger.check_fits("EUR", "D", ["flow"], {})
        found, damage = read(ledger)
        assert len(found) == 2
        assert digests[1] in str(damage.files[0])


def test_forecasts_on_the_same_data_stand_in_the_order_in_which_they_were_added(ledger):
    values = [5.0, 9.0, 1.0, 7.0, 3.0, 8.0]
    added = [ledger.add(vintage("2024-01-31", {"flow": np.full(3, value)})).digest for value in values]
    ledger.add(vintage("2024-01-24", {"flow": np.full(3, 2.0)}))
    assert ledger.digests()[1:] == added
    assert [one.y_hat[0] for _, one in ledger.vintages(Damage())] == [2.0, *values]


def test_series_of_earlier_forecasts_are_listed(ledger):
    first = ledger.add(vintage("2024-01-31", {"a": np.ones(3), "b": np.ones(3)})).digest
    second = ledger.add(vintage("2024-02-07", {"a": np.ones(3), "c": np.ones(3)})).digest
    assert {uid: (one.target, digest) for uid, (one, digest) in ledger.listed().items()} == {
        "a": ("flow", second),
        "b": ("flow", first),
        "c": ("flow", second),
    }


@pytest.mark.parametrize("gone", [(1,), (1, 3), (1, 2, 3), (0, 2)])
@pytest.mark.parametrize("removed", [False, True])
def test_the_last_word_stays_the_last_where_a_table_is_gone(ledger, tmp_path, gone, removed):
    added = [ledger.add_actuals(reported({"flow": np.array([1.0 + k])}, "2024-02-01")).digest for k in range(5)]
    for k in gone:
        file = tmp_path / f"ledger/actuals/{added[k]}.parquet"
        data = file.read_bytes()
        file.unlink()
        if not removed:
            file.write_bytes(data[:-3])
    damage = Damage()
    assert [table.y[0] for table in ledger.actuals(damage)] == [1.0 + k for k in range(5) if k not in gone]
    assert damage
    last = ledger.add_actuals(reported({"flow": np.array([0.5])}, "2024-02-01")).digest
    assert ledger.actuals(Damage())[-1].y[0] == 0.5
    assert f"actuals/{last}" in ledger.heads()


def test_forecasts_of_another_kind_are_refused(three):
    ledger, _ = three
    other = vintage("2024-03-01", {"flow": np.ones(2)}, unit="USD")
    with pytest.raises(ConfigError, match="the unit of its forecasts: EUR; this one has USD: give this forecast an"):
        ledger.add(other)
    with pytest.raises(ConfigError, match="the targets of its forecasts: flow; this one has in, out"):
        ledger.check_fits("EUR", "D", ["out", "in"], {})
    with pytest.raises(ConfigError, match="the periods of its forecasts: days; this one has work days: give"):
        ledger.check_fits("EUR", "B", ["flow"], {})
    with pytest.raises(ConfigError, match="units of entities of its forecasts: none; this one has given"):
        ledger.check_fits("EUR", "D", ["flow"], {"flow": "JPY"})
    assert len(ledger.facts()) == 3


def test_an_entity_keeps_its_unit(ledger):
    ledger.add(vintage("2024-03-01", {"a": np.ones(2)}, unit=None, units={"a": "EUR"}))
    ledger.check_fits(None, "D", ["flow"], {"b": "JPY"})
    with pytest.raises(ConfigError, match="the unit of a of its forecasts: EUR; this one has JPY"):
        ledger.check_fits(None, "D", ["flow"], {"a": "JPY"})


def test_actual_values_are_kept_with_their_revisions(ledger):
    first = reported({"flow": np.array([1.0, 2.0])}, "2024-02-01")
    second = reported({"flow": np.array([1.0, 2.5])}, "2024-02-01")
    assert [ledger.add_actuals(table).is_new for table in (first, first, second, first)] == [True, False, True, True]
    assert [list(table.y) for table in ledger.actuals(Damage())] == [[1.0, 2.0], [1.0, 2.5], [1.0, 2.0]]


def _adds(place, numbers):
    ledger = Ledger(place)
    for k in numbers:
        ledger.add(numbered(k))


@pytest.mark.timeout(300)
def test_two_writers_lose_nothing_over_two_hundred_additions(tmp_path):
    place, context = str(tmp_path / "ledger"), multiprocessing.get_context("spawn")
    shares = (range(110), range(90, 200))  # twenty forecasts are added by both
    writers = [context.Process(target=_adds, args=(place, share)) for share in shares]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found, damage = read(Ledger(place))
    assert found == [str(FIRST + k) for k in range(200)]
    assert not damage
    Ledger(place).add(numbered(500))
    assert len(Ledger(place).heads()) == 1


@pytest.mark.parametrize("power", [False, True])
def test_a_kill_at_any_moment_leaves_a_valid_ledger(power):
    """One of two writers dies before its n-th call to the disk, for every n; then, maybe, the power fails."""
    died = 0
    for calls in range(60):
        world = World(calls)
        disk, done = VirtualDisk(world), []

        def act(numbers, done=done):
            for k in numbers:
                Ledger("/run/ledger").add(numbered(k))
                done.append(k)

        with patch("cluster.rundir.storage.DISK", disk):
            victim = Program(world, "victim", Host("a"))
            victim.calls_left = calls
            world.spawn(victim, lambda act=act: act([0, 1]))
            world.spawn(Program(world, "other", Host("b")), lambda act=act: act([2, 3]))
            world.run()
            died += not victim.alive
            if power:
                disk.power_failure()
            after = Program(world, "reader", Host("c"))
            seen = []
            world.spawn(after, lambda seen=seen: seen.append(read(Ledger("/run/ledger"))))
            world.run()
        assert world.error is None
        found, damage = seen[0]
        assert not damage.files, calls
        assert set(found) >= {str(FIRST + k) for k in done}, calls
        if not power:
            assert not damage.missing
    assert died > 15
