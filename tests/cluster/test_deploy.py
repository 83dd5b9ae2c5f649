"""Deployment files: the launcher's against Ray's own schema, the manifests for what the README promises of them."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from cluster.config import load_config

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "configs/deploy"


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def test_the_launcher_file_follows_rays_schema():
    import ray.autoscaler
    from jsonschema import validate

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    cluster = read("ray-cluster.yaml")
    validate(cluster, schema)
    assert any("--num-cpus=0" in command for command in cluster["head_start_ray_commands"])
    commands = cluster["head_start_ray_commands"] + cluster["worker_start_ray_commands"]
    assert all("RAY_AUTH_MODE=token" in command for command in commands if "ray start" in command)


def test_the_cluster_manifest_has_an_idle_head_tokens_and_both_kinds_of_workers():
    manifest = read("raycluster.yaml")
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayCluster")
    spec = manifest["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    groups = {group["groupName"]: group for group in spec["workerGroupSpecs"]}
    for name, group in groups.items():
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (name == "gpu")
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_job_manifest_runs_a_bundled_configuration_on_that_cluster():
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"]["clusterSelector"]["ray.io/cluster"] == read("raycluster.yaml")["metadata"]["name"]
    words = job["spec"]["entrypoint"].split()
    assert words[:2] == ["tidecast", "run"]
    load_config(words[2])
    assert words[words.index("--run-dir") + 1].startswith("/runs/")
    yaml.safe_load(job["spec"]["runtimeEnvYAML"])


def stages():
    """The instructions of each stage of the image, without comments."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    return [part.splitlines() for part in re.split(r"^(?=FROM )", "\n".join(lines), flags=re.MULTILINE)]


def test_the_image_is_made_of_the_wheel_and_of_nothing_else():
    arguments, build, image = stages()
    assert arguments == ["ARG BASE=python:3.11-slim"]
    assert build[0] == "FROM ${BASE} AS build"
    assert build[-1].endswith(" --no-deps --wheel-dir /dist .")
    assert [line for line in image if line.startswith(("COPY", "ADD"))] == ["COPY --from=build /dist /dist"]
    assert "RUN python -m pip install --no-cache-dir /dist/*.whl && rm -r /dist" in image
    assert image.index("USER ray") > image.index("COPY --from=build /dist /dist")
    assert json.loads(image[-1].removeprefix("CMD ")) == ["tidecast", "--help"]


def test_the_image_copies_what_the_wheel_is_built_from():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"}
    needed |= set(project["project"]["license-files"])
    copied = {
        name for line in stages()[1] if line.startswith("COPY") for name in line.split()[1:-1]
    }  # fmt: skip
    assert copied == needed
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize(
    "name", ["runtime-env.yaml", "ray-cluster.yaml", "raycluster.yaml", "rayjob.yaml", "Dockerfile"]
)
def test_each_file_says_what_was_run_of_it(name):
    header = "".join(line for line in (DEPLOY / name).read_text().splitlines(True) if line.startswith("#")).lower()
    assert "validated" in header or "run on a local head" in header or "not built" in header
