"""The probe: sound on few labels, honest about being sure, the same after a restart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.training import PROBES, Probe, fit_probe
from coldstart.training.trained_on import label_digest


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    pixels, digit = load_digits(return_X_y=True)
    centred = (pixels - pixels.mean(axis=0)).astype(np.float32)
    return centred, np.array([str(one) for one in digit], dtype=object)


def some(names: np.ndarray, counts: dict[str, int], seed: int = 0) -> np.ndarray:
    """Row numbers: so many of each class."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.permutation(np.flatnonzero(names == one))[:n] for one, n in counts.items()]
    )


def accuracy(probe: Probe, vectors: np.ndarray, names: np.ndarray) -> float:
    predicted = np.array(probe.class_names, dtype=object)[probe.predict(vectors).class_indices]
    return float((predicted == names).mean())


@pytest.mark.parametrize("model", PROBES)
def test_few_unbalanced_labels_do_not_collapse(
    digits: tuple[np.ndarray, np.ndarray], model: str
) -> None:
    """A plain logistic regression calls nearly everything by the largest class here."""
    x, names = digits
    picked = some(names, {"0": 1, "1": 12, "2": 1, "3": 1, "4": 1})
    test = np.flatnonzero(np.isin(names, list("01234")))
    probe = fit_probe(x[picked], names[picked].tolist(), model=model)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    plain = LogisticRegression(C=0.1).fit(unit[picked], names[picked].astype(str))
    assert (plain.predict(unit[test]) == "1").mean() > 0.9
    shares = np.bincount(probe.predict(x[test]).class_indices, minlength=5) / len(test)
    assert shares.min() > 0.05
    assert accuracy(probe, x[test], names[test]) > 0.6


@pytest.mark.parametrize("model", PROBES)
def test_accuracy_and_confidence_with_labels_enough(
    digits: tuple[np.ndarray, np.ndarray], model: str
) -> None:
    x, names = digits
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:300], order[300:]
    probe = fit_probe(x[train], names[train].tolist(), model=model)
    measured = accuracy(probe, x[test], names[test])
    assert probe.tuned
    assert measured > 0.88
    # Calibrated: it is as sure as it is right, within five points.
    assert abs(probe.predict(x[test]).confidence.mean() - measured) < 0.05


