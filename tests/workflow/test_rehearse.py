"""Rehearsals of a folder, a file and a project, and that a stopped one goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.workflow.rehearse import Known, Plan, read_report, rehearse, rehearse_vectors

PLAN = Plan(strategies=("kmeans",), per_class=(1, 3), repeats=3)


def known(per_class: int = 20) -> Known:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(3, 8))
    truth = np.repeat(np.arange(3), per_class)
    rows = middles[truth] + 0.5 * generator.normal(size=(len(truth), 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Known("blobs", {"mine": rows.astype(np.float32)}, [f"class {one}" for one in truth])


def test_a_rehearsal_compares_each_strategy_with_random(tmp_path: Path) -> None:
    report = rehearse(known(), PLAN, tmp_path)
    assert report.runs_done == report.runs == 3 * (1 + 2)
    (case,) = report.cases
    assert [one.strategy for one in case.summary.strategies] == ["random", "kmeans"]
    assert case.summary.budgets == [3, 9]
    assert "splits" in case.sentence
    assert json.loads(json.dumps(report.as_dict()))["cases"][0]["splits"] == 3


def test_a_cancelled_rehearsal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def stop(done: int, total: int | None, message: str = "") -> None:
        if done >= 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        rehearse(known(), PLAN, tmp_path, progress=stop)
    so_far = read_report(tmp_path)
    assert so_far is not None
    assert 4 <= so_far.runs_done < so_far.runs
    before = [line for line in (tmp_path / "runs.jsonl").read_text().splitlines() if line]
    # The last line is cut, as by a machine that went down.
    (tmp_path / "runs.jsonl").write_text("\n".join(before)[:-20])
    rehearse(known(), PLAN, tmp_path)
    lines = [line for line in (tmp_path / "runs.jsonl").read_text().splitlines() if line]
    assert lines[: len(before) - 1] == before[:-1]
    assert len(lines) == so_far.runs + 1
    report = read_report(tmp_path)
    assert report is not None
    assert report.runs_done == report.runs


def test_other_classes_are_another_rehearsal(tmp_path: Path) -> None:
    rehearse(known(), PLAN, tmp_path)
    report = rehearse(known(per_class=21), PLAN, tmp_path)
    assert report.images == 63
    assert report.runs_done == report.runs


def test_every_run_has_what_it_takes_to_run_it_again(tmp_path: Path) -> None:
    rehearse(known(), PLAN, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().split("\n") if line]
    run = next(one for one in lines if one["strategy"] == "kmeans")
    assert len(run["picks"]) == 9
    assert {"numpy", "python", "selection"} <= set(run["versions"])


def test_small_classes_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    one = known()
    names = ["rare", "rare", *list(one.class_names)[2:]]
    report = rehearse(Known(one.name, one.vectors, names), PLAN, tmp_path)
    assert "rare (2)" in report.notes[0]
    assert report.classes == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategies": ("nonsense",)}, "no strategy 'nonsense'"),
        ({"repeats": 0}, "at least one repeat"),
        ({"imbalances": (0.5,)}, "imbalance"),
        ({"batches": (0.0,)}, "batch"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    plan = Plan(**vars(PLAN) | change)  # type: ignore[arg-type]
    with pytest.raises(ColdstartError, match=words):
        rehearse(known(), plan, tmp_path)


def test_a_file_of_vectors_with_labels_in_it_or_beside_it(tmp_path: Path) -> None:
    one = known()
    names = np.array(one.class_names)
    np.savez(tmp_path / "a.npz", embeddings=one.vectors["mine"] * 3, labels=names)
    inside = rehearse_vectors(tmp_path / "a.npz", None, tmp_path / "out", PLAN)
    np.save(tmp_path / "b.npy", one.vectors["mine"])
    with pytest.raises(ColdstartError, match="does not say the class"):
        rehearse_vectors(tmp_path / "b.npy", None, tmp_path / "other", PLAN)
    (tmp_path / "b.txt").write_text("\n".join(names))
    beside = rehearse_vectors(tmp_path / "b.npy", tmp_path / "b.txt", tmp_path / "other", PLAN)
    accuracies = [r.cases[0].summary.strategies[1].accuracy for r in (inside, beside)]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.05)
    (tmp_path / "b.txt").write_text("x\ny")
    with pytest.raises(ColdstartError, match="2 classes for 60 vectors"):
        rehearse_vectors(tmp_path / "b.npy", tmp_path / "b.txt", tmp_path / "other", PLAN)


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = known()
    np.savez("a.npz", embeddings=one.vectors["mine"], labels=np.array(one.class_names))
    command = ["rehearse", "--embeddings", "a.npz", "--strategies", "kmeans", "--repeats", "3"]
    assert main([*command, "--budgets", "1,3"]) == 0
    printed = capsys.readouterr().out
    assert "kmeans" in printed
    assert "all labels" in printed
    assert (tmp_path / "rehearsal-a" / "about.json").exists()
    assert main([*command, "--budgets", "1,3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs_done"] == 9
    assert main(["rehearse"]) == 1
    assert "needs a project" in capsys.readouterr().err


def test_a_folder_of_classes_is_rehearsed_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    for name, colour in {
        "red": (200, 40, 40),
        "green": (40, 180, 60),
        "blue": (50, 60, 210),
    }.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(14):
            noise = generator.integers(-30, 30, size=(40, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    to = str(tmp_path / "out")
    command = ["rehearse", "--images", str(tmp_path / "photos"), "--to", to, "--json"]
    command += ["--strategies", "kmeans", "--budgets", "1,2", "--repeats", "2"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == ["blue", "green", "red"]
    assert told["images"] == 42
    assert told["runs_done"] == told["runs"] == 2 * 3
    assert [one["strategy"] for one in told["cases"][0]["strategies"]] == ["random", "kmeans"]
    runs = next(Path(to).rglob("runs.jsonl"))
    before = runs.read_text()
    assert main(command) == 0
    assert runs.read_text() == before
    other = tmp_path / "other" / "one"
    other.mkdir(parents=True)
    assert main(["rehearse", "--images", str(other.parent), "--to", to]) == 1
    assert "holds a rehearsal of other images" in capsys.readouterr().err
