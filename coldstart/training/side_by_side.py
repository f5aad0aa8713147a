"""Two models judged by the same images: what each got right, and whether they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from coldstart.training.intervals import clopper_pearson


@dataclass(frozen=True)
class SideBySide:
    """A network beside the probe on n images that neither had seen.

    right, probe_right : how many each predicted. only_network, only_probe : how many only the one
    predicted. interval, probe_interval : exact limits at ``level``. p : of the exact test that both
    are right equally often (McNemar 1947).
    """

    images: int
    right: int
    probe_right: int
    only_network: int
    only_probe: int
    level: float
    interval: tuple[float, float]
    probe_interval: tuple[float, float]
    p: float

    @property
    def accuracy(self) -> float:
        return self.right / self.images

    @property
    def probe_accuracy(self) -> float:
        return self.probe_right / self.images

    @property
    def words(self) -> str:
        """Whether one is better, in a sentence."""
        counts = (
            f"only the network was right on {self.only_network} of {self.images} images, only the "
            f"probe on {self.only_probe}"
        )
        if self.p >= 0.05:
            return f"That one is better than the other cannot be said: {counts} (p = {self.p:.2f})."
        better = "network" if self.only_network > self.only_probe else "probe"
        said = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        return f"The {better} is better: {counts} ({said})."

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it; `from_dict` takes it back."""
        lists = {"interval": list(self.interval), "probe_interval": list(self.probe_interval)}
        return asdict(self) | lists

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SideBySide:
        """What `as_dict` wrote."""
        low, high = values["interval"]
        probe_low, probe_high = values["probe_interval"]
        pairs = {"interval": (low, high), "probe_interval": (probe_low, probe_high)}
        return cls(**values | pairs)


def side_by_side(
    truth: Sequence[str],
    network: Sequence[str | None],
    probe: Sequence[str | None],
    level: float = 0.95,
) -> SideBySide:
    """Compare what two models said of the same n > 0 images; None counts as wrong."""
    from scipy.stats import binomtest

    right = [said == is_ for said, is_ in zip(network, truth, strict=True)]
    probe_right = [said == is_ for said, is_ in zip(probe, truth, strict=True)]
    only_network = sum(a and not b for a, b in zip(right, probe_right, strict=True))
    only_probe = sum(b and not a for a, b in zip(right, probe_right, strict=True))
    differ = only_network + only_probe
    return SideBySide(
        images=len(truth),
        right=sum(right),
        probe_right=sum(probe_right),
        only_network=only_network,
        only_probe=only_probe,
        level=level,
        interval=clopper_pearson(sum(right), len(truth), level),
        probe_interval=clopper_pearson(sum(probe_right), len(truth), level),
        p=float(binomtest(only_network, differ, 0.5).pvalue) if differ else 1.0,
    )
