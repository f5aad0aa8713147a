"""What the Embeddings page shows: encoders, finished sets, and what each takes to be alike."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from coldstart.project import Project
from coldstart.ui import job_card, session
from coldstart.ui.guard import guard, guarded, plain
from coldstart.ui.head import question
from coldstart.ui.thumbnails import neighbours_html
from coldstart.ui.words import count

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet

_VECTOR_FILES = ["npy", "npz", "pth", "pt", "safetensors", "parquet"]
_LIST_FILES = ["txt", "csv", "json"]
_EXAMPLES_SEED = "likeness_seed"


def active(project: Project) -> EmbeddingSet | None:
    """The embedding set the project works with."""
    from coldstart.workflow.pool import active_set

    return active_set(project)


def compute_default(project: Project, action: DeltaGenerator, *, disabled: bool) -> None:
    """The primary action while there is no set: the encoder that needs nothing."""
    from coldstart.workflow.embed import DEFAULT_ENCODER

    if action.button(
        "Compute embeddings", type="primary", icon=":material/play_arrow:", disabled=disabled
    ):
        job_card.start(project, "embed", ["--encoder", DEFAULT_ENCODER])


def without_vector(project: Project, active_one: EmbeddingSet, *, disabled: bool) -> None:
    """Say that images came since the set was made, and offer to compute theirs."""
    from coldstart.workflow.embed import words_to_complete
    from coldstart.workflow.pictures import pictures_of

    lacking = pictures_of(project, active_one).without_vector
    if not lacking:
        return
    own = active_one.meta.get("encoder", "file") == "file"
    with st.container(border=True, gap="small", key="without_vector"):
        st.markdown(
            f"**{count(lacking, 'image')}** without a vector in “{plain(active_one.name)}”: until "
            "there is one, nothing is picked or predicted of "
            + ("it. " if lacking == 1 else "them. ")
            + ("Import your vectors again, with the new ones." if own else "")
        )
        if not own and st.button(
            "Compute what is missing", icon=":material/play_arrow:", disabled=disabled
        ):
            job_card.start(project, "embed", words_to_complete(active_one))


def likeness(project: Project, active_one: EmbeddingSet) -> None:
    """Random images with their nearest neighbours: by this a person judges an embedding."""
    st.fragment(_likeness)(project, active_one)


@guarded
def _likeness(project: Project, active_one: EmbeddingSet) -> None:
    from coldstart.workflow.embed import neighbour_examples
    from coldstart.workflow.pool import MEASURED_IMAGES

    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        question("Does it find alike what you find alike?")
        if st.button("Six others", icon=":material/casino:", type="tertiary"):
            st.session_state[_EXAMPLES_SEED] = st.session_state.get(_EXAMPLES_SEED, 0) + 1
    seed = int(st.session_state.get(_EXAMPLES_SEED, 0))
    which = f"{active_one.name} {active_one.meta.get('created_at')} {len(active_one.image_ids)}"
    examples = project.store.images.remembered(
        f"neighbours in {which} {seed}",
        lambda: neighbour_examples(project, seed=seed),
    )
    st.html(neighbours_html(project, examples))
    among = ""
    if project.store.images.count("usable") > MEASURED_IMAGES:
        among = f", looked for among {MEASURED_IMAGES:,} random images"
    st.caption(
        f"Six random images, each with its five nearest neighbours in the set “{active_one.name}”"
        f"{among}."
    )


def own_vectors(project: Project) -> None:
    """Take a matrix the person has, checked against the images."""
    from coldstart.workflow.embed import image_paths

    st.markdown(
        "One row for each image: either in the order of the images' paths, or with a list that "
        "names the image of each row. A file that would run code when it is opened is refused."
    )
    st.download_button(
        "The images' paths in that order",
        data=lambda: image_paths(project),
        file_name="paths.txt",
        mime="text/plain",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    left, right = st.columns(2)
    matrix = left.file_uploader("Vectors", type=_VECTOR_FILES, key="own_matrix")
    paths = right.file_uploader("List of paths (optional)", type=_LIST_FILES, key="own_paths")
    name = st.text_input("Name of the set", key="own_name", placeholder="the file's name")
    if st.button(
        "Check and import",
        disabled=matrix is None or not session.may("import"),
        icon=":material/upload:",
    ):
        assert matrix is not None
        with guard():
            report = _import(project, matrix, paths, name)
            st.success(f"{count(report, 'vector')} imported.")
            st.rerun()


def _import(project: Project, matrix: UploadedFile, paths: UploadedFile | None, name: str) -> int:
    from coldstart.workflow.embed import import_vectors

    session.require("import")
    with tempfile.TemporaryDirectory() as folder, st.spinner("Checking"):
        file = Path(folder) / Path(matrix.name).name
        file.write_bytes(matrix.getvalue())
        listed = None
        if paths is not None:
            listed = Path(folder) / f"paths-{Path(paths.name).name}"
            listed.write_bytes(paths.getvalue())
        return import_vectors(project, file, paths=listed, name=name.strip() or None).images


def finished_sets(project: Project, active_one: EmbeddingSet | None) -> None:
    """Every set of the project, with the one in use marked."""
    from coldstart.workflow.embed import embedding_sets, use_set

    sets = embedding_sets(project)
    if not sets:
        return
    question("Which embedding set is in use?")
    for one in sets:
        complete = bool(one.meta.get("complete"))
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(width="content", gap=None):
                st.text(one.name)
                state = "finished" if complete else "not finished: compute it again to go on"
                st.caption(
                    f"{count(len(one.image_ids), 'vector')} of {one.meta.get('dimension', '?')} "
                    f"dimensions · encoder {one.meta.get('encoder', '?')} · {state}"
                )
            if active_one is not None and one.name == active_one.name:
                st.markdown(":green-badge[:material/check: in use]", width="content")
            elif st.button("Use this", key=f"use_{one.name}", disabled=not complete):
                session.require("settings")
                use_set(project, one.name)
                st.rerun()
