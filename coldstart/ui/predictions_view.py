"""What the model says of the whole pool, how much of it can be relied on, and the files of it."""

from __future__ import annotations

import io

import pandas as pd
import streamlit as st

from coldstart.jobs import command_line
from coldstart.project import Project, slug
from coldstart.ui import job_card, session
from coldstart.ui.head import question
from coldstart.ui.words import count, percent
from coldstart.workflow.confident import ConfidentShare, confident_share
from coldstart.workflow.finetune import FINETUNE
from coldstart.workflow.predictions import prediction_totals, predictions, predictions_csv
from coldstart.workflow.projects import check_export_place

PROBE = "probe"
_PERCENT = "%.0f%%"
_PRECISIONS = (0.8, 0.9, 0.95, 0.98, 0.99)


def show(project: Project) -> None:
    """The predicted classes, the share that is confident enough, and the files."""
    if project.store.runs.latest() is None:
        return
    question("What does it say about the whole pool?")
    model = _whose(project)
    totals = prediction_totals(project, model)
    if not totals:
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        _classes(totals)
    with right:
        share = _confident(project, sum(images for _, images, _ in totals), model)
        _files(project, share, model)


def _whose(project: Project) -> str:
    """Which model's predictions: a choice once a network has been fine-tuned."""
    if project.store.runs.latest(FINETUNE) is None:
        return PROBE
    chosen = st.segmented_control(
        "Whose predictions",
        (PROBE, FINETUNE),
        format_func={PROBE: "The probe", FINETUNE: "The fine-tuned network"}.__getitem__,
        default=PROBE,
        required=True,
        key="predictions_of",
        label_visibility="collapsed",
    )
    return str(chosen or PROBE)


def _classes(totals: list[tuple[str, int, float]]) -> None:
    st.dataframe(
        {
            "Class": [name for name, _, _ in totals],
            "Predicted images": [images for _, images, _ in totals],
            "Mean confidence": [100 * mean for _, _, mean in totals],
        },
        hide_index=True,
        column_config={"Mean confidence": st.column_config.NumberColumn(format=_PERCENT)},
        alt="Predicted images of each class",
    )
    st.caption(
        "Confidence is the model's own word: how far it can be trusted is what the audit says, not "
        "the model."
    )


def _confident(project: Project, images: int, model: str) -> ConfidentShare:
    precision = st.segmented_control(
        "How often must a prediction be right to be used without a look?",
        _PRECISIONS,
        format_func=percent,
        default=0.95,
        required=True,
        key="precision",
    )
    share = confident_share(project, float(precision or 0.95), model=model)
    if share.share is not None:
        st.markdown(
            f"**{count(round(share.share * images), 'image')}, the surest {percent(share.share)}, "
            f"are confident enough.** {share.words}"
        )
        st.caption(
            "Counted on audit images by a model that had seen none of their labels; the interval "
            "holds for all ten shares that were tried, at one such look."
        )
    else:
        st.markdown(share.words)
    return share


def _files(project: Project, share: ConfidentShare, model: str) -> None:
    name = f"{slug(project.name)}-predictions" + ("" if model == PROBE else f"-{model}")
    with st.container(horizontal=True):
        st.download_button(
            "Predictions (csv)",
            data=lambda: predictions_csv(_table(project, model)),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not session.may("export"),
        )
        st.download_button(
            "Predictions (parquet)",
            data=lambda: _parquet(_table(project, model)),
            file_name=f"{name}.parquet",
            mime="application/vnd.apache.parquet",
            icon=":material/download:",
            on_click="ignore",
            disabled=not session.may("export"),
        )
    with st.expander("A folder for each predicted class"):
        st.caption("Links to the images or copies of them, in a new folder on the server.")
        place = st.text_input(
            "New folder", str(project.directory / "exports" / "predicted"), key="predicted_to"
        )
        copies = st.checkbox("Copy the images instead of linking them", key="predicted_copies")
        apart = share.share is not None and st.checkbox(
            f"Put what is not {percent(share.precision)} sure into a folder of its own",
            key="predicted_apart",
        )
        arguments = ["--format", "folders", "--to", place]
        arguments += [] if model == PROBE else ["--model", model]
        arguments += ["--copies"] if copies else []
        arguments += ["--precision", f"{share.precision:g}"] if apart else []
        if st.button("Make the folders", icon=":material/folder:", disabled=not place.strip()):
            arguments[3] = str(check_export_place(project, place))
            job_card.start(project, "predict", arguments)
        st.code(command_line(project, "predict", arguments), language="bash")


def _table(project: Project, model: str) -> pd.DataFrame:
    table = predictions(project, model)
    return pd.DataFrame() if table is None else table


def _parquet(table: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()
