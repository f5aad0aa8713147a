"""One complete labelling run on real images, wired as the product wires it."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from coldstart.stopping import (
    AuditLook,
    Verdict,
    advise,
    audit_images_due,
    audit_reserve,
    draw_stop_set,
    hide_among,
    rows_of_same_picture,
    snapshot_sizes,
)


def run(batches: int) -> tuple[list[Verdict], list[float]]:
    """After each batch of 25: the verdict, and the model's true accuracy on what is unlabelled."""
    digits = load_digits()
    names = np.array([f"digit {one}" for one in digits.target])
    hashes = [f"{one:064x}" for one in range(len(names))]
    reserve = audit_reserve(hashes)
    kept_aside = rows_of_same_picture(hashes, reserve)
    stop_set = draw_stop_set(hashes, 500)
    may_pick = np.setdiff1d(np.arange(len(names)), kept_aside)
    order = np.random.default_rng(0).permutation(may_pick)
    training: list[int] = []
    audit: list[int] = []
    looks: tuple[AuditLook, ...] = ()
    verdicts, truths = [], []
    for batch in range(batches):
        due = audit_images_due(25, queued=len(training) + len(audit), audit_queued=len(audit))
        next_audit = reserve[len(audit) : len(audit) + due]
        shown, is_audit = hide_among(order[len(training) :][: 25 - due], next_audit, batch)
        training += shown[~is_audit].tolist()
        audit += shown[is_audit].tolist()
        sizes = snapshot_sizes(len(training))
        said = []
        for size in sizes:
            model = RidgeClassifier(alpha=100, class_weight="balanced")
            model.fit(digits.data[training[:size]], names[training[:size]])
            said.append(model.predict(digits.data))
        unlabelled = np.setdiff1d(np.arange(len(names)), training)
        truths.append(float(np.mean(said[-1][unlabelled] == names[unlabelled])))
        verdicts.append(
            advise(
                training_labels=sizes,
                stop_set=[one[stop_set] for one in said],
                audit_predicted=[one[audit].tolist() for one in said],
                audit_truth=names[audit].tolist(),
                training_classes=names[training].tolist(),
                pool_size=len(names),
                looks=looks,
            )
        )
        looks = verdicts[-1].measured.looks
    return verdicts, truths


def test_a_run_on_digits() -> None:
    verdicts, truths = run(24)
    words = [one.verdict for one in verdicts]
    # Five audit labels a batch: there are thirty after six.
    assert words[:5] == ["too early to say"] * 5
    assert "too early to say" not in words[6:]
    assert words[-1] == "you may stop"
    assert verdicts[-1].measured.audit_labels == 100
    looked = [
        (one.measured.looks[-1], truth)
        for one, truth in zip(verdicts, truths, strict=True)
        if one.measured.new_look
    ]
    assert [look.audit_labels for look, _ in looked] == [30, 40, 55, 75, 100]
    assert all(look.interval[0] <= truth <= look.interval[1] for look, truth in looked)
    assert verdicts[-1].stability.kappa is not None
    assert verdicts[-1].stability.kappa > verdicts[6].stability.kappa
    assert verdicts[-1].forecast.gain < verdicts[6].forecast.gain
