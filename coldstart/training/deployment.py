"""A classifier that runs elsewhere: from pixels to probabilities in one module, as torch and ONNX.

What is written is run once and compared with what it was made from, or it is not written.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.errors import ColdstartError
from coldstart.training.finetune_network import ClassNetwork, put_probe
from coldstart.training.network_files import replace_file
from coldstart.training.probe import Probe
from coldstart.training.scorers import VOTE_FLOOR, VOTE_TEMPERATURE, LinearScorer, NeighbourScorer

LARGEST_DIFFERENCE = 1e-4
"""How far a probability may lie from that of the network it was exported from."""
DEPLOYED_BATCH = 16


@dataclass(frozen=True, eq=False)
class Deployable:
    """What an export is made of: logits of scaled images, how images are cut, and the classes."""

    network: torch.nn.Module
    cropping: Cropping
    class_names: tuple[str, ...]
    learned_here: bool = False
    """Whether it is the encoder `folder`, which enlarges an image otherwise than it reduces one,
    and whose trace has the number of images built in."""

    def module(self) -> Deployed:
        """Everything but reading and cutting the image."""
        return Deployed(self.network, self.cropping).eval().requires_grad_(False).cpu()

    def described(self, batch_images: int) -> dict[str, Any]:
        """What `standalone.predict` reads from ``model.json``."""
        cut = asdict(self.cropping) | {"read_at_least": self.read_at_least}
        if self.learned_here:
            cut["enlarge_bicubic"] = True
        return {
            "class_names": list(self.class_names),
            "preprocessing": cut,
            "batch_images": batch_images,
            "input": "images: (n, 3, side, side) float32, RGB from 0 to 1",
            "output": "probabilities: (n, classes) float32, rows add up to 1",
        }

    @property
    def read_at_least(self) -> int:
        return 2 * self.cropping.side if self.learned_here else self.cropping.read_at_least


class Deployed(torch.nn.Module):
    """(n, 3, side, side) float32 from 0 to 1 to (n, k) probabilities."""

    def __init__(self, network: torch.nn.Module, cropping: Cropping) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(cropping.mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(cropping.deviation)[:, None, None])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network((images - self.mean) / self.deviation), dim=1)


class NeighbourLayer(torch.nn.Module):
    """`NeighbourScorer` as a layer: (n, d) unit vectors to (n, k) log shares of the votes."""

    def __init__(self, scorer: NeighbourScorer, temperature: float) -> None:
        super().__init__()
        vectors = np.asarray(scorer.vectors, dtype=np.float32)
        self.register_buffer("vectors", torch.from_numpy(vectors))
        member = np.eye(scorer.count, dtype=np.float32)[np.asarray(scorer.classes)]
        self.register_buffer("member", torch.from_numpy(member))  # (labels, k)
        self.voters = min(scorer.neighbours, len(vectors))
        self.temperature = temperature

    def forward(self, unit: torch.Tensor) -> torch.Tensor:
        near, which = torch.topk(unit @ self.vectors.T, self.voters, dim=1)
        weights = torch.exp((near - near[:, :1]) / VOTE_TEMPERATURE)  # (n, voters)
        votes = (weights[:, :, None] * self.member[which]).sum(dim=1)
        shares = votes / votes.sum(dim=1, keepdim=True)
        return torch.log(shares + VOTE_FLOOR) / self.temperature


def probe_network(encoder: torch.nn.Module, probe: Probe) -> ClassNetwork:
    """An encoder's network with a probe on top of it."""
    network = ClassNetwork(encoder, probe.scorer.dimension, len(probe.class_names))
    if isinstance(probe.scorer, LinearScorer):
        put_probe(network, probe)
    else:
        assert isinstance(probe.scorer, NeighbourScorer)
        network.last = NeighbourLayer(probe.scorer, probe.temperature)
    return network.eval()


def write_torchscript(model: Deployable, file: Path) -> int:
    """Write the traced module; how many images a batch may hold (see `_largest_batch`)."""
    module = model.module()

    def write(batch: int) -> Any:
        example = _examples(model, batch)
        with torch.no_grad(), _quiet():
            traced = torch.jit.trace(module, example, check_trace=False)
            replace_file(file, lambda beside: torch.jit.save(traced, str(beside)))
            loaded = torch.jit.load(str(file))
        return lambda images: loaded(images).numpy()

    return _largest_batch(model, module, write, "TorchScript", file)


def write_onnx(model: Deployable, file: Path) -> int:
    """Write the module for ONNX Runtime; how many images a batch may hold."""
    import onnxruntime

    module = model.module()

    def write(batch: int) -> Any:
        axes = {"images": {0: "n"}, "probabilities": {0: "n"}} if batch > 1 else None
        with _quiet():
            replace_file(
                file,
                # The older exporter: the newer takes ten times as long, to the same graph.
                lambda beside: torch.onnx.export(
                    module,
                    (_examples(model, batch),),
                    str(beside),
                    dynamo=False,
                    input_names=["images"],
                    output_names=["probabilities"],
                    dynamic_axes=axes,
                ),
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        return lambda images: session.run(None, {"images": images.numpy()})[0]

    return _largest_batch(model, module, write, "ONNX", file)


def write_description(model: Deployable, file: Path, batch_images: int) -> None:
    """Write ``model.json``."""
    text = json.dumps(model.described(batch_images), indent=1, ensure_ascii=False)
    replace_file(file, lambda beside: beside.write_text(text, encoding="utf-8"))


def _largest_batch(model: Deployable, module: Deployed, write: Any, format: str, file: Path) -> int:
    """`DEPLOYED_BATCH`, or 1 where what was traced has the number of images built in.

    Raises ColdstartError when neither says what the network says.
    """
    problem = ""
    for batch in (1,) if model.learned_here else (DEPLOYED_BATCH, 1):
        try:
            run = write(batch)
            for images in [_examples(model, n) for n in ((1, 3) if batch > 1 else (1,))]:
                with torch.no_grad():
                    expected = module(images).numpy()
                difference = float(np.abs(run(images) - expected).max())
                if not difference <= LARGEST_DIFFERENCE:
                    raise ValueError(f"its probabilities differ by {difference:.1g}")
        except Exception as error:  # what cannot be translated is many kinds of error
            problem = " ".join(str(error).split())[:200]
            continue
        return batch
    file.unlink(missing_ok=True)
    raise ColdstartError(
        f"This network cannot be written as {format}: {problem}.", "Use another format."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn of sizes that become constants, and print whole graphs: it is tried anyway."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def _examples(model: Deployable, count: int) -> torch.Tensor:
    side = model.cropping.side
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, side, side, generator=generator)
