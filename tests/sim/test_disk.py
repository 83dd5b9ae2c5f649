"""The virtual disk loses in a power failure what a real one may lose, and nothing that was synced."""

from pathlib import Path

import pytest

from tests.sim.disk import VirtualDisk
from tests.sim.world import Host, Program, World

NAME = Path("/run/x")


@pytest.fixture
def worlds():
    """Run a task in each of many worlds; gives what is at NAME after a power failure, None where nothing is."""

    def worlds(act, n=60):
        found = []
        for seed in range(n):
            world = World(seed)
            disk = VirtualDisk(world)
            world.spawn(Program(world, "writer", Host("a")), lambda disk=disk: act(disk))
            world.run()
            disk.power_failure()
            inode = disk.names_now.get(str(NAME))
            found.append(None if inode is None else inode.data)
        return found

    return worlds


def write(disk, *, sync, sync_folder):
    disk.make_folder(NAME.parent)
    disk.make_new(NAME.with_name("t"))
    disk.write(NAME.with_name("t"), b"0123456789")
    if sync:
        disk.sync(NAME.with_name("t"))
    disk.rename(NAME.with_name("t"), NAME)
    if sync_folder:
        disk.sync_folder(NAME.parent)


def test_what_is_synced_is_kept(worlds):
    assert set(worlds(lambda disk: write(disk, sync=True, sync_folder=True))) == {b"0123456789"}


def test_a_name_that_is_not_synced_may_be_lost(worlds):
    assert set(worlds(lambda disk: write(disk, sync=True, sync_folder=False))) == {None, b"0123456789"}


def test_content_that_is_not_synced_may_be_torn(worlds):
    assert len(set(worlds(lambda disk: write(disk, sync=False, sync_folder=True)))) > 3


def test_another_host_sees_a_new_name_late():
    world = World(1)
    disk = VirtualDisk(world)
    disk.late, disk.slow = 3.0, 0.0
    seen = []

    def look():
        seen.append((disk.is_file(NAME), disk.names(NAME.parent)))

    for name in "ab":
        host = Host(name)
        if name == "a":
            world.spawn(Program(world, name, host), lambda: write(disk, sync=True, sync_folder=True))
        for second in (1.0, 4.0):
            world.spawn(Program(world, name, host), look, second)
    world.run()
    assert seen.count((True, ["x"])) == 3
    assert seen.count((False, [])) == 1
