"""Fine-tuning on the Train page: start it, watch it, and read what it is worth beside the probe."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import RunRow
from coldstart.training.finetune_history import best_epoch
from coldstart.training.side_by_side import SideBySide
from coldstart.ui import job_card, session
from coldstart.ui.facts import show_facts
from coldstart.ui.guard import guard, guarded
from coldstart.ui.head import question
from coldstart.ui.plots import plot
from coldstart.ui.words import ago, count, percent
from coldstart.workflow.finetune import FINETUNE, finetune_runs, latest_finetune
from coldstart.workflow.projects import check_allowed
from coldstart.workflow.train import TrainingState

_LOOK_AGAIN_S = 3
_OF_THE_SET = "That of the embeddings in use"
_NETWORKS = (_OF_THE_SET, "timm:resnet18", "timm:mobilenetv3_large_100", "dinov2_vits14")
_DEPTHS = {"0": "The whole network", "4": "Its last four blocks", "1": "Its last block"}


def show(project: Project, state: TrainingState) -> None:
    """The form, the curve of the newest run, and its figures beside the probe's."""
    question("Would a network that learns from my images do better?")
    running = job_card.job_card(project, FINETUNE)
    found = latest_finetune(project)
    if found is not None:
        _figures(*found)
    elif not running:
        st.markdown(
            "The probe learns on top of a network that stays as it is. Fine-tuning lets the "
            "network itself learn: worth trying from some hundred labels on, where your images "
            "are unlike everyday photos. On a CPU it takes many minutes; the probe stays."
        )
    st.fragment(_curve, run_every=_LOOK_AGAIN_S if running else None)(project)
    with st.expander("Fine-tune a network" if found is None else "Fine-tune again"):
        _form(project, disabled=running or not state.can_train or not session.may("run"))


def _form(project: Project, *, disabled: bool) -> None:
    with st.form("finetune_form", border=False):
        left, right = st.columns(2)
        network = left.selectbox(
            "Network",
            _NETWORKS,
            accept_new_options=True,
            help="Or the name of any model of timm, as timm:convnext_tiny.",
        )
        depth = right.selectbox(
            "What learns", list(_DEPTHS), format_func=lambda key: _DEPTHS.get(key, key)
        )
        epochs = left.number_input(
            "Epochs at most", 1, 1_000, None, placeholder="15, with a GPU 50"
        )
        pixels = right.number_input(
            "Side of the images, in pixels",
            32,
            1_024,
            None,
            placeholder="its own; smaller is quicker",
        )
        file = st.text_input(
            "A weights file to start from (optional)", placeholder="/home/you/weights.safetensors"
        )
        pressed = st.form_submit_button(
            "Fine-tune", icon=":material/model_training:", disabled=disabled
        )
    st.caption(
        "A fifth of the labels is kept aside to decide when to stop; the audit's are used for "
        "nothing but to measure. Cancelled or killed, it goes on after its last epoch."
    )
    if pressed:
        with guard():
            arguments = [] if network in (None, _OF_THE_SET) else ["--encoder", str(network)]
            arguments += [] if depth in (None, "0") else ["--blocks", str(depth)]
            arguments += [] if epochs is None else ["--epochs", str(int(epochs))]
            arguments += [] if pixels is None else ["--pixels", str(int(pixels))]
            arguments += ["--weights", str(_file(file))] if file.strip() else []
            job_card.start(project, FINETUNE, arguments)


def _figures(run: RunRow, compared: SideBySide | None) -> None:
    about = run.evaluation
    if compared is not None:
        facts = [
            ("Fine-tuned network on the audit", _share(compared.accuracy, compared.interval)),
            ("Probe on the same images", _share(compared.probe_accuracy, compared.probe_interval)),
        ]
    else:
        facts = [("Fine-tuned network", "not measured yet")]
    aside = about.get("kept_aside_right")
    if compared is None and aside is not None:
        facts.append(("Right on the labels kept aside", percent(aside)))
    kept = about.get("kept_aside", 0)
    facts.append(
        ("Labels it learned from, and to stop by", f"{run.label_count - kept:,} + {kept:,}")
    )
    show_facts(facts)
    st.markdown(about.get("how", ""))
    if about.get("classes") and about.get("probe_classes"):
        network, probe = about["classes"], about["probe_classes"]
        st.markdown(
            f"With every class alike: {percent(network['balanced_accuracy'])} of the images are "
            f"found by the network, {percent(probe['balanced_accuracy'])} by the probe; macro-F1 "
            f"{percent(network['macro_f1'])} and {percent(probe['macro_f1'])}."
        )
    if about.get("best_epoch") == 0:
        st.markdown(
            "No epoch lowered the loss on the labels kept aside, so the network is kept as it "
            "started, with a probe as its last layer: fine-tuning did not help here."
        )
    st.caption(
        f"Trained {ago(run.created_at)} from {about.get('started_from')}, at "
        f"{about.get('side')} pixels, for {count(about.get('epochs', 0), 'epoch')}; that of epoch "
        f"{about.get('best_epoch')} is kept."
    )


def _share(share: float, interval: tuple[float, float]) -> str:
    return f"{percent(share)} ({percent(interval[0])} – {percent(interval[1])})"


@guarded
def _curve(project: Project) -> None:
    runs = finetune_runs(project)
    history = list(runs.values())[-1] if runs else []
    if len(history) < 2:
        return
    from coldstart.figures import finetune_figure

    plot(
        finetune_figure(
            [one.epoch for one in history],
            [one.loss for one in history],
            [one.kept_aside_loss for one in history],
            best_epoch(history),
        ),
        "finetune_curve",
        "Loss on the labels trained on and on those kept aside, epoch by epoch",
        "Epoch 0 is the network as it started, with a probe as its last layer. Training stops by "
        "itself when the loss on the labels kept aside no longer falls.",
    )


def _file(typed: str) -> Path:
    path = Path(typed.strip()).expanduser()
    check_allowed(path.parent)
    if not path.is_file():
        raise ColdstartError(f"There is no file {path}.", "Check the path of the weights.")
    return path
