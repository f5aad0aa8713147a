"""What is taken away after training: tables, folders, and how much of them can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audited_pool import answer, class_of, make_project

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.confident import confident_share
from coldstart.workflow.mistakes import confused, label_mistakes, worst_mistakes
from coldstart.workflow.predictions import predict
from coldstart.workflow.select import select
from coldstart.workflow.train import latest_evaluation, train


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "audited")
    yield made
    made.store.close()


def test_tables_and_a_share_that_can_be_relied_on(project: Project, tmp_path: Path) -> None:
    answer(project, select(project, "kmeans", 80, audit_share=0.5).image_ids)
    report = train(project, "lda")
    assert (report.model, report.probe) == ("probe", "lda")
    assert latest_evaluation(project).probe == "lda"
    written = predict(project, "csv", tmp_path, precision=0.95)
    table = pd.read_csv(written.to)
    assert len(table) == 200
    columns = [name for name in table.columns if name.startswith("probability: ")]
    np.testing.assert_allclose(table[columns].sum(axis=1), 1, atol=1e-4)
    share = written.confident
    assert share.audit_labels == 38
    last = share.checked[-1]
    assert (last.share, last.audit_labels) == (1.0, 38)
    assert written.confident_images == round(share.share * 200) == (table.confident == "yes").sum()
    sure = table[table.confident == "yes"].confidence.min()
    assert sure >= table[table.confident == "no"].confidence.max()
    # The audit's own count, from the truth.
    chosen = next(one for one in share.checked if one.share == share.share)
    assert chosen.precision >= 0.95
    assert chosen.interval[0] <= chosen.precision <= chosen.interval[1]
    assert predict(project, "parquet", tmp_path / "p.parquet").confident_images is None
    with pytest.raises(ColdstartError, match="at most 1"):
        confident_share(project, 95)


def test_too_few_audit_labels_are_said(project: Project) -> None:
    answer(project, select(project, "kmeans", 30, audit_share=0.2).image_ids)
    train(project)
    share = confident_share(project, 0.9)
    assert share.share is None
    assert "6 audit labels: too few to say" in share.words


def test_folders_of_predicted_classes(tmp_path: Path) -> None:
    project = make_project(tmp_path / "audited")
    for row in project.store.images.usable():
        (project.roots[0] / row.path).write_bytes(row.path.encode())
    (project.roots[0] / "199.png").unlink()
    answer(project, select(project, "kmeans", 60, audit_share=0).image_ids)
    train(project)
    report = predict(project, "folders", tmp_path / "out")
    assert (report.images, report.skipped) == (200, 1)
    linked = sorted(path.name for path in (tmp_path / "out").rglob("*.png"))
    assert len(linked) == 199
    right = [p for p in (tmp_path / "out").rglob("*.png") if class_of(int(p.stem) + 1) in p.parts]
    assert len(right) > 150
    assert right[0].is_symlink()
    copied = predict(project, "folders", tmp_path / "copies", copies=True)
    one = next(copied.to.rglob("000.png"))
    assert not one.is_symlink()
    assert one.read_bytes() == b"000.png"
    with pytest.raises(ColdstartError, match="not an empty folder"):
        predict(project, "folders", tmp_path / "out")
    with pytest.raises(ColdstartError, match="lies in the image folder"):
        predict(project, "folders", project.roots[0] / "inside")
    project.store.close()


def test_mistakes_are_listed_until_they_are_checked(project: Project) -> None:
    with pytest.raises(ColdstartError, match="is trained yet"):
        label_mistakes(project)
    chosen = select(project, "kmeans", 100, audit_share=0.3).image_ids
    reserve = set(project.store.audit.reserved())
    wrong = [one for one in chosen if one not in reserve][:8]

    def say(image_id: int) -> str:
        return {"red": "green", "green": "blue", "blue": "red"}[class_of(image_id)]

    answer(project, [one for one in chosen if one not in wrong])
    answer(project, wrong, say)
    train(project)
    report = label_mistakes(project)
    listed = [one.image_id for one in report.suspects]
    # The groups overlap: some of the eight are where a wrong label looks as right as the true one.
    assert len(set(wrong) & set(listed)) >= len(wrong) / 2
    assert not set(listed) & reserve
    # One is mended, one is given again as it was: neither is listed any more.
    mended, checked = [one for one in listed if one in wrong][:2]
    answer(project, [mended])
    answer(project, [checked], say)
    left = [one.image_id for one in label_mistakes(project).suspects]
    assert mended not in left
    assert checked not in left
    assert set(left) == set(listed) - {mended, checked}
    worst = worst_mistakes(project)
    assert worst
    assert all(one.label != one.suggestion for one in worst)
    measured = latest_evaluation(project)
    names = list(measured.class_names)
    cell = confused(project, names[0], names[1])
    assert bool(cell) == (measured.confusion[0, 1] > 0)
    assert confused(project, "no such class", names[0]) == []


def test_no_model_no_predictions(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="no trained model"):
        predict(project, "csv", tmp_path / "p.csv")
