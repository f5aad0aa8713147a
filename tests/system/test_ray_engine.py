"""Extraction on a Ray cluster of two workers: the local matrix, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray
import safetensors.torch
import timm
import torch
from PIL import Image
from ray.cluster_utils import Cluster

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.extract import ImageToEmbed, extract
from coldstart.embeddings.ray_engine import encode_on_ray


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head without cores and two worker nodes of one core each."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def test_two_workers_make_the_local_matrix(cluster: Cluster, tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), weights)
    images = []
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        path = tmp_path / f"bild-{number:03}-\udcff.png"  # a name that is no text
        Image.fromarray(pixels).save(path, format="PNG")
        images.append(ImageToEmbed(number, f"hash {number}", path))
    images[7].path.write_bytes(b"")
    reports = {
        "here": extract(make_encoder("timm:test_resnet", weights), images, tmp_path / "here"),
        "ray": extract(
            make_encoder("timm:test_resnet", weights),
            images,
            tmp_path / "ray",
            engine=encode_on_ray,
        ),
    }
    assert reports["ray"] == reports["here"]
    assert reports["ray"].images == 39
    for name in ("vectors.npy", "rows.parquet"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert len(ray.nodes()) == 3