def test_one_label_a_class_is_allowed_and_not_tuned(digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, names = digits
    picked = some(names, dict.fromkeys("0123456789", 1))
    probe = fit_probe(x[picked], names[picked].tolist())
    assert not probe.tuned
    assert (probe.strength, probe.temperature) == (1.0, 0.2)
    assert accuracy(probe, x, names) > 0.45


def test_a_lone_class_does_not_stop_the_tuning(digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, names = digits
    picked = some(names, {"0": 15, "1": 15, "2": 1})
    probe = fit_probe(x[picked], names[picked].tolist())
    assert probe.tuned
    assert probe.class_names == ("0", "1", "2")


def test_copies_with_different_labels(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """All of class 1 are copies of pictures whose first label is 0: they cannot be held out."""
    x, names = digits
    zeros, twos = some(names, {"0": 12}), some(names, {"2": 12})
    rows = np.concatenate([zeros, zeros, twos])
    hashes = [f"zero{i}" for i in range(12)] * 2 + [f"two{i}" for i in range(12)]
    probe = fit_probe(x[rows], ["0"] * 12 + ["1"] * 12 + ["2"] * 12, content_hashes=hashes)
    assert np.isfinite(probe.scorer.arrays()["coefficients"]).all()
    assert np.isfinite(probe.temperature)


def test_probabilities_and_blocks(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, names = digits
    probe = fit_probe(x[:100], names[:100].tolist())
    np.save(tmp_path / "vectors.npy", x)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    seen: list[tuple[int, int | None]] = []
    whole = probe.probabilities(x)
    blocks = probe.probabilities(
        mapped, block_rows=100, progress=lambda done, total, message="": seen.append((done, total))
    )
    np.testing.assert_allclose(whole, blocks, atol=1e-6)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)
    assert whole.dtype == np.float32
    assert seen[0] == (0, len(x))
    assert seen[-1] == (len(x), len(x))
    prediction = probe.predict(mapped)
    ordered = np.sort(whole, axis=1)
    assert (prediction.class_indices == whole.argmax(axis=1)).all()
    np.testing.assert_allclose(prediction.confidence, ordered[:, -1], atol=1e-6)
    np.testing.assert_allclose(prediction.margin, ordered[:, -1] - ordered[:, -2], atol=1e-6)


def test_the_length_of_a_vector_does_not_matter(digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, names = digits
    one = fit_probe(x[:60], names[:60].tolist())
    other = fit_probe(x[:60] * 1000, names[:60].tolist())
    np.testing.assert_allclose(one.probabilities(x), other.probabilities(x * 7), atol=1e-4)
    assert np.isfinite(one.probabilities(np.zeros_like(x[:1]))).all()


def test_saved_and_loaded(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, names = digits
    hashes = [f"{i:x}" for i in range(50)]
    probe = fit_probe(
        x[:50], names[:50].tolist(), content_hashes=hashes, embedding_set="vgg16", event_watermark=7
    )
    probe.save(tmp_path / "models" / "1")
    again = Probe.load(tmp_path / "models" / "1")
    assert sorted(path.name for path in (tmp_path / "models" / "1").iterdir()) == [
        "probe.json",
        "probe.npz",
    ]
    assert (again.probabilities(x) == probe.probabilities(x)).all()
    assert again.trained_on == probe.trained_on
    assert again.class_names == probe.class_names
    assert again.trained_on.labels == 50
    assert (again.trained_on.embedding_set, again.trained_on.event_watermark) == ("vgg16", 7)
    assert "numpy" in again.trained_on.versions
    shuffled = label_digest(hashes[::-1], names[:50].tolist()[::-1])
    assert again.trained_on.content_digest == shuffled
    changed = ["9", *names[1:50].tolist()]
    assert label_digest(hashes, changed) != shuffled


def test_damaged_models_are_refused(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="no trained model"):
        Probe.load(tmp_path)
    x, names = digits
    fit_probe(x[:50], names[:50].tolist()).save(tmp_path)
    whole = (tmp_path / "probe.npz").read_bytes()
    (tmp_path / "probe.npz").write_bytes(whole[:-5])
    with pytest.raises(ColdstartError, match="damaged"):
        Probe.load(tmp_path)
    (tmp_path / "probe.npz").write_bytes(whole)
    description = json.loads((tmp_path / "probe.json").read_text())
    (tmp_path / "probe.json").write_text(json.dumps(description | {"version": 99}))
    with pytest.raises(ColdstartError, match="another version"):
        Probe.load(tmp_path)
    (tmp_path / "probe.json").write_text("[]")
    with pytest.raises(ColdstartError, match="damaged"):
        Probe.load(tmp_path)


def test_what_cannot_be_trained_on() -> None:
    x = np.eye(4, dtype=np.float32)
    with pytest.raises(ColdstartError, match=r"All 4 labels are of the class “cat”") as refused:
        fit_probe(x, ["cat"] * 4)
    assert refused.value.remedy.startswith("Label at least one image of another class")
    with pytest.raises(ColdstartError, match="no labels"):
        fit_probe(x[:0], [])
    with pytest.raises(ColdstartError, match="embeddings have the shape"):
        fit_probe(x, ["cat", "dog"])
    with pytest.raises(ColdstartError, match="no probe “forest”"):
        fit_probe(x, ["cat", "dog"] * 2, model="forest")
    x[2, 1] = np.nan
    with pytest.raises(ColdstartError, match="Row 2"):
        fit_probe(x, ["cat", "dog"] * 2)


def test_another_embedding_set_is_refused() -> None:
    probe = fit_probe(np.eye(4, dtype=np.float32), ["cat", "dog"] * 2)
    with pytest.raises(ColdstartError, match="dimension 4"):
        probe.predict(np.ones((3, 5), dtype=np.float32))


def test_cancelling_passes_through(digits: tuple[np.ndarray, np.ndarray]) -> None:
    def cancel(done: int, total: int | None, message: str = "") -> None:
        raise Cancelled

    x, names = digits
    with pytest.raises(Cancelled):
        fit_probe(x[:100], names[:100].tolist(), progress=cancel)
