"""The History tab, and what a page allows each role."""

from __future__ import annotations

from page_helpers import OpenPage

from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.ui import sign_in
from coldstart.workflow.label import label_page


def history(open_page: OpenPage, project: Project):  # type: ignore[no-untyped-def]
    app = open_page("diagnostics", project)
    app.session_state["diagnostics_tab"] = "History"
    app.run()
    assert not app.exception
    return app


def headers(app) -> list[str]:  # type: ignore[no-untyped-def]
    return [one.value for one in app.subheader]


def test_a_batch_is_taken_back_with_one_button(open_page: OpenPage, labelled: Project) -> None:
    app = history(open_page, labelled)
    assert "Who labelled what, and when?" in headers(app)
    assert len(app.dataframe[0].value) == 20
    app.button(key="undo_now").click().run()
    assert not app.exception
    assert labelled.store.labels.current() == {}
    events = labelled.store.labels.events()
    assert len(events) == 40
    assert {one.acted_by for one in events[20:]} == {sign_in.account()}


def test_the_owner_gives_roles_and_sets_the_overlap(open_page: OpenPage, labelled: Project) -> None:
    labelled.store.members.join(sign_in.account(), signed_in=False)
    labelled.store.members.join("ben", signed_in=False)
    app = history(open_page, labelled)
    app.selectbox(key="role_of_ben").select("reviewer").run()
    assert labelled.store.members.get("ben").role == "reviewer"  # type: ignore[union-attr]
    app.slider(key="overlap_share").set_value(10).run()
    assert Project.open(labelled.directory).settings["overlap"] == 0.1


def test_a_labeller_sees_no_button_for_what_only_others_may(
    open_page: OpenPage, labelled: Project
) -> None:
    labelled.store.members.join("olga", signed_in=False)
    app = history(open_page, labelled)
    shown = {one.key for one in app.button}
    assert "undo_now" not in shown
    assert not any(str(one.key).startswith("role_of") for one in app.selectbox)
    assert not labelled.store.events.page(0, 1, annotator="olga")


def test_people_who_disagree_wait_for_the_reviewer(open_page: OpenPage, labelled: Project) -> None:
    first = labelled.store.images.usable()[0].image_id
    labelled.store.labels.append([NewEvent("against", first, "ben", "unsure")])
    assert labelled.store.labels.unresolved() == [first]
    page = label_page(labelled, "disagreement", 0)
    assert page.total == 1
    assert "ben: unsure" in page.images[0]["reason"]
    assert "ann: " in page.images[0]["reason"]
    app = open_page("label", labelled)
    (views,) = [one for one in app.button_group if one.key == "label_view"]
    assert "Disagreements" in views.options or "disagreement" in str(views.options)
