"""The same extraction on a Ray cluster, through Ray Data (Moritz et al. 2018).

Every worker gets the encoder once and takes whole batches, cut as the local engine cuts them, with
one thread each; they come back in order. So the matrix is the one this machine alone would make, on
machines of the same kind. Images and weights must lie at the same paths for every worker, as on a
shared disk.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coldstart.embeddings.encoders import Encoder
from coldstart.embeddings.engines import EncodedBatch, ImageToEmbed, encode_batch
from coldstart.errors import ColdstartError


def encode_on_ray(
    encoder: Encoder, batches: Iterable[Sequence[ImageToEmbed]]
) -> Generator[EncodedBatch]:
    """Encode batches on the cluster that ``RAY_ADDRESS`` names, else on one made of this machine.

    Raises
    ------
    ColdstartError : Ray is not installed, or the cluster cannot be reached.
    """
    ray = _connected()
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    gpus = int(ray.cluster_resources().get("GPU", 0)) if getattr(encoder, "on_gpu", False) else 0
    rows = [{"batch": number, "images": _packed(batch)} for number, batch in enumerate(batches)]
    if not rows:
        return
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    workers = min(len(rows), gpus or cores)
    # One batch a block: results arrive one by one, and a lost worker costs one batch.
    work = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _Worker,
        fn_constructor_args=(ray.put(encoder),),
        concurrency=workers,
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    try:
        for row in work.iter_rows():
            yield _unpacked(row)
    except ray.exceptions.RayError as error:
        raise ColdstartError(
            f"The Ray cluster gave up: {_first_line(error)}.",
            "Look at the cluster's own page; run it again to go on where it stopped.",
        ) from error


class _Worker:
    """Holds the encoder in one process of the cluster."""

    def __init__(self, encoder: Any) -> None:
        import ray
        import torch

        torch.set_num_threads(1)
        self._encoder = ray.get(encoder) if isinstance(encoder, ray.ObjectRef) else encoder

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        from coldstart.embeddings.encoders.parallel import single_threaded

        images = [ImageToEmbed(i, h, Path(os.fsdecode(p))) for i, h, p in row["images"]]
        with single_threaded():
            encoded = encode_batch(self._encoder, images)
        return {
            "batch": row["batch"],
            "vectors": encoded.vectors.tobytes(),
            "dimension": encoded.vectors.shape[1],
            "hashes": encoded.hashes,
            "unreadable": list(encoded.unreadable.items()),
        }


def _packed(batch: Sequence[ImageToEmbed]) -> list[tuple[int, str, bytes]]:
    # As bytes: a file name need not be text.
    return [(i.image_id, i.content_hash, os.fsencode(i.path.absolute())) for i in batch]


def _unpacked(row: dict[str, Any]) -> EncodedBatch:
    vectors = np.frombuffer(row["vectors"], np.float32).reshape(-1, int(row["dimension"]))
    unreadable = {str(key): str(reason) for key, reason in row["unreadable"]}
    return EncodedBatch(vectors, [str(one) for one in row["hashes"]], unreadable)


def _connected() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ColdstartError(
            "The engine `ray` needs the package ray.", "Install it: pip install 'coldstart[ray]'."
        ) from error
    if ray.is_initialized():
        return ray
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ColdstartError(
            f"The Ray cluster at {os.environ.get('RAY_ADDRESS', 'this machine')} cannot be "
            f"reached: {_first_line(error)}.",
            "Check RAY_ADDRESS, or leave out --engine ray.",
        ) from error
    return ray


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
