import pytest

from cluster.config import ClusterConfig
from cluster.execution import resources
from cluster.execution.resources import ClusterResources, Node, choose_device, free_memory, slots_for
from forecasting.errors import ConfigError


def test_without_gpus_workers_have_the_cpus():
    found = slots_for(ClusterConfig(), ClusterResources((Node(8, 0),)), "cpu")
    assert (found.workers, found.tasks, found.shared) == (8, 8, True)
    assert found.n_places == 8


@pytest.mark.parametrize(("share", "workers"), [(1, 2), (0.5, 4), (0.25, 8), (0.125, 16)])
def test_a_gpu_is_divided_as_configured(share, workers):
    found = slots_for(ClusterConfig(gpus_per_worker=share), ClusterResources((Node(32, 2),)), "cuda")
    assert (found.workers, found.tasks, found.shared) == (workers, 32 - workers, False)


def test_workers_are_counted_node_by_node():
    nodes = (Node(2, 1), Node(64), Node(1, 4))
    found = slots_for(ClusterConfig(gpus_per_worker=0.25), ClusterResources(nodes), "cuda")
    assert (found.workers, found.tasks) == (3, 64), "a GPU without CPUs, and CPUs without a GPU, make no worker"
    assert slots_for(ClusterConfig(cpus_per_worker=4), ClusterResources((Node(6), Node(6))), "cpu").workers == 2


@pytest.mark.parametrize(("share", "held"), [(1, 24 * 1024 - 600), (0.25, 6 * 1024 - 600)])
def test_a_worker_holds_its_share_of_the_smallest_gpu_that_has_workers(share, held):
    nodes = (Node(8, 2, 80 << 30), Node(8, 1, 24 << 30), Node(0, 1, 4 << 30))
    found = slots_for(ClusterConfig(gpus_per_worker=share), ClusterResources(nodes), "cuda")
    assert found.gpu_memory == held << 20


def test_no_share_of_a_gpu_is_asked_for_where_none_is_used():
    quarter = ClusterConfig(gpus_per_worker=0.25)
    assert slots_for(quarter, ClusterResources((Node(4),)), "cpu").workers == 4
    assert slots_for(quarter, ClusterResources((Node(4, 1),)), "cpu").gpus_per_worker == 0, "torch cannot use it"
    named = ClusterConfig(gpus_per_worker=0.25, device="cpu")
    assert slots_for(named, ClusterResources((Node(4),)), "cpu").workers == 4
    assert slots_for(named, ClusterResources((Node(4, 2),)), "cpu").gpus_per_worker == 0.25, "as it is told to"


def test_cuda_without_a_gpu_is_refused():
    with pytest.raises(ConfigError, match=r"cluster\.device is cuda, and no GPU was found: set it to auto"):
        choose_device(ClusterConfig(device="cuda"), 0)
    assert choose_device(ClusterConfig(device="cuda"), 1) == "cuda"


def test_more_cpus_per_worker_than_there_are_is_refused_with_the_numbers():
    with pytest.raises(ConfigError, match=r"4 CPU and 0 GPU.*has 2 CPU and 0 GPU"):
        slots_for(ClusterConfig(cpus_per_worker=4), ClusterResources((Node(2, 0),)), "cpu").check(True, True)


def test_the_number_of_workers_can_be_capped():
    assert slots_for(ClusterConfig(workers=1), ClusterResources((Node(2, 0),)), "cpu").tasks == 1


def test_device():
    assert choose_device(ClusterConfig(), 0) == "cpu"
    assert choose_device(ClusterConfig(), 2) == "cuda"
    assert choose_device(ClusterConfig(device="cpu"), 2) == "cpu"
    assert choose_device(ClusterConfig(gpus_per_worker=0), 2) == "cpu"


def test_a_container_limits_the_free_memory(monkeypatch, tmp_path):
    for name, text in (("max", "3000\n"), ("current", "2500\n"), ("stat", "anon 1900\ninactive_file 600\n")):
        (tmp_path / name).write_text(text)
    limited = tuple(str(tmp_path / name) for name in ("max", "current", "stat"))
    monkeypatch.setattr(resources, "CONTAINERS", (tuple(str(tmp_path / "none") for _ in range(3)), limited))
    assert free_memory() == 3000 - 2500 + 600
    (tmp_path / "max").write_text("max\n")
    assert free_memory() == resources._available()
