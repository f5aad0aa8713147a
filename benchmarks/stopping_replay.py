"""The labelling runs that `stopping.py` judges: replayed once each, and kept in a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from coldstart.selection import Pool, make_strategy
from coldstart.stopping import audit_images_due
from coldstart.training.probe import Probe, fit_probe
from coldstart.training.probes import AUTOMATIC, DEFAULT_PROBE, default_probe, probe_model

STRATEGIES = ("random", "maxherding", "uherding", "margin")
OUTSIDE_SHARE = 0.35
LARGEST_SHARE = 0.6
BATCH, BATCH_GROWTH = 25, 0.1
AUDIT_DRAWS = 1_000
STOP_SET = 2_000
TUNE_AFTER = 1.5


@dataclass(frozen=True)
class Run:
    """One labelling run of m batches; truth is the accuracy on the w images of the world outside.

    Attributes
    ----------
    truth : (w,) classes. audit : places among them, in the order of asking. picked : the classes
        of the training labels, in their order.
    labels, audit_labels : (m,) training and audit labels after each batch.
    accuracy : (m,) of the model. final_accuracy : (m,) of one that is trained on the audit labels
        too. left_over_accuracy : (m,) on what the strategy has left over, which is what an audit
        without a reserve would measure.
    few : (m,) whether the product's default was still the probe for few labels.
    outside, stop_set : (m, w) and (m, s) what each model said. other_outside, other_stop_set : what
        the probe for more labels said; the product's earlier models are of the newest one's kind.
    """

    data: str
    strategy: str
    truth: np.ndarray
    audit: np.ndarray
    picked: np.ndarray
    labels: np.ndarray
    audit_labels: np.ndarray
    accuracy: np.ndarray
    final_accuracy: np.ndarray
    left_over_accuracy: np.ndarray
    few: np.ndarray
    outside: np.ndarray
    stop_set: np.ndarray
    other_outside: np.ndarray
    other_stop_set: np.ndarray
    plateau: float

    def said(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """What the models up to the one at ``place``, all of its kind, said of the world outside
        and of the stop set."""
        upto = slice(0, place + 1)
        if self.few[place]:
            return self.outside[upto], self.stop_set[upto]
        return self.other_outside[upto], self.other_stop_set[upto]


def kept_run(
    folder: Path, data: str, vectors: np.ndarray, classes: np.ndarray, strategy: str, seed: int
) -> Run:
    """`replay`, or what it said the last time."""
    file = folder / f"{data} {strategy} {seed}.npz"
    if not file.exists():
        run = replay(data, vectors, classes, strategy, seed)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".npz", delete=False) as part:
            np.savez_compressed(part, **vars(run))
        os.replace(part.name, file)
    with np.load(file, allow_pickle=False) as kept:
        arrays = {one.name: kept[one.name] for one in fields(Run)}
    scalars = {name: arrays[name].item() for name in ("data", "strategy", "plateau")}
    return Run(**{**arrays, **scalars})


def replay(data: str, vectors: np.ndarray, classes: np.ndarray, strategy: str, seed: int) -> Run:
    """Label with ``strategy`` until 60% of what it may pick from has a label.

    vectors : (n, d) unit rows. classes : (n,) int64. seed : of the split, the audit, the picks.
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(classes))
    cut = int(OUTSIDE_SHARE * len(classes))
    outside, inside = np.sort(shuffled[:cut]), np.sort(shuffled[cut:])
    audit = random.integers(0, len(outside), AUDIT_DRAWS)
    stop_set = np.sort(random.permutation(len(classes))[:STOP_SET])
    picker = Picker(vectors[inside], classes[inside], strategy, seed)
    picked = np.empty(0, dtype=np.int64)
    probabilities = np.empty((0, 0))
    steps: dict[str, list[object]] = {one.name: [] for one in fields(Run)}
    audits, tuned_at = 0, 0
    probe: Probe | int = 0
    while len(picked) < LARGEST_SHARE * len(inside):
        queued = len(picked) + audits
        batch = max(BATCH, int(BATCH_GROWTH * queued))
        due = audit_images_due(batch, queued=queued, audit_queued=audits)
        picked = np.concatenate([picked, picker.pick(picked, batch - due, probabilities)])
        audits += due
        # Tuning is most of the work: done afresh when the labels have grown by half.
        kind = default_probe(len(picked), len(np.unique(classes[inside[picked]])))
        known = not isinstance(probe, int) and probe.model == kind
        if not known or len(picked) >= TUNE_AFTER * tuned_at:
            probe, tuned_at = fit(vectors, classes, inside[picked]), len(picked)
        else:
            probe = fit(vectors, classes, inside[picked], probe)
        said = predicted(probe, vectors)
        probabilities = every_class(probe, vectors[inside], int(classes.max()) + 1)
        asked = np.unique(audit[:audits])
        rest, left = np.delete(outside, asked), np.delete(inside, picked)
        both = np.concatenate([inside[picked], outside[asked]])
        final = predicted(fit(vectors, classes, both, probe), vectors[rest])
        few = isinstance(probe, int) or probe.model == DEFAULT_PROBE
        later = fit(vectors, classes, inside[picked], "logistic") if few else probe
        other = predicted(later, vectors) if few else said
        for name, value in {
            "labels": len(picked),
            "audit_labels": audits,
            "accuracy": np.mean(said[outside] == classes[outside]),
            "final_accuracy": np.mean(final == classes[rest]),
            "left_over_accuracy": np.mean(said[left] == classes[left]),
            "few": few,
            "outside": said[outside].astype(np.int16),
            "stop_set": said[stop_set].astype(np.int16),
            "other_outside": other[outside].astype(np.int16),
            "other_stop_set": other[stop_set].astype(np.int16),
        }.items():
            steps[name].append(value)
    arrays = {name: np.array(values) for name, values in steps.items() if values}
    everything = predicted(fit(vectors, classes, inside), vectors[outside])
    return Run(
        data=data,
        strategy=strategy,
        truth=classes[outside],
        audit=audit,
        picked=classes[inside[picked]],
        plateau=max(float(np.mean(everything == classes[outside])), arrays["accuracy"].max()),
        **arrays,
    )


