"""The ways to run a network, and a short measurement that finds the quickest on this machine.

Eager torch leaves half of a ResNet's arithmetic unused on a CPU; ONNX Runtime does not, but is
slower for transformers: so it is measured, once for each network and machine, and kept. A way whose
vectors are not those of eager torch, to 1e-4 in cosine, is not taken. On a CPU every batch runs in
one thread, and several batches side by side (`parallel`); what is measured is CPU seconds, which a
busy machine does not change.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Backend = Callable[[torch.Tensor], torch.Tensor]
"""(m, 3, side, side) float32 on the network's device to (m, d) float."""

LARGEST_DISTANCE = 1e-4
"""How far (1 - cosine) a vector may lie from eager torch's."""
CPU_BATCH = 8
GPU_BATCHES = (32, 64, 128, 256, 512, 1024)
WORTH_MEASURING_S = 60.0
"""Less work than this, in CPU seconds, is done before the measurement would pay."""
CPU_WAYS = ("channels_last", "onnxruntime")


def make_backend(
    name: str,
    network: torch.nn.Module,
    device: torch.device,
    example: torch.Tensor | None = None,
    key: str = "",
) -> Backend:
    """The way of that name: eager, channels_last, half (a GPU's) or onnxruntime.

    ``example`` and ``key`` are needed for onnxruntime only, which works on a translated copy of
    the network that is kept in the cache. Raises what torch or ONNX Runtime raise when they cannot.
    """
    if name == "onnxruntime":
        assert example is not None
        return _onnxruntime(network, example, key)
    if name == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        return lambda images: network(images.contiguous(memory_format=torch.channels_last))
    if name == "half":
        network = network.to(memory_format=torch.channels_last)

        def half(images: torch.Tensor) -> torch.Tensor:
            images = images.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=torch.float16):
                vectors: torch.Tensor = network(images)
            return vectors

        return half
    if name != "eager":
        raise KeyError(name)
    return lambda images: network(images.contiguous())


def choose_backend(
    network: torch.nn.Module,
    device: torch.device,
    images: torch.Tensor,
    count: int,
    cores: int,
    key: str,
) -> dict[str, Any]:
    """The way worth taking for ``count`` images, by a short measurement on ``images``.

    Returns {"backend", "batch_images", "device", "precision", "seconds_an_image"}.
    """
    kept = _kept().get(_machine_key(key, device))
    if kept is not None:
        return dict(kept)
    if device.type == "cuda":
        chosen = _choose_on_gpu(network, device, images)
    else:
        chosen = _choose_on_cpu(network, device, images, count, key)
        if not chosen.pop("measured"):
            return chosen
    _keep(_machine_key(key, device), chosen)
    return chosen


def _choose_on_cpu(
    network: torch.nn.Module, device: torch.device, images: torch.Tensor, count: int, key: str
) -> dict[str, Any]:
    images = images[:CPU_BATCH]
    eager = make_backend("eager", network, device)
    expected = eager(images)
    seconds = _cpu_seconds(eager, images)
    best, measured = "eager", count * seconds > WORTH_MEASURING_S
    for way in CPU_WAYS if measured else ():
        try:
            backend = make_backend(way, network, device, images[:2], key)
            same = _distance(backend(images), expected) <= LARGEST_DISTANCE
            taken = _cpu_seconds(backend, images)
        except Exception:  # what a network cannot be translated into is many kinds of error
            continue
        if same and taken < seconds:
            best, seconds = way, taken
    network.to(memory_format=torch.contiguous_format)
    return {
        "backend": best,
        "batch_images": CPU_BATCH,
        "device": device.type,
        "precision": "float32",
        "seconds_an_image": round(seconds, 5),
        "measured": measured,
    }


def _choose_on_gpu(
    network: torch.nn.Module, device: torch.device, images: torch.Tensor
) -> dict[str, Any]:
    """Half precision where its vectors agree; the batch after which a larger one gains nothing."""
    expected = make_backend("eager", network, device)(images)
    half = make_backend("half", network, device)
    # Half precision rounds to three digits; what it may cost is a neighbour in some thousand.
    way = "half" if _distance(half(images).float(), expected) <= 10 * LARGEST_DISTANCE else "eager"
    backend = half if way == "half" else make_backend("eager", network, device)
    best_batch, best_rate = GPU_BATCHES[0], 0.0
    for batch in GPU_BATCHES:
        repeats = -(-batch // len(images))
        try:
            many = images.repeat(repeats, 1, 1, 1)[:batch]
            backend(many)
            torch.cuda.synchronize(device)
            started = time.perf_counter()
            backend(many)
            torch.cuda.synchronize(device)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
        rate = batch / (time.perf_counter() - started)
        if rate < 1.05 * best_rate:
            break
        best_batch, best_rate = batch, rate
    return {
        "backend": way,
        "batch_images": best_batch,
        "device": device.type,
        "precision": "float16" if way == "half" else "float32",
        "seconds_an_image": round(1.0 / max(best_rate, 1e-9), 7),
    }


def _cpu_seconds(backend: Backend, images: torch.Tensor) -> float:
    backend(images[:1])
    started = time.thread_time()
    backend(images)
    return (time.thread_time() - started) / len(images)


def _distance(vectors: torch.Tensor, expected: torch.Tensor) -> float:
    cosine = torch.nn.functional.cosine_similarity(vectors.double(), expected.double())
    return float((1.0 - cosine).max())


def _onnxruntime(network: torch.nn.Module, example: torch.Tensor, key: str) -> Backend:
    import onnxruntime

    file = cache_folder() / "onnx" / f"{_digest(key, torch.__version__)}.onnx"
    if not file.is_file():
        _translate(network.to(memory_format=torch.contiguous_format), example, file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(images: torch.Tensor) -> torch.Tensor:
        (vectors,) = session.run(None, {"images": images.contiguous().numpy()})
        return torch.from_numpy(vectors)

    return run


def _translate(network: torch.nn.Module, example: torch.Tensor, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The older exporter: the newer takes half a minute for a ResNet-50, to the same graph.
            torch.onnx.export(
                network,
                (example.contiguous(),),
                str(beside),
                dynamo=False,
                input_names=["images"],
                output_names=["vectors"],
                dynamic_axes={"images": {0: "batch"}, "vectors": {0: "batch"}},
            )
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


# -- what is kept on this machine


def cache_folder() -> Path:
    """Where measurements and translated networks are kept; may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "coldstart"


def _kept() -> dict[str, Any]:
    try:
        content = json.loads((cache_folder() / "backends.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _keep(key: str, chosen: dict[str, Any]) -> None:
    file = cache_folder() / "backends.json"
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(_kept() | {key: chosen}, indent=1), encoding="utf-8")
        os.replace(beside, file)
    except OSError:
        beside.unlink(missing_ok=True)  # it will be measured again


def _machine_key(key: str, device: torch.device) -> str:
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    return _digest(key, torch.__version__, where, os.cpu_count())


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
