"""The model taken away: a folder that runs by itself, or one file for other programs."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import streamlit as st

from coldstart.jobs import command_line
from coldstart.project import Project, slug
from coldstart.store import JobRow
from coldstart.ui import job_card, session
from coldstart.ui.head import question
from coldstart.workflow.export_model import MODEL_FORMATS
from coldstart.workflow.finetune import FINETUNE
from coldstart.workflow.projects import check_export_place

EXPORT = "export-model"
_MODELS = {"probe": "The probe", FINETUNE: "The fine-tuned network"}
_ENDINGS = {"folder": "", "onnx": ".onnx", "torchscript": ".pt", "safetensors": ".safetensors"}


def show(project: Project) -> None:
    """Which model, in what format, and where to; then the files as a download."""
    question("How do I use the model elsewhere?")
    st.markdown(
        "As a folder with everything in it: `python predict.py FOLDER` says what the images of "
        "any folder show, on a machine without coldstart."
    )
    running = job_card.job_card(project, EXPORT)
    trained = [name for name in _MODELS if project.store.runs.latest(name) is not None]
    left, right = st.columns(2)
    model = left.selectbox("Model", trained, format_func=_MODELS.__getitem__, key="exported_model")
    format = right.selectbox(
        "Format",
        list(MODEL_FORMATS),
        format_func=lambda name: f"{name}: {MODEL_FORMATS[name]}",
        key="exported_format",
    )
    name = f"{slug(project.name)}-{model}{_ENDINGS[str(format)]}"
    place = st.text_input(
        "New folder" if format == "folder" else "File",
        str(project.directory / "exports" / name),
        key=f"exported_to_{name}",
    )
    arguments = ["--model", str(model), "--format", str(format), "--to", place]
    off = running or not place.strip() or not session.may("export")
    if st.button("Write it", icon=":material/output:", disabled=off):
        to = check_export_place(project, place)
        to.parent.mkdir(parents=True, exist_ok=True)
        arguments[5] = str(to)
        job_card.start(project, EXPORT, arguments)
    job = project.store.jobs.latest(EXPORT)
    if job is not None and job.state == "done":
        _written(project, job)
    st.code(command_line(project, EXPORT, arguments), language="bash")


def _written(project: Project, job: JobRow) -> None:
    """Where it is; what lies in the project can be downloaded."""
    result = job.result or {}
    target = Path(str(result.get("to", "")))
    if not target.exists():
        return
    st.markdown(f"Written to `{target}`.")
    for sentence in result.get("left_out") or ():
        st.caption(f"Left out: {sentence}")
    if project.directory in target.parents:
        st.download_button(
            "Download (zip)",
            data=partial(_zipped, target, list(result.get("files") or ())),
            file_name=f"{target.stem}.zip",
            mime="application/zip",
            icon=":material/download:",
            key="exported_zip",
            on_click="ignore",
            disabled=not session.may("export"),
        )


def _zipped(target: Path, names: list[str]) -> bytes:
    folder = target if target.is_dir() else target.parent
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(folder / name, f"{target.stem}/{name}")
    return stream.getvalue()
