"""Images the model is least sure about: margin, entropy, least confidence, a committee's quarrel.

Settles, Active Learning Literature Survey, 2009. Good once there are some fifteen labels a class;
poor before that.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.doubt import Doubt, doubt_of, entropy, fit_probe, probabilities_by
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option


@dataclass(frozen=True, kw_only=True)
class Uncertainty(Strategy):
    """Takes the images with the highest score (times their weight). Ties go to the lowest row."""

    needs_labels = True

    @abstractmethod
    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        """(n,) how unsure the model is of each image, and what it thinks of them."""

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        progress(0, 1, "asking a model of the labels so far")
        scores, doubt = self._scores(pool, progress)
        if pool.weights is not None:
            scores = scores * pool.weights / pool.weights.max()
        rows = np.flatnonzero(pool.candidates)
        rows = rows[np.argsort(-scores[rows], kind="stable")[:budget]]
        return self._selection(rows, scores[rows], [doubt.in_words(row) for row in rows.tolist()])


@dataclass(frozen=True, kw_only=True)
class Margin(Uncertainty):
    """Smallest lead of the likeliest class over the next. Gain: 1 - lead."""

    name = "margin"
    title = "Margin"
    summary = "Picks the images whose two likeliest classes are closest."
    paper = "Scheffer et al., IDA 2001"

    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        doubt = doubt_of(pool, self.name)
        return doubt.margin, doubt


@dataclass(frozen=True, kw_only=True)
class Entropy(Uncertainty):
    """Highest entropy of the class probabilities. Gain: entropy as a share of the largest."""

    name = "entropy"
    title = "Entropy"
    summary = "Picks the images whose class probabilities are most spread out."
    paper = "Shannon 1948; Settles 2009"

    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        doubt = doubt_of(pool, self.name)
        return doubt.entropy, doubt


@dataclass(frozen=True, kw_only=True)
class LeastConfidence(Uncertainty):
    """Lowest probability of the likeliest class. Gain: 1 - that probability."""

    name = "least_confidence"
    title = "Least confidence"
    summary = "Picks the images whose likeliest class is least likely."
    paper = "Lewis & Gale, SIGIR 1994"

    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        doubt = doubt_of(pool, self.name)
        return doubt.least_confidence, doubt


@dataclass(frozen=True, kw_only=True)
class Committee(Uncertainty):
    """Several probes, each fitted on a bootstrap draw of the labels; given probabilities are not
    used. A draw keeps at least one label of every class."""

    members: int = option(10, "How many probes are asked.", minimum=2, maximum=100)

    def _votes(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        """(members, n, c) probabilities and their mean."""
        if pool.labels is None or len(set(pool.labels.tolist())) < 2:
            raise ValueError(
                f"{self.name} fits a committee of models, so it needs labels of at least two "
                "classes; label a first batch with another strategy"
            )
        classes, true = np.unique(pool.labels, return_inverse=True)
        generator = np.random.default_rng(self.seed)
        first_of_class = np.unique(true, return_index=True)[1]
        votes = np.empty((self.members, pool.n, len(classes)))
        for member in range(self.members):
            progress(member, self.members, "asking the committee")
            drawn = generator.integers(0, len(true), len(true))
            missing = np.setdiff1d(np.arange(len(classes)), true[drawn])
            drawn = np.concatenate([drawn, first_of_class[missing]])
            probe = fit_probe(pool.unit[pool.labelled[drawn]], true[drawn])
            votes[member] = probabilities_by(probe, pool)
        return votes, Doubt(votes.mean(axis=0), classes.tolist())


@dataclass(frozen=True, kw_only=True)
class Bald(Committee):
    """Entropy of the mean vote less the mean entropy of the votes. Gain: the difference (nats)."""

    name = "bald"
    title = "BALD, committee of probes"
    summary = "Picks the images on which models fitted on different labels disagree most."
    paper = "Houlsby et al. 2011, arXiv 1112.5745"

    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        votes, mean = self._votes(pool, progress)
        score = entropy(mean.probabilities) - entropy(votes).mean(axis=0)
        return np.maximum(score, 0), mean


@dataclass(frozen=True, kw_only=True)
class VariationRatio(Committee):
    """Share of the committee that does not vote with the majority; ties by the margin of the mean
    vote. Gain: that share."""

    name = "variation_ratio"
    title = "Variation ratio, committee of probes"
    summary = "Picks the images on which the committee's vote is most divided."
    paper = "Beluch et al., CVPR 2018"

    def _scores(self, pool: Pool, progress: Progress) -> tuple[NDArray[np.float64], Doubt]:
        votes, mean = self._votes(pool, progress)
        chosen = votes.argmax(axis=2)
        counts = np.stack([(chosen == one).sum(axis=0) for one in range(votes.shape[2])])
        divided = 1 - counts.max(axis=0) / self.members
        # Less than the step between two shares, so it only orders images with the same share.
        return divided + mean.margin / (2 * self.members), mean
