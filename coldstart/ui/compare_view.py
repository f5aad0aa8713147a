"""Which embedding? Sets side by side: neighbours to judge by, measures, and accuracies."""

from __future__ import annotations

from html import escape

import streamlit as st

from coldstart.embeddings.measures import SHARES
from coldstart.figures import sets_purity_figure
from coldstart.project import Project
from coldstart.store import ImageRow
from coldstart.ui.guard import guarded
from coldstart.ui.head import question
from coldstart.ui.thumbnails import figure_html, thumbnail_base
from coldstart.ui.words import count
from coldstart.workflow.compare import (
    IMAGES_TO_SEARCH,
    LABELS_TO_SAY,
    Comparison,
    Score,
    compare_sets,
    neighbours_in,
)

_SEED = "compare_seed"


def compare(project: Project, active_name: str) -> None:
    """Shown from two sets on."""
    from coldstart.workflow.embed import embedding_sets

    names = [one.name for one in embedding_sets(project)]
    if len(names) < 2:
        return
    st.fragment(_compare)(project, names, active_name)


@guarded
def _compare(project: Project, names: list[str], active_name: str) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        question("Which of them suits your images?")
        if st.button("Four others", icon=":material/casino:", type="tertiary", key="compare_dice"):
            st.session_state[_SEED] = st.session_state.get(_SEED, 0) + 1
    others = [name for name in names if name != active_name]
    chosen = st.multiselect(
        "Sets to compare",
        names,
        default=[active_name, others[-1]] if active_name in names else names[-2:],
        key="compare_sets",
        help="The first is what the others are compared with.",
    )
    if len(chosen) < 2:
        st.caption("Choose two or more.")
        return
    seed = int(st.session_state.get(_SEED, 0))
    state = _state(project, chosen)
    base = thumbnail_base(project)
    for image, near in _kept_neighbours(project, tuple(chosen), seed, state):
        rows = "".join(
            f'<div class="cs-likeness cs-beside"><span title="{escape(name, quote=True)}">'
            f"{escape(name)}</span>{''.join(figure_html(base, one) for one in found)}</div>"
            for name, found in near.items()
        )
        st.html(
            f'<div class="cs-compare">{figure_html(base, image)}'
            f'<div class="cs-likenesses">{rows}</div></div>'
        )
    among = ""
    if project.store.images.count("usable") > IMAGES_TO_SEARCH:
        among = f", looked for among {IMAGES_TO_SEARCH:,} random images"
    st.caption(f"Random images, each with its five nearest neighbours in every set{among}.")
    if st.toggle("Measure them", key="compare_measure"):
        _measured(project, chosen)


def _measured(project: Project, chosen: list[str]) -> None:
    with st.spinner("Measuring"):
        labels = project.store.labels.last_event_id()
        comparison = _kept(project, tuple(chosen), (*_state(project, chosen), labels))
    st.markdown(comparison.sentence)
    rows = []
    for one in comparison.sets:
        measures = one.measures
        rows.append(
            {
                "Set": one.embedding_set,
                "Pure balls": f"{measures.purity_area:.0%}",
                "Neighbour stability": f"{measures.neighbour_stability:.0%}",
                "Intrinsic dimension": f"{measures.intrinsic_dimension:.1f} "
                f"of {measures.dimension:,}",
                "Hubness": f"{measures.hubness:.2f}",
                "k-NN": _words(one.nearest),
                "Probe": _words(one.probe),
            }
        )
    st.table(rows)
    st.caption(
        "Of the measures without labels hubness told most: in rehearsals on three kinds of images "
        "the set of lower hubness was the more accurate one in 26 of 30 pairs, that of lower "
        "intrinsic dimension in 23; pure balls and stability told next to nothing. None of these "
        "is an accuracy, and vectors that mean nothing can have a low hubness too: judge by the "
        "neighbours first."
    )
    with st.expander("What the measures mean", type="compact"):
        st.markdown(
            "- **Pure balls**: share of neighbourhoods within one k-means group, mean over twelve "
            "radii.\n- **Neighbour stability**: how much of the ten nearest neighbours two random "
            "halves of the coordinates agree in.\n- **Intrinsic dimension**: in how many "
            "directions the images really vary.\n- **Hubness**: how much a few images are "
            "everybody's neighbour (skewness of the counts).\n- **k-NN** and **probe**: "
            f"accuracies, from {LABELS_TO_SAY} labels on, with 95% intervals."
        )
        measured = count(comparison.sets[0].measures.rows, "random image")
        st.caption(f"Measured on {measured}.")
    curves = {one.embedding_set: one.measures.purity.tolist() for one in comparison.sets}
    st.markdown("**Up to which radius do neighbourhoods hold one kind of image?**")
    st.plotly_chart(sets_purity_figure(SHARES, curves), key="compare_purity")


def _words(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{score.accuracy:.0%} ({low:.0%}–{high:.0%})"


def _state(project: Project, chosen: list[str]) -> tuple[object, ...]:
    """What neighbours depend on: the vectors."""
    files = [project.embeddings / name / "vectors.npy" for name in chosen]
    return (
        *(file.stat().st_mtime_ns if file.exists() else 0 for file in files),
        project.directory,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _kept_neighbours(
    _project: Project, chosen: tuple[str, ...], seed: int, state: tuple[object, ...]
) -> list[tuple[ImageRow, dict[str, list[ImageRow]]]]:
    return neighbours_in(_project, chosen, seed=seed)


@st.cache_data(max_entries=32, show_spinner=False)
def _kept(_project: Project, chosen: tuple[str, ...], state: tuple[object, ...]) -> Comparison:
    return compare_sets(_project, chosen)
