"""Images are in a person's hands while they look at them, tab by tab."""

from __future__ import annotations

from page_helpers import OpenPage, texts

from coldstart.project import Project
from coldstart.ui import sign_in
from coldstart.ui.places import page_file
from coldstart.workflow.queue import queue_images


def test_leaving_the_labeller_returns_what_this_tab_held(
    open_page: OpenPage, embedded: Project
) -> None:
    ids = [row.image_id for row in embedded.store.images.usable()]
    queue_images(embedded, ids[:5], "for the test")
    app = open_page("label", embedded)
    me = sign_in.account()
    assert embedded.store.leases.held(me, ids) == set(ids[:5])
    embedded.store.leases.take(me, ids[10:12])  # in another tab
    app.switch_page(page_file("train")).run()
    assert not app.exception
    assert embedded.store.leases.held(me, ids) == set(ids[10:12])


def test_who_comes_when_others_hold_the_whole_queue_is_told_so(
    open_page: OpenPage, embedded: Project
) -> None:
    ids = [row.image_id for row in embedded.store.images.usable()]
    queue_images(embedded, ids[:5], "for the test")
    embedded.store.leases.take("ben", ids[:5])
    app = open_page("label", embedded)
    assert not app.error, app.error[0].value
    assert "Other people have all that is left of the queue before them." in texts(app)
