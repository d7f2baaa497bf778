"""Figures that have to fit each other: memory, disks, GPUs."""

import pytest

from app.settings import Settings
from services.devices.fleet import chunk_bytes_for, window_chunks_for
from services.devices.names import DeviceName
from services.engine.state import HANDED_OVER_CHUNKS
from tests.kubernetes.manifests import (
    RENDERED,
    Manifest,
    container,
    only,
    pod,
    quantity,
    settings_text,
)
from tests.kubernetes.test_replica import settings_of

# docs/operation.md: the process itself, and beside GPUs a worker with torch and CUDA loaded.
PROCESS_BYTES = 250 * 2**20
GPU_WORKER_BYTES = 4 * 2**30

every = pytest.mark.parametrize("name", RENDERED)


def device_of(name: str) -> DeviceName:
    """What makes the chunks of a replica."""
    return DeviceName("cuda", 0) if "nvidia.com/gpu" in limits_of(name) else DeviceName("cpu")


def limits_of(name: str) -> Manifest:
    """The container's limits."""
    limits: Manifest = container(name)["resources"]["limits"]
    return limits


def memory_bytes(settings: Settings, device: DeviceName, *, threads: int) -> int:
    """Memory as docs/operation.md counts it, with one tensor in the making that fills the cache."""
    window_chunks = settings.window_chunks or window_chunks_for([device], threads=threads)
    chunk_bytes = settings.chunk_bytes or chunk_bytes_for([device])
    streams_bytes = settings.limit_streams * (window_chunks + HANDED_OVER_CHUNKS) * chunk_bytes
    worker_bytes = GPU_WORKER_BYTES if device.kind == "cuda" else 0
    whole_bytes = 2 * settings.cache_whole_tensor_bytes
    return PROCESS_BYTES + worker_bytes + streams_bytes + whole_bytes


def data_volume(name: str) -> Manifest:
    """What is behind the data directory."""
    (volume,) = (one for one in pod(name)["spec"]["volumes"] if one["name"] == "data")
    assert isinstance(volume, dict)
    return volume


@every
def test_memory_is_enough_for_all_streams(name: str) -> None:
    """With the threads and the devices that a replica has."""
    threads = int(container(name)["resources"]["requests"]["cpu"])
    needed = memory_bytes(settings_of(name), device_of(name), threads=threads)
    assert quantity(limits_of(name)["memory"]) >= needed


@every
def test_checkpoints_fit_their_volume(name: str) -> None:
    """A tenth more than the quota, for what is not counted: a pod that writes more is evicted."""
    volume = data_volume(name)
    if "emptyDir" in volume:
        there = quantity(volume["emptyDir"]["sizeLimit"])
    else:
        claim = only(name, "PersistentVolumeClaim")
        assert claim["metadata"]["name"] == volume["persistentVolumeClaim"]["claimName"]
        there = quantity(claim["spec"]["resources"]["requests"]["storage"])
    settings = settings_of(name)
    assert there >= 1.1 * settings.checkpoint_cache_bytes
    assert settings.limit_checkpoint_bytes <= settings.checkpoint_cache_bytes


@every
def test_nodes_are_asked_for_the_disk_of_volumes(name: str) -> None:
    """Each emptyDir is the node's disk."""
    volumes = pod(name)["spec"]["volumes"]
    sizes = [quantity(one["emptyDir"]["sizeLimit"]) for one in volumes if "emptyDir" in one]
    assert quantity(container(name)["resources"]["requests"]["ephemeral-storage"]) >= sum(sizes)


def test_a_gpu_is_asked_for_and_used() -> None:
    """On a node that has one, in an image that can."""
    spec = pod("overlays/gpu")["spec"]
    assert limits_of("overlays/gpu")["nvidia.com/gpu"] == "1"
    assert settings_text("overlays/gpu")["WEIGHTBANK_DEVICES"] == "auto"
    assert container("overlays/gpu")["image"].endswith("-gpu")
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    (toleration,) = spec["tolerations"]
    assert (toleration["key"], toleration["effect"]) == ("nvidia.com/gpu", "NoSchedule")
    others = [name for name in RENDERED if name != "overlays/gpu"]
    assert all(settings_text(name)["WEIGHTBANK_DEVICES"] == "cpu" for name in others)


def test_a_single_replica_never_shares_its_volume() -> None:
    """SQLite on a volume: the old one has gone before the new one comes."""
    deployment = only("overlays/minimal", "Deployment")["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    environment = {one["name"] for one in container("overlays/minimal")["env"]}
    assert "WEIGHTBANK_DATABASE_URL" not in environment
    assert "persistentVolumeClaim" in data_volume("overlays/minimal")
