"""What the Embeddings page shows: encoders, finished sets, and what each takes to be alike."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import job_card
from coldstart.ui.guard import guard, guarded
from coldstart.ui.head import question
from coldstart.ui.thumbnails import neighbours_html
from coldstart.ui.words import count
from coldstart.workflow.projects import check_allowed

if TYPE_CHECKING:
    from coldstart.embeddings.encoders import EncoderCard
    from coldstart.embeddings.matrix import EmbeddingSet

_VECTOR_FILES = ["npy", "npz", "pth", "pt", "safetensors", "parquet"]
_LIST_FILES = ["txt", "csv", "json", "npy", "parquet"]
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


def likeness(project: Project, active_one: EmbeddingSet) -> None:
    """Random images with their nearest neighbours: by this a person judges an embedding."""
    st.fragment(_likeness)(project, active_one.name)


@guarded
def _likeness(project: Project, name: str) -> None:
    from coldstart.workflow.embed import neighbour_examples

    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        question("Does it find alike what you find alike?")
        if st.button("Six others", icon=":material/casino:", type="tertiary"):
            st.session_state[_EXAMPLES_SEED] = st.session_state.get(_EXAMPLES_SEED, 0) + 1
    seed = int(st.session_state.get(_EXAMPLES_SEED, 0))
    st.html(neighbours_html(project, neighbour_examples(project, seed=seed)))
    st.caption(f"Six random images, each with its five nearest neighbours in the set “{name}”.")


def encoder_cards(project: Project, *, disabled: bool) -> None:
    """One card an encoder: what it knows, how large, whose, and whether it can run now."""
    from coldstart.embeddings.encoders import ENCODERS

    question("Which encoder fits your images?")
    _mirror_switch(project)
    with st.grid(max(2, min(3, len(ENCODERS))), min_column_width=300):
        for card in ENCODERS.values():
            with st.container(border=True, height="stretch"):
                _card(project, card, disabled=disabled)


def _card(project: Project, card: EncoderCard, *, disabled: bool) -> None:
    st.markdown(f"**{card.title}**")
    st.markdown(f"Knows {card.knows}.")
    st.caption(
        f"{card.dimension:,} dimensions · {card.input_pixels} px · {card.licence} · {card.paper}"
    )
    arguments = ["--encoder", card.name]
    if card.weights is None:
        st.markdown(":green-badge[:material/check: Nothing to download]")
    else:
        arguments += _weights(card)
    if st.button("Compute", key=f"compute_{card.name}", disabled=disabled):
        with guard():
            job_card.start(project, "embed", arguments)


def _weights(card: EncoderCard) -> list[str]:
    """Whether the weights are there, and how to get them; the arguments that name a local file."""
    source = card.weights
    assert source is not None
    if source.cached_file.is_file():
        st.markdown(":green-badge[:material/check: Weights are here]")
    else:
        st.markdown(f":orange-badge[:material/download: {source.megabytes:,} MB to download once]")
    with st.expander("Weights", type="compact"):
        st.markdown(
            "They are downloaded when the encoder first runs. Without a network, fetch the file on "
            f"a connected machine and put it at `{source.cached_file}`, or name it here."
        )
        st.code(source.command, language="bash")
        file = st.text_input(
            "A weights file on this machine",
            key=f"weights_{card.name}",
            placeholder="/home/you/weights.pth",
        )
    if not file.strip():
        return []
    with guard():
        return ["--weights", str(_weights_file(file))]
    return []


def _weights_file(typed: str) -> Path:
    path = Path(typed.strip()).expanduser()
    check_allowed(path.parent)
    if not path.is_file():
        raise ColdstartError(f"There is no file {path}.", "Check the path of the weights.")
    return path


def _mirror_switch(project: Project) -> None:
    mirror = st.toggle(
        "A mirrored image shows the same thing",
        value=bool(project.settings.get("mirror", True)),
        key=f"mirror_{project.directory.name}",
        help=(
            "Right for photos of things; wrong where left and right matter, as in digits, letters "
            "or signs. Encoders that learn from your images take it into account, in the sets "
            "computed from now on."
        ),
    )
    if mirror != bool(project.settings.get("mirror", True)):
        project.set(mirror=mirror)
        st.rerun()


def own_vectors(project: Project) -> None:
    """Take a matrix the person has, checked against the images."""
    st.markdown(
        "One row for each image: either in the order of the images' paths, or with a list that "
        "names the image of each row. A file that would run code when it is opened is refused."
    )
    left, right = st.columns(2)
    matrix = left.file_uploader("Vectors", type=_VECTOR_FILES, key="own_matrix")
    paths = right.file_uploader("List of paths (optional)", type=_LIST_FILES, key="own_paths")
    name = st.text_input("Name of the set", key="own_name", placeholder="the file's name")
    if st.button("Check and import", disabled=matrix is None, icon=":material/upload:"):
        assert matrix is not None
        with guard():
            report = _import(project, matrix, paths, name)
            st.success(f"{count(report, 'vector')} imported.")
            st.rerun()


def _import(project: Project, matrix: UploadedFile, paths: UploadedFile | None, name: str) -> int:
    from coldstart.workflow.embed import import_vectors

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
                use_set(project, one.name)
                st.rerun()
