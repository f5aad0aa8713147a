"""The encoders on offer, as cards: what each knows, what it costs here, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import job_card, session
from coldstart.ui.guard import guard
from coldstart.ui.head import question
from coldstart.ui.words import duration
from coldstart.workflow.projects import check_allowed
from coldstart.workflow.team import change_settings

if TYPE_CHECKING:
    from coldstart.embeddings.encoders import EncoderCard

_COLUMNS = 3


def encoder_cards(project: Project, *, disabled: bool) -> None:
    """One card an encoder: what it knows, how large, whose, and whether it can run now."""
    from coldstart.embeddings.encoders import ENCODERS

    question("Which encoder fits your images?")
    _mirror_switch(project)
    with st.grid(_COLUMNS, min_column_width=300):
        for card in ENCODERS.values():
            with st.container(border=True, height="stretch"):
                _card(project, card, disabled=disabled)
        with st.container(border=True, height="stretch"):
            _any_timm_model(project, disabled=disabled)


def _card(project: Project, card: EncoderCard, *, disabled: bool) -> None:
    st.markdown(f"**{card.title}**")
    st.markdown(f"Knows {card.knows}.")
    st.caption(
        f"{card.dimension:,} dimensions · {card.input_pixels} px · {card.licence} · {card.paper}"
    )
    _cost(project, card.name)
    arguments = ["--encoder", card.name]
    if card.weights is None:
        st.markdown(":green-badge[:material/check: Nothing to download]")
    else:
        arguments += _weights(card)
    if st.button("Compute", key=f"compute_{card.name}", disabled=disabled):
        with guard():
            job_card.start(project, "embed", arguments)


def _any_timm_model(project: Project, *, disabled: bool) -> None:
    from coldstart.embeddings.encoders import TIMM_PREFIX, card_of

    st.markdown("**Any other model of timm**")
    st.markdown("By its name in the library timm, with timm's own preprocessing.")
    name = st.text_input("Name of the model", key="timm_name", placeholder="convnext_tiny.fb_in22k")
    if not name.strip():
        st.caption("A checkpoint of your own can be named once the model is.")
        return
    with guard():
        card = card_of(TIMM_PREFIX + name.strip().removeprefix(TIMM_PREFIX))
        st.caption(f"{card.dimension:,} dimensions · {card.input_pixels} px · {card.licence}")
        _cost(project, card.name)
        arguments = ["--encoder", card.name, *_weights(card)]
        if st.button("Compute", key="compute_timm", disabled=disabled):
            job_card.start(project, "embed", arguments)


def _cost(project: Project, encoder: str) -> None:
    """What the pool will take here, once the encoder has run on this machine."""
    from coldstart.embeddings.speed import images_per_second

    rate = images_per_second(encoder)
    if rate is None:
        return
    images = project.store.images.count("usable")
    st.caption(
        f"{rate:,.0f} images/s here the last time: about {duration(images / rate)} for this pool."
        if rate >= 1
        else f"{1 / rate:,.1f} s an image here the last time: about {duration(images / rate)}."
    )


def _weights(card: EncoderCard) -> list[str]:
    """Whether the weights are there, and how to get them; the arguments that name a local file."""
    source = card.weights
    if source is not None and source.present is not None:
        st.markdown(":green-badge[:material/check: Weights are here]")
    elif source is not None:
        st.markdown(f":orange-badge[:material/download: {source.size} to download once]")
    else:
        st.markdown(":orange-badge[:material/upload_file: Needs a file of weights]")
    with st.expander("Weights", type="compact"):
        if source is not None:
            st.markdown(
                "They are downloaded when the encoder first runs. Without a network, fetch the "
                f"file on a connected machine and put it at `{source.cached_file}`, or name it "
                "here. The encoder learned from this folder needs none."
            )
            st.code(source.command, language="bash", wrap_lines=True)
        file = st.text_input(
            "A weights file on this machine",
            key=f"weights_{card.name}",
            placeholder="/home/you/weights.safetensors",
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
        disabled=not session.may("settings"),
        help=(
            "Right for photos of things; wrong where left and right matter, as in digits, letters "
            "or signs. Encoders that learn from your images take it into account, in the sets "
            "computed from now on."
        ),
    )
    if mirror != bool(project.settings.get("mirror", True)):
        change_settings(project, by=session.annotator(), mirror=mirror)
        st.rerun()
