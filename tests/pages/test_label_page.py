"""Select & Label: the budget before it is committed, the queue that stands still, the views."""

from __future__ import annotations

import json
from typing import Any

from page_helpers import OpenPage, buttons, press, primary, texts
from streamlit.testing.v1 import AppTest

from coldstart.project import Project
from coldstart.selection import strategies
from coldstart.store import NewEvent


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


def test_emptying_the_queue_touches_no_label(open_page: OpenPage, embedded: Project) -> None:
    app = open_page("label", embedded)
    app.slider(key="budget").set_value(3).run()
    press(app, "Queue these 3")
    answer(embedded, embedded.store.batches.waiting()[0])
    press(app, "Queue more")
    press(app, "Empty the queue")
    assert embedded.store.batches.waiting() == []
    assert embedded.store.labels.counts() == {"class": 1}
