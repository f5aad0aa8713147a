"""Diagnostics of projects that something is wrong with: a sentence, and every plot that can be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audited_pool import IMAGES, answer, class_of, make_project, make_vectors

from coldstart.embeddings.matrix import write_set
from coldstart.project import Project
from coldstart.workflow.advise import advise
from coldstart.workflow.embed import import_vectors, use_set
from coldstart.workflow.pool import load_pool
from coldstart.workflow.report import report_html
from coldstart.workflow.select import select
from coldstart.workflow.train import train


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "project")
    yield made
    made.store.close()


def label(project: Project, one_class_audit: bool = False) -> list[int]:
    """Queue and answer 100 images, more than 30 of them for the audit."""
    image_ids = select(project, "kmeans", 100, audit_share=0.35).image_ids
    reserve = set(load_pool(project).reserve)
    audit = [one for one in image_ids if one in reserve]
    answer(project, [one for one in image_ids if one not in reserve])
    answer(project, audit, say=(lambda _: "red") if one_class_audit else class_of)
    return image_ids


def said_on_the_page(project: Project) -> str:
    """All that Diagnostics says, drawn: the report is the page in one file."""
    html = report_html(project)
    return html[: html.index('<script id="figures"')]


def test_all_audit_labels_of_one_class(project: Project) -> None:
    label(project, one_class_audit=True)
    train(project)
    said = advise(project)
    assert said.verdict == "too early to say"
    assert "audit labels are “red”" in said.sentence
    assert "audit labels are “red”" in said_on_the_page(project)


def test_one_class_only(project: Project) -> None:
    answer(project, select(project, "kmeans", 40, audit_share=0.35).image_ids, say=lambda _: "red")
    said = advise(project)
    assert said.verdict == "too early to say"
    assert "only “red” has labels, and a model needs two classes" in said.sentence
    assert "only “red” has labels" in said_on_the_page(project)


def test_the_embedding_set_is_swapped_midway(project: Project, tmp_path: Path) -> None:
    label(project)
    train(project)
    before = advise(project)
    np.save(tmp_path / "other.npy", np.random.default_rng(3).normal(size=(IMAGES, 5)))
    import_vectors(project, tmp_path / "other.npy", name="other")
    project = use_set(project, "other")
    said = advise(project)
    assert said.reasons[0].startswith("The model was trained on the embedding set “mine”")
    assert said.reasons[0].endswith("and the project now uses “other”: train again.")
    # What was measured stays measured: it speaks of the model, which has not changed.
    assert said.measured.looks == before.measured.looks
    assert "now uses “other”: train again." in said_on_the_page(project)
    train(project)
    assert not any("embedding set" in one for one in advise(project).reasons)


def test_labels_are_withdrawn_after_training(project: Project) -> None:
    image_ids = label(project)
    train(project)
    taught = set(load_pool(project).image_ids[load_pool(project).training_labels()[0]].tolist())
    gone = [one for one in image_ids if one in taught][:3]
    answer(project, gone[:2], kind="excluded")
    answer(project, gone[2:], say=lambda one: "green" if class_of(one) != "green" else "blue")
    words = "3 labels it learned from have been changed or withdrawn: train again."
    assert any(words in one for one in advise(project).reasons)
    assert words in said_on_the_page(project)


def test_two_embedding_sets_cover_different_parts_of_the_pool(project: Project) -> None:
    label(project)
    train(project)
    half = sorted(project.store.images.get(list(range(1, 121))))
    hashes = [row.content_hash or "" for row in project.store.images.get(half).values()]
    write_set(
        project.embeddings / "half",
        [make_vectors(5)[:120]],
        8,
        half,
        hashes,
        {"encoder": "half"},
    )
    project = use_set(project, "half")
    said = advise(project)
    assert "now uses “half”" in said.reasons[0]
    assert said.coverage is not None
    said_on_the_page(project)
    train(project)
    after = advise(project)
    # An audit image that the set lacks still counts: no set looks better for covering less.
    assert after.measured.audit_labels == said.measured.audit_labels == 35
    said_on_the_page(project)
