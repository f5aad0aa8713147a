"""The report: one file with everything in it, that asks nobody for anything."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from audited_pool import answer, make_project

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.report import report_html, write_report
from coldstart.workflow.select import select
from coldstart.workflow.train import train

NASTY = '</script><img src="http://elsewhere.test/x">'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "project")
    yield made
    made.store.close()


def test_all_of_the_page_is_in_the_file(project: Project, tmp_path: Path) -> None:
    report = select(project, "kmeans", 100, audit_share=0.35)
    answer(project, report.image_ids)
    answer(project, report.image_ids[:1], say=lambda _: NASTY)
    train(project)
    file = tmp_path / "report.html"
    assert main(["report", str(project.directory), "--to", str(file)]) == 0
    text = file.read_text()
    for question in (
        "How good is the model on the rest of the pool?",
        "Do more labels still change what it says?",
        "Is another label still worth it?",
        "How much of the pool do the labels cover?",
        "Where are the labels?",
        "What is covered?",
        "What did each batch bring, and would random have brought it too?",
        "Do images that lie close together belong together?",
    ):
        assert question in text
    own = text[: text.index("<script>")]  # without plotly's own code, which names addresses
    assert not re.findall(r'(?:src|href)="(?!data:)', own)
    assert NASTY not in text
    assert "default-src 'none'" in own
    tables = re.findall(r'download="(\w+)\.csv" href="data:text/csv;base64,([^"]+)"', own)
    assert {"coverage_history", "audit_looks", "batches"} <= {name for name, _ in tables}
    looks = base64.b64decode(dict(tables)["audit_looks"]).decode().splitlines()
    (look,) = project.store.audit.looks()
    assert looks[0] == "series,x,y,low,high,text"
    assert looks[1].split(",")[2] == str(look["accuracy"])


def test_before_any_label_there_is_a_report_too(project: Project) -> None:
    text = report_html(project)
    assert "no image has a class yet" in text
    assert "Nothing is labelled yet" in text


def test_a_report_that_cannot_be_written_says_why(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="is a folder"):
        write_report(project, tmp_path)
    with pytest.raises(ColdstartError, match="cannot be written"):
        write_report(project, tmp_path / "no folder" / "report.html")
    bare = make_project(tmp_path / "bare", vectors=False)
    with pytest.raises(ColdstartError, match="no embedding set"):
        write_report(bare, tmp_path / "report.html")
    assert not list(tmp_path.glob("report.html*"))
    bare.store.close()
