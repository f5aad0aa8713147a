"""Select & Label: the budget before it is committed, the queue that stands still, the views."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from page_helpers import OpenPage, buttons, press, primary, texts
from streamlit.testing.v1 import AppTest

from coldstart.project import Project
from coldstart.selection import strategies
from coldstart.store import NewEvent
from coldstart.ui import desk_cache, selection_view
from coldstart.workflow import desk
from coldstart.workflow.queue import queue_images


def labeller_data(app: AppTest) -> dict[str, Any]:
    """What the grid labeller was given."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def answer(project: Project, image_id: int, name: str = "dark", kind: str = "class") -> None:
    class_id = project.store.labels.add_class(name).class_id if kind == "class" else None
    project.store.labels.append([NewEvent(f"uuid-{image_id:08d}", image_id, "ann", kind, class_id)])


def test_the_coverage_of_a_budget_is_shown_before_it_is_queued(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    assert not app.error, app.error[0].value
    assert app.get("plotly_chart")
    assert "would take coverage from" in texts(app)
    app.slider(key="budget").set_value(6).run()
    assert primary(app) == ["Queue these 6"]
    assert embedded.store.batches.all() == []


def test_queueing_folds_the_choice_away_and_opens_the_labeller(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(6).run()
    press(app, "Queue these 6")
    assert not app.error, app.error[0].value
    data = labeller_data(app)
    assert [one["id"] for one in data["images"]] == embedded.store.batches.waiting()
    assert len(data["images"]) == 6
    assert data["classes"] == []
    assert not app.slider
    assert "Queue more" in buttons(app)


def test_the_audit_is_a_switch_with_a_warning(open_page: OpenPage, embedded: Project) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(10).run()
    assert "2 of them drawn at random measure the accuracy" in texts(app)
    assert not app.warning
    app.toggle(key="audit_switch").set_value(False).run()
    assert "nobody can tell you how good the model is" in app.warning[0].value
    assert Project.open(embedded.directory).settings["audit_share"] == 0
    assert "drawn at random measure" not in texts(app)
    app.toggle(key="audit_switch").set_value(True).run()
    assert "audit_share" not in Project.open(embedded.directory).settings
    press(app, "Queue these 10")
    assert len(embedded.store.audit.asked()) == 2
    assert len({one["reason"] for one in labeller_data(app)["images"]}) == 1


def test_every_strategy_is_offered_with_its_own_settings(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    for name, kind in strategies().items():
        app.selectbox(key="strategy").set_value(name).run()
        if kind.needs_labels:
            assert "labels of at least two classes" in app.error[0].value
        else:
            assert not app.error, (name, app.error[0].value)
        assert kind.summary in texts(app)
    app.selectbox(key="strategy").set_value("probcover").run()
    app.selectbox(key="setting_probcover_delta").set_value("a number").run()
    app.number_input(key="setting_probcover_delta_number").set_value(0.4).run()
    assert not app.error
    app.slider(key="budget").set_value(3).run()
    press(app, "Queue these 3")
    assert embedded.store.batches.all()[0].settings["delta"] == 0.4


def picks_shown(app: AppTest) -> list[str]:
    """File names of the picks on the page, in order."""
    grid = next(one.value for one in app.html if "cs-picks" in one.value)
    return re.findall(r'alt="\d+: ([^"]+)"', grid)


@pytest.mark.parametrize("strategy", ["auto", "probcover"])
def test_what_is_seen_is_what_is_queued(
    open_page: OpenPage, embedded: Project, strategy: str
) -> None:
    app = open_page("label", embedded)
    app.toggle(key="audit_switch").set_value(False).run()
    app.selectbox(key="strategy").set_value(strategy).run()
    app.slider(key="budget").set_value(4).run()
    assert not app.error, app.error[0].value
    assert "Which images would these be?" in texts(app)
    assert len(app.get("plotly_chart")) == 2  # the curve, and the picks on the map
    seen = picks_shown(app)
    assert len(seen) == 4
    assert all(one in texts(app) for one in ("<b>1</b>", "<b>4</b>"))
    assert embedded.store.batches.all() == []
    press(app, "Queue these 4")
    queued = embedded.store.batches.waiting()
    rows = embedded.store.images.get(queued)
    assert [rows[one].name for one in queued] == seen


def test_another_radius_brings_other_picks_and_says_why(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    app.selectbox(key="strategy").set_value("probcover").run()
    assert "tried, the one whose picks lie closest" in texts(app)
    app.selectbox(key="setting_probcover_delta").set_value("a number").run()
    app.number_input(key="setting_probcover_delta_number").set_value(0.05).run()
    assert "ProbCover picks with radius 0.05: the one set for ProbCover" in texts(app)
    narrow = picks_shown(app)
    app.number_input(key="setting_probcover_delta_number").set_value(1.2).run()
    assert picks_shown(app) != narrow


def test_requests_go_with_what_is_queued(
    open_page: OpenPage, embedded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    for number, row in enumerate(embedded.store.images.usable()[:6]):
        answer(embedded, row.image_id, "dark" if number % 2 else "light")
    app = open_page("label", embedded)
    app.multiselect(key="wished_classes").set_value(["dark"]).run()
    app.number_input(key="wish_dark").set_value(2).run()
    app.toggle(key="away_switch").set_value(True).run()
    app.number_input(key="away").set_value(0.002).run()
    assert not app.error, app.error[0].value
    assert "wished for: dark at" in texts(app)
    # A pool so large that choosing is a job takes them along, and a look can be asked for first.
    for module in (desk_cache, selection_view, desk):
        monkeypatch.setattr(module, "AT_ONCE", 3)
    monkeypatch.setattr("coldstart.jobs.submit", lambda *said, **_: asked.append(said[2]))
    app.slider(key="budget").set_value(3).run()
    press(app, "Choose now, and show me")
    press(app, "Queue these 3")
    for arguments in asked:
        line = " ".join(arguments)
        assert "--strategy auto --budget 3" in line
        assert "--more dark=2 --away-from-labelled 0.002" in line
    assert [("--dry-run" in arguments) for arguments in asked] == [True, False]


def test_answered_images_stay_until_the_person_leaves(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(3).run()
    press(app, "Queue these 3")
    shown = [one["id"] for one in labeller_data(app)["images"]]
    answer(embedded, shown[0])
    app.run()
    again = labeller_data(app)["images"]
    assert [one["id"] for one in again] == shown
    assert again[0]["state"]["kind"] == "class"
    # Coming back is another visit: only what waits is shown.
    app = open_page("label", embedded)
    assert [one["id"] for one in labeller_data(app)["images"]] == shown[1:]


def test_another_order_is_one_of_what_is_left_to_answer(
    open_page: OpenPage, embedded: Project
) -> None:
    ids = [row.image_id for row in embedded.store.images.usable()[:8]]
    queue_images(embedded, ids, "for the test")
    app = open_page("label", embedded)
    for image_id in ids[:3]:
        answer(embedded, image_id)
    app.run()
    assert [one["id"] for one in labeller_data(app)["images"]] == ids
    app.selectbox(key="queue_order").set_value("likeness").run()
    assert sorted(one["id"] for one in labeller_data(app)["images"]) == ids[3:]
    for image_id in ids[3:]:
        answer(embedded, image_id)
    app.selectbox(key="queue_order").set_value("rank").run()
    assert len(labeller_data(app)["images"]) == 5  # nothing is left: what was done stays in sight


def test_when_all_is_answered_the_next_step_is_offered(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(2).run()
    press(app, "Queue these 2")
    for image_id in embedded.store.batches.waiting():
        answer(embedded, image_id)
    app.run()
    assert primary(app) == ["Go to Train"]
    press(app, "Queue more")
    assert app.slider(key="budget")


def test_views_list_what_was_answered(open_page: OpenPage, embedded: Project) -> None:
    rows = embedded.store.images.usable()
    answer(embedded, rows[0].image_id)
    answer(embedded, rows[1].image_id, kind="skipped")
    app = open_page("label", embedded)
    view = app.get("segmented_control")[0]
    assert [option.content for option in view.proto.options] == [
        "Queue",
        "Labelled",
        "Skipped",
        "Unsure",
        "Excluded",
        "Disagreements",
    ]
    app.session_state["label_view"] = "skipped"
    app.run()
    assert [one["id"] for one in labeller_data(app)["images"]] == [rows[1].image_id]
    app.session_state["label_view"] = "excluded"
    app.run()
    assert "No image stands at" in texts(app)


def test_labels_from_a_file_are_taken(open_page: OpenPage, embedded: Project) -> None:
    paths = [row.path for row in embedded.store.images.usable()[:2]]
    app = open_page("label", embedded)
    lines = f"path,class_name\n{paths[0]},dark\n{paths[1]},light\n"
    app.file_uploader(key="own_labels").upload("mine.csv", lines.encode()).run()
    press(app, "Take these labels")
    assert "2 labels taken" in texts(app)
    assert embedded.store.labels.counts() == {"class": 2}
    app.file_uploader(key="own_labels").upload("bad.csv", b"a,b\n1,2\n").run()


def test_a_table_of_weights_decides_what_is_shown_and_queued(
    open_page: OpenPage, embedded: Project
) -> None:
    heavy = embedded.store.images.usable()[7].path
    app = open_page("label", embedded)
    app.toggle(key="audit_switch").set_value(False).run()
    app.selectbox(key="strategy").set_value("maxherding").run()
    app.slider(key="budget").set_value(1).run()
    alike = picks_shown(app)
    app.file_uploader(key="weights_table").upload("bad.csv", b"path,weight\nx,much\n").run()
    assert "the weight 'much' is no number of at least 0" in app.error[0].value
    assert "Line 2 of bad.csv" in app.error[0].value
    assert picks_shown(app) == alike
    table = f"path,weight\n{heavy},1000\nelsewhere.png,2\n".encode()
    app.file_uploader(key="weights_table").upload("mine.csv", table).run()
    assert not app.error, app.error[0].value
    assert "mine.csv: 1 image of this pool counts what it says" in texts(app)
    assert "1 path names no single image here (elsewhere.png)" in texts(app)
    assert picks_shown(app) == [heavy.rsplit("/", 1)[-1]]
    press(app, "Queue these 1")
    assert [
        embedded.store.images.get([one])[one].path for one in embedded.store.batches.waiting()
    ] == [heavy]
    press(app, "Queue more")
    press(app, "Empty the queue")
    press(app, "Count every image alike")
    app.slider(key="budget").set_value(1).run()
    assert picks_shown(app) == alike


def test_a_strategy_of_scikit_activeml_can_be_chosen(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("label", embedded)
    app.selectbox(key="strategy").set_value("skactiveml").run()
    offered = app.selectbox(key="skactiveml_peer").options
    assert {"CoreSet", "ProbCover", "TypiClust"} <= set(offered)
    app.selectbox(key="skactiveml_peer").set_value("CoreSet").run()
    app.slider(key="budget").set_value(4).run()
    assert not app.error, app.error[0].value
    grid = next(one.value for one in app.html if "cs-picks" in one.value)
    assert len(re.findall(r"asked for by scikit-activeml&#x27;s CoreSet</fig", grid)) == 4
    press(app, "Queue these 4")
    batch = embedded.store.batches.all()[0]
    assert (batch.strategy, len(embedded.store.batches.waiting())) == ("skactiveml", 4)
    assert batch.settings["peer"] == "CoreSet"


def test_emptying_the_queue_touches_no_label(open_page: OpenPage, embedded: Project) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(3).run()
    press(app, "Queue these 3")
    answer(embedded, embedded.store.batches.waiting()[0])
    press(app, "Queue more")
    press(app, "Empty the queue")
    assert embedded.store.batches.waiting() == []
    assert embedded.store.labels.counts() == {"class": 1}


def test_a_suggested_class_is_asked_for_before_anything_is_suggested(
    open_page: OpenPage, embedded: Project
) -> None:
    rows = embedded.store.images.usable()
    answer(embedded, rows[1].image_id, "dark")
    app = open_page("label", embedded)
    suggested = next(one for one in app.selectbox if one.label == "Suggested class")
    suggested.set_value(embedded.store.classes.all()[0].class_id).run()
    app.session_state["search_open"] = True
    app.button(key="search_show").click().run()
    assert not app.session_state["search_open"]  # it would lie over what it has found
    assert [one.value for one in app.error] == [
        "**Nothing is suggested yet.** Label at least six images of two classes first."
    ]
    assert "No image fits" not in texts(app)
    # Queueing what is not there is refused in the same words.
    app.button(key="search_queue").click().run()
    assert {one.value for one in app.error} == {app.error[0].value}
    assert embedded.store.batches.all() == []
    # With labels enough the same search finds them.
    for number, row in enumerate(rows[2:12]):
        answer(embedded, row.image_id, "dark" if number % 2 else "light")
    app.run()
    assert not app.error
    assert labeller_data(app)["images"]
    app.button(key="search_clear").click().run()
    assert app.button(key="search_show").disabled


def test_rare_classes_are_told_with_the_setting_that_looks_for_them(
    open_page: OpenPage, embedded: Project
) -> None:
    ids = [row.image_id for row in embedded.store.images.usable()]
    answer(embedded, ids[0], "light")
    for one in ids[1:19]:
        answer(embedded, one)
    app = open_page("label", embedded)
    assert "times the labels of the smallest" not in texts(app)
    assert app.toggle(key="setting_auto_rare_classes")
    for one in ids[19:22]:
        answer(embedded, one)
    app = open_page("label", embedded)
    assert "has 21 times the labels of the smallest" in texts(app)
    assert "*Look for rare classes* was worth" in texts(app)
    app.toggle(key="audit_switch").set_value(False).run()
    assert "are looked for" not in texts(app)
    app.toggle(key="setting_auto_rare_classes").set_value(True).run()
    assert "1 of 2 picks are by CoreSet" in texts(app)
    seen = picks_shown(app)
    app.selectbox(key="strategy").select("coreset").run()
    assert "with *Automatic* was worth" in texts(app)
    app.selectbox(key="strategy").select("auto").run()
    app.toggle(key="setting_auto_rare_classes").set_value(True).run()
    press(app, "Queue these 2")
    queued = embedded.store.batches.waiting()
    rows = embedded.store.images.get(queued)
    assert [rows[one].name for one in queued] == seen


def test_what_is_found_is_named_with_its_order_and_left_by_choosing_another_list(
    open_page: OpenPage, embedded: Project
) -> None:
    rows = embedded.store.images.usable()
    answer(embedded, rows[0].image_id)
    queue_images(embedded, [row.image_id for row in rows[:6]], "for the test")
    app = open_page("label", embedded)
    app.selectbox(key="queue_order").set_value("likeness").run()
    next(one for one in app.text_input if one.label == "Path contains").set_value("box-1").run()
    app.button(key="search_show").click().run()
    found = [row.image_id for row in rows if "box-1" in row.path]
    assert [one["id"] for one in labeller_data(app)["images"]] == found
    # No order of the queue is offered for them; which they have is said.
    assert "queue_order" not in {one.key for one in app.selectbox}
    assert f"{len(found)} images found, in the order of the scan." in texts(app)
    view = app.get("segmented_control")[0]
    assert [option.content for option in view.proto.options][-1] == "Found"
    view.set_value("class").run()
    assert [one["id"] for one in labeller_data(app)["images"]] == [rows[0].image_id]
    assert "images found" not in texts(app)
    # Back at the queue its order is the one chosen before.
    app.get("segmented_control")[0].set_value("queue").run()
    assert app.selectbox(key="queue_order").value == "likeness"
