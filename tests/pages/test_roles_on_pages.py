"""What the pages let a labeller press: the table of roles, as a person meets it."""

from __future__ import annotations

import pytest
from page_helpers import OpenPage
from streamlit.testing.v1 import AppTest

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import sign_in
from coldstart.workflow import classes, doctor
from coldstart.workflow.queue import empty_queue, queue_images
from coldstart.workflow.team import change_settings, set_role

BY_PAGE = {
    "data": {"Scan again"},
    "embeddings": {"Compute"},
    "label": {"Queue more"},
    "train": {"Train", "Export", "Manifest (csv)"},
    "diagnostics": {"Report"},
}


def pressable(app: AppTest) -> dict[str, bool]:
    """Label -> whether it can be pressed, of every button that is drawn."""
    drawn = [*app.button, *app.get("download_button")]
    return {one.proto.label: not one.proto.disabled for one in drawn}


@pytest.fixture
def team(labelled: Project) -> Project:
    """Olga owns it; whoever looks is a labeller, or what a test makes them."""
    labelled.store.members.join("olga", signed_in=False)
    labelled.store.members.join(sign_in.account(), signed_in=False)
    queue_images(labelled, [21, 22, 23], "for the test", by="olga")
    return labelled


@pytest.mark.parametrize("page", BY_PAGE)
def test_a_labeller_cannot_press_what_only_others_may(
    page: str, open_page: OpenPage, team: Project
) -> None:
    wanted = BY_PAGE[page]
    shown = pressable(open_page(page, team))
    assert wanted <= set(shown), shown
    assert not any(shown[label] for label in wanted)
    set_role(team, sign_in.account(), "owner", by="olga")
    shown = pressable(open_page(page, team))
    assert all(shown[label] for label in wanted)


def test_what_a_button_would_do_is_refused_below_it_too(team: Project) -> None:
    me = sign_in.account()
    before = team.store.batches.waiting()
    class_id = classes.add(team, "new", by=me).class_id  # while labelling anybody may need one
    for act in (
        lambda: classes.rename(team, class_id, "other", was="new", by=me),
        lambda: classes.merge(team, [class_id], 1, by=me),
        lambda: classes.split(team, 1, {"x": [1]}, by=me),
        lambda: classes.delete(team, class_id, by=me),
        lambda: classes.paint(team, class_id, "#112233", by=me),
        lambda: classes.set_key(team, class_id, "q", by=me),
        lambda: classes.order(team, [class_id], by=me),
        lambda: classes.undo(team, by=me),
        lambda: empty_queue(team, by=me),
        lambda: change_settings(team, by=me, overlap=0.5),
        lambda: doctor.leave_out(team, "blank", excluded=True, by=me),
        lambda: doctor.decide(team, [1], out=True, by=me),
        lambda: set_role(team, me, "owner", by=me),
    ):
        with pytest.raises(ColdstartError, match="labeller in this project and may not") as refused:
            act()
        assert "Ask an owner" in refused.value.remedy
    assert team.store.batches.waiting() == before != []
