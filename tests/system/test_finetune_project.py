"""Fine-tuning in a project: a killed run goes on, and its figures stand beside the probe's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.training.finetune_history import read_history
from coldstart.workflow.audit import audit_answers
from coldstart.workflow.confident import confident_share
from coldstart.workflow.embed import embed, import_vectors
from coldstart.workflow.finetune import finetune, finetune_runs, latest_finetune, starting_point
from coldstart.workflow.predictions import predictions
from coldstart.workflow.scan import scan
from coldstart.workflow.select import select
from coldstart.workflow.train import train, training_state

NETWORK = "timm:test_resnet"
IMAGES = 160


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of stripes and of checks, one twice, and random weights of a tiny network."""
    place = tmp_path_factory.mktemp("finetune")
    (place / "images").mkdir()
    for number in range(IMAGES):
        random = np.random.default_rng(number)
        small = random.integers(0, 256, (6, 1 if number % 2 else 6, 3), np.uint8)
        whole = np.ascontiguousarray(np.broadcast_to(small, (6, 6, 3)))
        Image.fromarray(whole).resize((48, 48), 0).save(place / "images" / f"{number:03}.png")
    (place / "images" / "copy of 000.png").write_bytes((place / "images" / "000.png").read_bytes())
    torch.manual_seed(0)
    safetensors.torch.save_file(
        timm.create_model("test_resnet").state_dict(), place / "tiny.safetensors"
    )
    return place


@pytest.fixture(scope="module")
def project(places: Path) -> Iterator[Project]:
    """100 of them answered from the truth, some of these for the audit."""
    made = Project.create(places / "project", [places / "images"])
    scan(made)
    embed(made, NETWORK, weights=places / "tiny.safetensors", options={"input_size": 32})
    made = Project.open(made.directory)
    images = select(made, "random", 100, audit_share=0.4).image_ids
    rows = made.store.images.get(images)
    events = []
    for number, image_id in enumerate(images):
        name = "checks" if int(Path(rows[image_id].path).stem[-3:]) % 2 == 0 else "stripes"
        class_id = made.store.labels.add_class(name).class_id
        events.append(NewEvent(f"e{number}", image_id, "ann", "class", class_id))
    made.store.labels.append(events)
    yield made
    made.store.close()


def test_a_killed_run_goes_on_and_stands_beside_the_probe(project: Project) -> None:
    train(project)
    before = training_state(project)
    command = [sys.executable, "-m", "coldstart", "train", str(project.directory), "--json"]
    command += ["--model", "finetune", "--epochs", "4", "--set", "batch_images=32"]
    command += ["--set", "learning_rate=0.001"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (runs := finetune_runs(project)) or len(next(iter(runs.values()))) < 2:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (name,) = finetune_runs(project)
    done = read_history(project.models / name)

    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    history = read_history(project.models / name)
    assert history[: len(done)] == done
    assert len(history) == 5
    assert said["epochs"] == 4
    assert said["started_from"] == "tiny.safetensors"

    # On the audit, counted by hand from the table of predictions.
    found = latest_finetune(project)
    assert found is not None
    run, compared = found
    assert compared is not None
    answers = audit_answers(project)
    table = predictions(project, "finetune")
    assert table is not None
    assert len(table) == IMAGES + 1
    guess = dict(zip(table["image_id"], table["predicted_class"], strict=True))
    pairs = list(zip(answers.image_ids, answers.truth, strict=True))
    assert compared.images == len(pairs) == 100 - said["labels"]
    assert compared.right == sum(guess[one] == truth for one, truth in pairs)
    assert said["accuracy"] == compared.right / compared.images
    low, high = compared.interval
    assert low < compared.accuracy < high or compared.accuracy in (0.0, 1.0)
    assert compared.words in run.evaluation["how"]
    assert confident_share(project, 0.5, model="finetune").audit_labels == compared.images
    copies = table[table["content_hash"].duplicated(keep=False)]
    assert len(copies) == 2
    assert copies["confidence"].nunique() == 1

    # The probe's figures are what they were.
    after = training_state(project)
    assert after.run == before.run
    assert after.up_to_date
    with pytest.raises(ColdstartError, match="fine-tuned with these settings on these labels"):
        finetune(project, epochs=4, settings={"batch_images": 32, "learning_rate": 0.001})


def test_without_a_network_behind_the_embeddings_it_says_what_to_do(
    project: Project, places: Path
) -> None:
    embed(project, "folder", activate=False)
    np.save(places / "mine.npy", np.random.default_rng(0).normal(size=(IMAGES + 1, 8)))
    in_use = project.settings.get("embedding_set")
    for name in ("folder", "mine"):
        if name == "mine":
            import_vectors(project, places / "mine.npy")
        changed = Project.open(project.directory).set(embedding_set=name)
        with pytest.raises(ColdstartError, match="does not come from a network") as refused:
            starting_point(changed, None, None)
        assert "--encoder timm:resnet18" in str(refused.value)
    changed.set(embedding_set=in_use)
    with pytest.raises(ColdstartError, match="has no setting 'rate'"):
        finetune(project, NETWORK, weights=places / "tiny.safetensors", settings={"rate": 1})
    encoder, start = starting_point(project, NETWORK, places / "tiny.safetensors", 40)
    assert (encoder, start.cropping.side) == (NETWORK, 40)
