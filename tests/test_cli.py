"""The command line: exit codes, one JSON object, and one sentence when refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from audited_pool import answer, make_project

from coldstart.cli import build_parser, main
from coldstart.project import Project


def run(*arguments: str | Path) -> tuple[int, dict, str]:
    done = subprocess.run(
        [sys.executable, "-m", "coldstart", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_new_and_scan_from_a_shell(project: Project, tmp_path: Path) -> None:
    code, made, _ = run("new", tmp_path / "second", "--images", tmp_path / "images")
    assert (code, made["project"]) == (0, str(tmp_path / "second"))
    code, report, progress = run("scan", tmp_path / "second")
    assert (code, report["images"]) == (0, 6)
    assert "Checking images" in progress
    (tmp_path / "more").mkdir()
    code, made, _ = run("add", tmp_path / "second", "--images", tmp_path / "more")
    assert (code, made["images"]) == (0, [str(tmp_path / "images"), str(tmp_path / "more")])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan", "{tmp}/nowhere"], "There is no project in"),
        (["new", "{tmp}/p", "--images", "{tmp}/nowhere"], "does not exist"),
        (["new", "{project}", "--images", "{tmp}/images"], "There is a project in"),
        (["select", "{project}", "--budget", "5"], "no embedding set yet"),
        (["train", "{project}"], "no embedding set yet"),
        (["export", "{project}", "--format", "csv", "--to", "{tmp}/m.csv"], "Nothing is labelled"),
        (["label", "{project}", "--from", "{tmp}/none.csv"], "cannot be read"),
        (["embed", "{project}", "--encoder", "nonsense"], "nonsense"),
    ],
)
def test_refusals_are_one_line_and_status_1(
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    main(["scan", str(project.directory)])
    capsys.readouterr()
    filled = [part.format(tmp=tmp_path, project=project.directory) for part in arguments]
    assert main([*filled, "--json"]) == 1
    out, err = capsys.readouterr()
    assert words in json.loads(out)["error"]
    assert len(err.strip().splitlines()[-1]) > 20
    assert "Traceback" not in err


def test_advise_is_one_object_and_refuses_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_project(tmp_path / "audited")
    directory = str(made.directory)
    assert main(["select", directory, "--budget", "80", "--audit-share", "0.5", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["picks"], report["audit"]) == (80, 38)
    answer(made, report["image_ids"])
    assert main(["train", directory]) == 0
    capsys.readouterr()
    assert main(["advise", directory, "--target", "0.1", "--next", "20", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "you may stop"
    assert (said["audit_labels"], said["training_labels"], said["target"]) == (38, 42, 0.1)
    assert said["forecast"]["next_labels"] == 20
    assert {"reasons", "accuracy", "interval", "kappa", "coverage"} <= set(said)
    assert main(["advise", directory, "--target", "0.1"]) == 0
    assert "You may stop" in capsys.readouterr().out
    for arguments, words in (
        (["advise", directory, "--price", "-3"], "cannot be worth -3 labels"),
        (["select", directory, "--budget", "5", "--audit-share", "7"], "not a number from 0 to 1"),
    ):
        assert main([*arguments, "--json"]) == 1
        assert words in json.loads(capsys.readouterr().out)["error"]
    made.store.close()


@pytest.mark.parametrize("arguments", [[], ["fly", "x"], ["scan"], ["select", "p"], ["new", "p"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_labels_are_imported_twice_and_stand_once(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["scan", str(project.directory)])
    table = tmp_path / "labels.csv"
    table.write_text("path,class_name\na.png,cat\ndeep/d.bmp,dog\nnot/there.png,cat\n")
    for expected in (2, 0):
        capsys.readouterr()
        assert main(["label", str(project.directory), "--from", str(table), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["labelled"], report["unknown_paths"]) == (expected, ["not/there.png"])
    assert project.store.labels.counts() == {"class": 2}


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_the_manifest_says_what_was_labelled(project: Project, tmp_path: Path, format: str) -> None:
    from coldstart.labels.manifest import MANIFEST_COLUMNS, read_manifest

    main(["scan", str(project.directory)])
    (tmp_path / "l.csv").write_text("path,class_name\na.png,=cmd\ndeep/e f.webp,dog\n")
    main(["label", str(project.directory), "--from", str(tmp_path / "l.csv"), "--annotator", "ben"])
    file = tmp_path / f"manifest.{format}"
    assert main(["export", str(project.directory), "--format", format, "--to", str(file)]) == 0
    table = read_manifest(file)
    assert tuple(table.columns) == MANIFEST_COLUMNS
    assert dict(zip(table["path"], table["class_name"], strict=True)) == {
        "a.png": "=cmd",
        "deep/e f.webp": "dog",
    }
    assert set(table["annotators"]) == {"ben"}
    assert set(table["origin"]) == {"import"}


def test_every_command_and_option_has_help() -> None:
    parser = build_parser()
    (commands,) = [
        action for action in parser._actions if hasattr(action, "choices") and action.choices
    ]
    assert isinstance(commands.choices, dict)
    for name, command in commands.choices.items():
        assert command.description, name
        for action in command._actions:
            assert action.help, f"{name} {action.dest}"