class Picker:
    """A strategy; those but `random` begin with k-means, as the default policy does."""

    def __init__(self, vectors: np.ndarray, classes: np.ndarray, strategy: str, seed: int) -> None:
        self.vectors, self.classes, self.strategy, self.seed = vectors, classes, strategy, seed
        self.order = np.empty(0, dtype=np.int64)

    def pick(self, picked: np.ndarray, count: int, probabilities: np.ndarray) -> np.ndarray:
        count = min(count, len(self.vectors) - len(picked))
        if self.strategy in ("random", "maxherding") and len(picked):
            # These do not ask the model, so that one long order holds all later batches.
            if len(self.order) == 0:
                most = int(LARGEST_SHARE * len(self.vectors)) + 200 - len(picked)
                pool = Pool(self.vectors, labelled=picked)
                self.order = make_strategy(self.strategy, seed=self.seed).select(pool, most).indices
            taken, self.order = self.order[:count], self.order[count:]
            return taken
        first = "random" if self.strategy == "random" else "kmeans"
        name = self.strategy if len(picked) else first
        # The probe's probabilities are calibrated already.
        more = {"calibrate": False} if name == "uherding" else {}
        pool = Pool(
            self.vectors,
            labelled=picked,
            labels=self.classes[picked],
            probabilities=probabilities if len(picked) else None,
        )
        return make_strategy(name, seed=self.seed, **more).select(pool, count).indices


def fit(
    vectors: np.ndarray,
    classes: np.ndarray,
    rows: np.ndarray,
    like: Probe | int | str = AUTOMATIC,
) -> Probe | int:
    """The product's probe on these labels, tuned on them; with one class only, that class.

    like : its kind, or a probe whose kind, penalty and temperature are taken as they are.
    """
    present, codes = np.unique(classes[rows], return_inverse=True)
    if len(present) == 1:
        return int(present[0])
    if isinstance(like, Probe):
        kind = probe_model(like.model)
        scorers = kind.fit(vectors[rows].astype(np.float64), codes, len(present), [like.strength])
        names = tuple(str(one) for one in present.tolist())
        return replace(like, class_names=names, scorer=scorers[0])
    answers = [str(one) for one in classes[rows].tolist()]
    return fit_probe(vectors[rows], answers, model=AUTOMATIC if isinstance(like, int) else like)


def predicted(probe: Probe | int, vectors: np.ndarray) -> np.ndarray:
    """(n,) int64 classes."""
    if isinstance(probe, int):
        return np.full(len(vectors), probe)
    numbers = np.array([int(one) for one in probe.class_names])
    return numbers[probe.predict(vectors).class_indices]


def every_class(probe: Probe | int, vectors: np.ndarray, count: int) -> np.ndarray:
    """(n, count) probabilities; 0 for classes without a label."""
    out = np.zeros((len(vectors), count))
    if isinstance(probe, int):
        out[:, probe] = 1
    else:
        out[:, [int(one) for one in probe.class_names]] = probe.probabilities(vectors)
    return out
