"""The Train page over labels and embeddings that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audited_pool import IMAGES, answer, class_of, make_project, make_vectors
from page_helpers import OpenPage, primary, texts

from coldstart.embeddings.matrix import write_set
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.advise import advise
from coldstart.workflow.audit_classes import audit_classes
from coldstart.workflow.embed import use_set
from coldstart.workflow.mistakes import label_mistakes
from coldstart.workflow.predictions import predictions
from coldstart.workflow.select import select
from coldstart.workflow.train import train, training_state


@pytest.fixture
def project(places: Path) -> Iterator[Project]:
    made = make_project(places / "projects" / "odd")
    yield made
    made.store.close()


def opened(open_page: OpenPage, project: Project) -> str:
    app = open_page("train", project)
    assert not app.error, app.error[0].value
    assert not app.warning
    return texts(app)


def test_one_class_and_then_a_lone_label_of_another(project: Project) -> None:
    answer(project, range(1, 31), lambda _: "red")
    with pytest.raises(ColdstartError, match="only one class yet"):
        train(project)
    assert "only one class yet" in training_state(project).why_not
    answer(project, [31], lambda _: "blue")
    report = train(project)
    assert report.classes == ["blue", "red"]
    assert report.accuracy is None
    assert "only one labelled picture of “blue”" in report.how


def test_audit_labels_of_one_class_only(open_page: OpenPage, project: Project) -> None:
    queued = select(project, "kmeans", 80, audit_share=0.5).image_ids
    reserved = set(project.store.audit.reserved())
    answer(project, queued, lambda one: "red" if one in reserved else class_of(one))
    train(project)
    verdict = advise(project)
    assert any("All 38 audit labels are “red”" in one for one in verdict.measured.words)
    found = audit_classes(project)
    assert found is not None
    counts = {one.class_name: (one.labels, one.recall) for one in found.per_class}
    assert counts["red"][0] == 38
    assert all(recall is None for name, (_, recall) in counts.items() if name != "red")
    assert "Balanced accuracy on the audit" in "".join(
        one.value for one in open_page("train", project).html
    )


def test_labels_withdrawn_and_the_embeddings_swapped(open_page: OpenPage, project: Project) -> None:
    answer(project, range(1, 61))
    train(project)
    project.store.labels.append(
        [NewEvent(f"w{one}", one, "ann", "cleared", None) for one in range(1, 21)]
    )
    state = training_state(project)
    assert not state.up_to_date
    assert "have changed since" in opened(open_page, project)
    assert label_mistakes(project).labels == 60

    # Another set, of the first half of the pool only.
    half = list(range(1, IMAGES // 2 + 1))
    hashes = [str(project.store.images.get([one])[one].content_hash) for one in half]
    vectors = make_vectors(seed=1)[: len(half), :5]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    write_set(project.embeddings / "half", [unit], 5, half, hashes, {"encoder": "file"})
    answer(project, range(151, 161))
    swapped = use_set(project, "half")
    app = open_page("train", swapped)
    assert "10 labelled images cannot be learned from: “half” has no vector of them" in texts(app)
    assert "Train again" in primary(app)
    report = train(swapped)
    assert (report.labels, report.without_vector) == (40, 10)
    table = predictions(swapped)
    assert table is not None
    assert set(half) <= set(table["image_id"])

    # And back, to the set that has them all.
    again = use_set(swapped, "mine")
    assert not training_state(again).up_to_date
    assert train(again).labels == 50

    # At last every label is taken back: what was measured still stands there.
    answers = again.store.labels.current()
    again.store.labels.append([NewEvent(f"x{one}", one, "ann", "cleared", None) for one in answers])
    assert training_state(again).why_not == "Nothing is labelled yet. Label some images first."
    assert "Accuracy and its 95% interval" in opened(open_page, again)
