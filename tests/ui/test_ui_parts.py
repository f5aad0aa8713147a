"""The parts the pages share, as plain functions: words, strip, thumbnails, and the labels' gate."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.server.messages import SentEvent
from coldstart.server.tokens import read_image_key
from coldstart.store import JobRow
from coldstart.ui.classes import labeller_classes
from coldstart.ui.guard import plain, write_log
from coldstart.ui.places import ENTRY_SCRIPT, page_file
from coldstart.ui.routes import ProjectGate
from coldstart.ui.strip import strip_html
from coldstart.ui.thumbnails import grid_html
from coldstart.ui.words import ago, count, duration, percent
from coldstart.workflow.overview import Overview
from coldstart.workflow.scan import scan


def overview_of(**known: object) -> Overview:
    facts: dict[str, object] = {
        "images": 1797,
        "labelled": 20,
        "waiting": 3,
        "coverage": None,
        "coverage_words": "",
        "accuracy": None,
        "interval": None,
        "accuracy_words": "not measured yet: train first",
        "running": [],
    }
    return Overview(**(facts | known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (0.004, "0.4%"), (0.5, "50%"), (0.995, "99.5%"), (1, "100%"), (0.871, "87%")],
)
def test_a_percentage_never_rounds_to_none_or_all(share: float, words: str) -> None:
    assert percent(share) == words


def test_times_and_counts_in_words() -> None:
    assert [duration(s) for s in (8, 100, 7800)] == ["8 s", "2 min", "2 h 10 min"]
    assert ago(time.time() - 5) == "just now"
    assert ago(time.time() - 600) == "10 min ago"
    assert ago(time.time() - 5 * 86400) == "5 days ago"
    assert count(1, "image") == "1 image"
    assert count(1797, "image") == "1,797 images"


def test_the_strip_shows_nothing_unmeasured_as_a_number() -> None:
    html = strip_html("photos", overview_of())
    assert html.count("not measured yet</b>") == 2
    assert "none running" in html
    assert "<b>1,797</b>" in html


def test_the_strip_gives_the_accuracy_with_its_interval() -> None:
    known = {"coverage": 0.42, "coverage_words": "Estimated on 20 images."}
    html = strip_html("photos", overview_of(accuracy=0.868, interval=(0.742, 0.947), **known))
    assert "87% <small>74% – 95%</small>" in html
    assert "<b>42%</b>" in html
    assert 'close to a labelled image. Estimated on 20 images."' in html


def test_the_strip_names_running_jobs_with_their_share() -> None:
    job = JobRow(1, "embed", [], "running", 0, 30, 60, "", None, None, 1, "ann", 0, 0, None, False)
    html = strip_html("photos", overview_of(running=[job]))
    assert "Embeddings 50%" in html
    assert "cs-busy" in html


def test_names_are_escaped_wherever_they_are_html() -> None:
    assert "<script>" not in strip_html("<script>x</script>", overview_of())
    assert plain("a *b* `c` <d> $e$") == r"a \*b\* \`c\` \<d\> \$e\$"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path))


def test_thumbnails_are_named_by_content_below_the_project_key(project: Project) -> None:
    scan(project)
    rows = project.store.images.usable()
    html = grid_html(project, rows)
    assert html.count('loading="lazy"') == len(rows)
    for row in rows:
        assert f"/{row.content_hash}.jpg" in html
    key = html.split("/thumbnails/")[1].split("/")[0]
    assert read_image_key(key).directory == project.directory


def test_the_gate_stores_an_answer_once(project: Project) -> None:
    scan(project)
    gate = ProjectGate()
    cat = gate.add_class(project.directory, "cat", "ann")
    assert gate.add_class(project.directory, "cat", "ann") == cat
    assert cat.key == "1"
    assert cat.color == labeller_classes(project)[0]["color"]
    image = project.store.images.usable()[0]
    event = SentEvent(
        uuid="a" * 32,
        image_id=image.image_id,
        kind="class",
        class_id=cat.id,
        batch_id=None,
        client_time=None,
        seconds=1.5,
    )
    for _ in range(2):
        stored = gate.append_events(project.directory, [event], "ann")
        assert stored.accepted == ["a" * 32]
    assert len(project.store.labels.events()) == 1
    assert project.store.labels.events()[0].annotator == "ann"


def test_the_gate_refuses_strangers_one_by_one(project: Project) -> None:
    scan(project)
    image = project.store.images.usable()[0]
    good = SentEvent("b" * 32, image.image_id, "skipped", None, None, None, None)
    stranger = SentEvent("c" * 32, 10_000, "skipped", None, None, None, None)
    stored = ProjectGate().append_events(project.directory, [good, stranger], "ann")
    assert stored.accepted == ["b" * 32]
    assert [one.uuid for one in stored.refused] == ["c" * 32]
    with pytest.raises(ColdstartError):
        ProjectGate().add_class(project.directory, "  ", "ann")


def test_the_gate_gives_out_files_of_known_content_only(project: Project) -> None:
    scan(project)
    gate = ProjectGate()
    image = project.store.images.usable()[0]
    assert image.content_hash is not None
    file = gate.thumbnail_file(project.directory, image.content_hash)
    assert file is not None
    assert file.is_file()
    assert gate.thumbnail_file(project.directory, "0" * 64) is None
    assert gate.image_file(project.directory, image.image_id, image.content_hash) is not None
    assert gate.image_file(project.directory, image.image_id, "0" * 64) is None


def test_every_page_lies_where_the_navigation_looks() -> None:
    assert ENTRY_SCRIPT.is_file()
    for name in ("data", "embeddings", "label", "train", "diagnostics"):
        assert Path(page_file(name)).is_file()
    # Were they beside each other, Streamlit would run a page without the entry script.
    assert not (ENTRY_SCRIPT.parent / "pages").exists()


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "file"))
    assert write_log(ValueError("x")).name == "app.log"
