import pytest

from cluster.execution.described import described
from cluster.execution.resources import Node
from forecasting.errors import ConfigError


def test_each_kind_of_node_is_described_once():
    found = described(["gpus=8,gpu_memory=80,cpus=128,nodes=2", " cpus=64"])
    assert found.nodes == (Node(128, 8, 80 << 30), Node(128, 8, 80 << 30), Node(64))
    assert (found.cpus, found.gpus) == (320, 16)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cpu=3", "'cpu=3' is none of its parts: write cpus, gpus, gpu_memory, nodes as KEY=NUMBER"),
        ("cpus", "'cpus' is none of its parts"),
        ("", "'' is none of its parts"),
        ("cpus=4,", "'' is none of its parts"),
        ("cpus=0", "cpus is '0', and must be a whole number above 0"),
        ("cpus=-1", "cpus is '-1', and must be"),
        ("cpus=2.5", "cpus is '2.5', and must be a whole number"),
        ("cpus=many", "cpus is 'many'"),
        ("cpus=nan", "cpus is 'nan'"),
        ("cpus=inf", "cpus is 'inf'"),
        ("cpus=1e9", "at most 10,000"),
        ("cpus=4,cpus=5", "cpus stands twice: give the option once more"),
        ("gpus=2,gpu_memory=0,cpus=4", "gpu_memory is '0', and must be a number above 0"),
        ("gpus=2,gpu_memory=80", "a node without CPUs can do nothing: add cpus=N"),
        ("gpus=2,cpus=4", "GPUs and their memory belong together: add gpu_memory=GIB"),
        ("gpu_memory=80,cpus=4", "GPUs and their memory belong together: add gpus=N"),
    ],
)
def test_anything_else_is_refused_with_what_was_given(text, said):
    with pytest.raises(ConfigError) as refused:
        described(["cpus=1", text])
    assert str(refused.value).startswith(f"--resources {text}")
    assert said in str(refused.value)


def test_more_nodes_than_a_plan_holds_are_refused():
    with pytest.raises(ConfigError, match="12,000 nodes are more than the 10,000"):
        described(["cpus=1,nodes=6000"] * 2)
