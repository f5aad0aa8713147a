"""ActiveFT: move free centres until they spread as the pool does, then take the nearest images.

Xie et al.: Active Finetuning: Exploiting Annotation Budget in the Pretraining-Finetuning Paradigm,
CVPR 2023 (arXiv 2303.14382).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.exact import Unit
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option

_BATCH_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class ActiveFT(Strategy):
    """Minimises -mean log[e^{f·c/t} / (e^{f·c/t} + Σ e^{c'·c/t})] over centres on the sphere, where
    c is the centre nearest to image f and c' the others, with Adam; then the nearest images.

    Labelled images are centres that stay. Beyond 20,000 images each step sees 20,000 random ones.
    Gain: the share of the pool nearest to the pick's centre.
    """

    name = "activeft"
    title = "ActiveFT"
    summary = "Spreads as many free points as you will label over the pool and takes their images."
    paper = "Xie et al., CVPR 2023, arXiv 2303.14382"

    temperature: float = option(
        0.07, "How sharply images belong to centres.", minimum=0.02, maximum=10.0
    )
    steps: int = option(300, "How many steps of Adam.", minimum=1, maximum=10_000)
    learning_rate: float = option(0.001, "Step size of Adam.", minimum=1e-6, maximum=1.0)

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        generator = np.random.default_rng(self.seed)
        free = np.flatnonzero(pool.candidates)
        start = generator.permutation(free)[:budget]
        fixed = pool.unit[pool.labelled]
        centres = self._spread(pool.unit, pool.unit[start], fixed, generator, progress)
        picks = _nearest_unused(pool, centres)
        of_row = np.argmax(pool.unit @ np.vstack([centres, fixed]).T, axis=1)
        share = np.bincount(of_row, weights=pool.mass, minlength=budget)[:budget] / pool.mass.sum()
        order = np.argsort(-share, kind="stable")
        reasons = [f"stands for {share[one]:.1%} of the pool" for one in order]
        return self._selection(picks[order], share[order], reasons)

    def _spread(
        self,
        unit: Unit,
        centres: NDArray[np.float32],
        fixed: NDArray[np.float32],
        generator: np.random.Generator,
        progress: Progress,
    ) -> NDArray[np.float32]:
        """The moving centres after the last step, on the sphere."""
        moving = centres.astype(np.float64)
        first, second = np.zeros_like(moving), np.zeros_like(moving)
        for step in range(1, self.steps + 1):
            progress(step - 1, self.steps, "spreading centres")
            rows = unit
            if len(unit) > _BATCH_ROWS:
                rows = unit[np.sort(generator.permutation(len(unit))[:_BATCH_ROWS])]
            length = np.linalg.norm(moving, axis=1, keepdims=True)
            on_sphere = moving / length
            every = np.vstack([on_sphere, fixed])
            slope = _slope(rows, every, self.temperature)[: len(moving)]
            # Only the part along the sphere moves a centre.
            slope -= np.einsum("ij,ij->i", slope, on_sphere)[:, None] * on_sphere
            slope /= length
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            size = np.sqrt(second / (1 - 0.999**step)) + 1e-8
            moving -= self.learning_rate * first / (1 - 0.9**step) / size
        moving /= np.linalg.norm(moving, axis=1, keepdims=True)
        return moving.astype(np.float32)


def loss(unit: Unit, centres: NDArray[np.float64], temperature: float) -> float:
    """ActiveFT's objective for centres on the sphere."""
    nearest, _, others = _terms(unit, centres, temperature)
    return float(-np.mean(nearest - np.log(np.exp(nearest) + others)))


def _terms(
    unit: Unit, centres: NDArray[np.float64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """(n,) each image's similarity to its centre over t, that centre, and Σ e^{c'·c/t}."""
    similarity = unit @ centres.T.astype(np.float32)
    own = np.argmax(similarity, axis=1)
    nearest = similarity[np.arange(len(unit)), own].astype(np.float64) / temperature
    between = np.exp(centres @ centres.T / temperature)
    np.fill_diagonal(between, 0)
    return nearest, own, between.sum(axis=1)[own]


def _slope(unit: Unit, centres: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """(k, d) the derivative of `loss` by the centres."""
    from scipy.sparse import csr_matrix

    n, k = len(unit), len(centres)
    nearest, own, others = _terms(unit, centres, temperature)
    total = np.exp(nearest) + others
    pull = (others / total / n / temperature).astype(np.float32)
    onto = csr_matrix((pull, own, np.arange(n + 1)), shape=(n, k))
    push = np.bincount(own, weights=1 / total / n, minlength=k)
    between = np.exp(centres @ centres.T / temperature)
    np.fill_diagonal(between, 0)
    away = (push[:, None] + push[None, :]) * between / temperature
    slope: NDArray[np.float64] = away @ centres - (onto.T @ unit)
    return slope


def _nearest_unused(pool: Pool, centres: NDArray[np.float32]) -> NDArray[np.int64]:
    free = pool.candidates.copy()
    picks = np.empty(len(centres), dtype=np.int64)
    for number, centre in enumerate(centres):
        closeness = pool.unit @ centre
        closeness[~free] = -np.inf
        picks[number] = np.argmax(closeness)
        free[picks[number]] = False
    return picks
