"""SimCLR on the page: start it, watch it, and read whether it helped."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from coldstart.embeddings.simclr_history import best_epoch
from coldstart.errors import ColdstartError
from coldstart.figures import simclr_figure
from coldstart.project import Project
from coldstart.ui import job_card
from coldstart.ui.guard import guard, guarded
from coldstart.workflow.projects import check_allowed
from coldstart.workflow.simclr import DEFAULT_NETWORK, simclr_runs

_LOOK_AGAIN_S = 3
_NETWORKS = (DEFAULT_NETWORK, "dino_resnet50", "dinov2_vits14", "vgg16")


def simclr_panel(project: Project, *, disabled: bool) -> None:
    """The form, the curve of the newest run, and what came of it."""
    st.markdown(
        "SimCLR trains a network on your own images, without labels: two random views of one image "
        "shall lie near each other. It helps most where your images are unlike everyday photos. "
        "On a CPU it takes hours for some thousand images; the set in use stays in use."
    )
    running = job_card.running_job(project, "simclr") is not None
    st.fragment(_curve, run_every=_LOOK_AGAIN_S if running else None)(project)
    _verdict(project)
    with st.form("simclr_form", border=False):
        left, right = st.columns(2)
        network = left.selectbox(
            "Network",
            _NETWORKS,
            accept_new_options=True,
            help="Or the name of any model of timm, as timm:convnext_tiny.",
        )
        epochs = right.number_input("Epochs at most", 1, 2_000, 100)
        file = st.text_input(
            "A weights file to start from (optional)", placeholder="/home/you/weights.safetensors"
        )
        pressed = st.form_submit_button(
            "Train on my images", icon=":material/model_training:", disabled=disabled or running
        )
    if pressed:
        with guard():
            arguments = ["--encoder", str(network), "--epochs", str(int(epochs))]
            if file.strip():
                arguments += ["--weights", str(_file(file))]
            job_card.start(project, "simclr", arguments)


@guarded
def _curve(project: Project) -> None:
    runs = simclr_runs(project)
    if not runs:
        return
    name, history = list(runs.items())[-1]
    if not history:
        return
    best = best_epoch(history)
    st.markdown(f"**Does training “{name}” still help?**")
    st.plotly_chart(
        simclr_figure(
            [one.epoch for one in history],
            [one.loss for one in history],
            [one.consistency for one in history],
            best,
        ),
        key="simclr_curve",
    )
    st.caption(
        "Neighbour consistency: of images kept aside, how many views have the other view of the "
        "same image for their nearest neighbour. Epoch 0 is the network as it started. It stops by "
        "itself when this no longer rises."
    )


def _verdict(project: Project) -> None:
    job = project.store.jobs.latest("simclr")
    if job is None or job.state != "done" or not job.result:
        return
    result = job.result
    st.markdown(
        f"Started from {result.get('started_from')}. {result.get('verdict')} To work with "
        f"“{result.get('embedding_set')}”, choose it below."
    )


def _file(typed: str) -> Path:
    path = Path(typed.strip()).expanduser()
    check_allowed(path.parent)
    if not path.is_file():
        raise ColdstartError(f"There is no file {path}.", "Check the path of the weights.")
    return path
