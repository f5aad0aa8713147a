"""Advise: may I stop now? From the newest model, the audit's answers, and what is covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.stopping import AuditLook, CoverageSignal, Verdict, measure_coverage
from coldstart.stopping import advise as weigh_all
from coldstart.stopping.audit import FEWEST_AUDIT_LABELS, measure_accuracy
from coldstart.store import RunRow
from coldstart.workflow.audit import (
    WITHOUT_AUDIT,
    AuditAnswers,
    audit_answers,
    audit_looks,
    share_for_audit,
)
from coldstart.workflow.pool import (
    ProjectPool,
    coverage_radius,
    in_order_of_labelling,
    load_pool,
)
from coldstart.workflow.snapshots import Snapshots


def advise(
    project: Project,
    target: float | None = None,
    price: float | None = None,
    next_labels: int | None = None,
    *,
    progress: Progress = silent,
) -> Verdict:
    """Whether to go on labelling, and why; a look that is due is taken and kept.

    In the verdict's coverage, ``untouched`` holds the ids of images.

    Parameters
    ----------
    target : the share of images that is to be predicted right, 0 to 1. price : how many labels a
        point of accuracy is worth. With neither, the project's settings of these names are used.
    next_labels : how far to look ahead; None takes 50, or a fifth of the labels if that is more.

    Raises
    ------
    ColdstartError : target, price or next_labels makes no sense.
    """
    if next_labels is not None and next_labels < 1:
        raise ColdstartError(
            f"No forecast can be made for {next_labels} labels.", "Give a number above 0."
        )
    if target is None and price is None:
        target, price = what_decides(project)
    pool, why_no_pool = _pool(project)
    run = project.store.runs.latest()
    said = None if run is None else Snapshots.load(project.directory / run.directory)
    answers = judged_answers(project, said)
    verdict = weigh_all(
        training_labels=[] if said is None else said.training_labels.tolist(),
        stop_set=[] if said is None else list(said.stop_set),
        audit_predicted=[] if said is None else said.audit_said(answers.image_ids),
        audit_truth=answers.truth,
        training_classes=_taught(said, pool),
        pool_size=0 if pool is None else len(pool.image_ids),
        looks=audit_looks(project),
        coverage=None if pool is None else _coverage(project, pool, progress),
        target=target,
        price=price,
        next_labels=next_labels,
    )
    if run is not None and verdict.measured.new_look:
        _keep(project, verdict.measured.looks, run.run_id)
    trainable = pool is not None and len(set(pool.class_names)) > 1
    first = [
        why_no_pool,
        _without_model(run, said, trainable),
        _without_audit(project, answers.labels),
    ]
    first.append(_until_enough(project, answers.labels))
    if run is not None and said is not None and pool is not None:
        first += _changed_since(project, run, said, pool)
    first.append(_overdue(answers.overdue))
    return replace(verdict, reasons=(*(one for one in first if one), *verdict.reasons))


def what_decides(project: Project) -> tuple[float | None, float | None]:
    """The project's target accuracy and its price of a point; None for what is not set.

    Raises
    ------
    ColdstartError : one of them is no number.
    """
    return _number(project, "target"), _number(project, "price")


def measure_audit(project: Project, run_id: int, said: Snapshots) -> None:
    """Take and keep the look at a model that was just trained, if one is due."""
    answers = judged_answers(project, said)
    newest = said.audit_said(answers.image_ids)[-1]
    measured = measure_accuracy(newest, answers.truth, said.taught(), audit_looks(project))
    if measured.new_look:
        _keep(project, measured.looks, run_id)


def _keep(project: Project, looks: Sequence[AuditLook], run_id: int) -> None:
    project.store.audit.add_looks([look.as_dict() for look in looks], run_id)


def judged_answers(project: Project, said: Snapshots | None) -> AuditAnswers:
    """The audit's answers that the models can be judged by: an image that came to the audit after
    they were trained was not put to them, which is no mistake of theirs."""
    answers = audit_answers(project)
    if said is None:
        return answers
    asked = set(said.audit_ids.tolist())
    pairs = zip(answers.image_ids, answers.truth, strict=True)
    known = [(image_id, answer) for image_id, answer in pairs if image_id in asked]
    return replace(
        answers, image_ids=[one for one, _ in known], truth=[answer for _, answer in known]
    )


def _overdue(images: int) -> str:
    if not images:
        return ""
    came = "image has" if images == 1 else "images have"
    return (
        f"{images} {came} come to the pool whose turn in the audit had passed: they are asked "
        "next, and until then the accuracy speaks mostly of the images before them."
    )


def _pool(project: Project) -> tuple[ProjectPool | None, str]:
    try:
        return load_pool(project), ""
    except ColdstartError as error:
        return None, str(error)


def _taught(said: Snapshots | None, pool: ProjectPool | None) -> list[str]:
    if said is not None:
        return said.taught()
    return [] if pool is None else pool.training_labels()[1]


def _coverage(project: Project, pool: ProjectPool, progress: Progress) -> CoverageSignal:
    from coldstart.selection import Pool

    radius = coverage_radius(project, pool, progress=progress)
    pool = pool.sampled()
    order = in_order_of_labelling(project, pool, pool.labelled)
    unit, weights = Pool(pool.vectors).unit, pool.weights()
    signal = measure_coverage(unit, order, radius.delta, weights=weights, progress=progress)
    words = f"{signal.words} {pool.measured_on}".rstrip()
    return replace(signal, untouched=pool.image_ids[signal.untouched], words=words)


def _without_model(run: RunRow | None, said: Snapshots | None, trainable: bool) -> str:
    if run is None:
        # Without two classes the verdict's own sentence says what is missing.
        return "No model has been trained yet: train one on what is labelled." if trainable else ""
    if said is None:
        return "The newest model is from before there was an audit: train again."
    return ""


def _without_audit(project: Project, labels: int) -> str:
    if labels or share_for_audit(project) > 0:
        return ""
    return f"The audit is off. {WITHOUT_AUDIT}"


def _until_enough(project: Project, labels: int) -> str:
    """How many labels it takes until the audit can say something."""
    share = share_for_audit(project)
    missing = FEWEST_AUDIT_LABELS - labels
    if missing <= 0 or share <= 0:
        return ""
    more = -int(-missing / share // 1)
    left = project.store.images.count("unlabelled")
    if more > left:
        return (
            f"{FEWEST_AUDIT_LABELS} audit labels take about {more} more labels, as {share:.0%} of "
            f"what is queued is the audit's, and {left} images have none: a pool this small may as "
            "well be labelled whole."
        )
    return (
        f"{FEWEST_AUDIT_LABELS} audit labels are there after about {more} more labels, as "
        f"{share:.0%} of what is queued is the audit's; a larger share gets there sooner."
    )


def _changed_since(project: Project, run: RunRow, said: Snapshots, pool: ProjectPool) -> list[str]:
    """What is no longer as it was when the model was trained."""
    reasons = []
    if run.embedding_set != pool.embedding_set:
        reasons.append(
            f"The model was trained on the embedding set “{run.embedding_set}”, and the project "
            f"now uses “{pool.embedding_set}”: train again."
        )
    if not len(said.audit_ids) and pool.reserve:
        reasons.append("The audit began after the model was trained: train again to measure it.")
    elif set(pool.reserve) - set(said.audit_ids.tolist()):
        reasons.append(
            "Images have come to the audit since the model was trained: train again, so that they "
            "count too."
        )
    elif set(said.audit_ids.tolist()) & set(project.store.audit.earlier()):
        reasons.append(
            "A new audit was begun after the model was trained: train again, so that the model "
            "learns from the labels of the audit before."
        )
    then = dict(zip(said.training_ids.tolist(), said.taught(), strict=True))
    rows, names = pool.training_labels()
    now = dict(zip(pool.image_ids[rows].tolist(), names, strict=True))
    withdrawn = sum(now.get(image_id) != name for image_id, name in then.items())
    if withdrawn:
        has = "label it learned from has" if withdrawn == 1 else "labels it learned from have"
        reasons.append(
            f"Since the model was trained {withdrawn} {has} been changed or withdrawn: train again."
        )
    new = len(now.keys() - then.keys())
    if new:
        came = "label has" if new == 1 else "labels have"
        reasons.append(f"Since the model was trained {new} {came} come: train again to use them.")
    return reasons


def _number(project: Project, name: str) -> float | None:
    value = project.settings.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ColdstartError(
            f"The project's setting {name} is {value!r}, which is no number.",
            f"Mend it in coldstart.toml, or take the line {name} away.",
        )
    return float(value)
