"""The Rehearse tab: what it shows of a rehearsal, and what it says while there is none."""

from __future__ import annotations

import numpy as np
from page_helpers import texts
from streamlit.testing.v1 import AppTest

from coldstart.project import Project
from coldstart.workflow.rehearse import Known, Plan, rehearse
from coldstart.workflow.rehearse_project import rehearsal_directory


def tab(project: Project) -> AppTest:
    """The tab alone, as the page draws it."""

    def script(directory: str) -> None:
        from coldstart.project import Project
        from coldstart.ui import rehearse_view

        rehearse_view.show(Project.open(directory))

    app = AppTest.from_function(script, args=(str(project.directory),), default_timeout=120)
    app.run()
    assert not app.exception
    return app


def test_with_few_labels_it_says_what_is_missing(labelled: Project) -> None:
    shown = texts(tab(labelled))
    assert "What would random have given me so far?" in shown
    assert "it takes 30 to say" in shown
    assert "a rehearsal takes 40" in shown


def test_a_finished_rehearsal_is_shown_with_its_result_first(labelled: Project) -> None:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(3, 8))
    truth = np.repeat(np.arange(3), 20)
    rows = middles[truth] + 0.4 * generator.normal(size=(60, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    known = Known("blobs", {"mine": rows.astype(np.float32)}, [f"c{one}" for one in truth])
    plan = Plan(strategies=("coreset",), per_class=(1, 2), repeats=4)
    rehearse(known, plan, rehearsal_directory(labelled))
    app = tab(labelled)
    # Four splits: a difference, but nothing that says it is one.
    assert "4 splits are too few to say that this is more than chance" in texts(app)
    assert "p after Holm's correction" not in texts(app)
    (table,) = app.dataframe
    assert table.value["p"].tolist() == ["", ""]
    assert "to" not in table.value["Beside random"][1]
    assert table.value["Strategy"].tolist() == ["Random", "CoreSet (farthest first)"]
