"""What a map's points look like in WebGL, and the numbers behind a figure."""

from __future__ import annotations

import csv
import io

import numpy as np

from coldstart.figures import (
    PALETTE,
    accuracy_figure,
    confusion_figure,
    coverage_figure,
    figure_csv,
    group_points,
)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_point_is_of_the_group_of_its_text() -> None:
    texts = ["cat", "dog", "unlabelled", "cat", "emu"]
    numbers, groups = group_points(texts, quiet=["unlabelled"], order=["dog", "cat"])
    assert [groups[number].name for number in numbers] == texts
    by_name = {group.name: group for group in groups}
    assert by_name["unlabelled"].quiet
    assert (by_name["cat"].count, by_name["dog"].color) == (2, PALETTE[0])
    looks = [(group.color, group.symbol) for group in groups if not group.quiet]
    assert len(set(looks)) == 3
    assert sum(group.count for group in groups) == len(texts)


def test_beyond_24_names_the_rest_is_other_and_rings_do_not_change_a_group() -> None:
    texts = [f"class {n // 2}" for n in range(80)]
    ringed = np.arange(80) % 3 == 0
    numbers, groups = group_points(texts, ringed=ringed)
    assert numbers.dtype == np.uint8
    np.testing.assert_array_equal(numbers >= 128, ringed)
    assert len(groups) == 25
    assert (groups[-1].name, groups[-1].count) == ("other", 80 - 48)
    bare, _ = group_points(texts)
    np.testing.assert_array_equal(numbers & 127, bare)


def test_numbers_are_told_in_ten_steps_that_differ_in_symbol_too() -> None:
    values = np.array([0.0, 0.55, 1.0, np.nan])
    numbers, groups = group_points(values)
    assert groups[0].name == "not known"
    assert [groups[number].name for number in numbers] == [
        "0.00 – 0.10",
        "0.50 – 0.60",
        "0.90 – 1.00",
        "not known",
    ]
    assert len({group.symbol for group in groups if not group.quiet}) == 3
    assert len({group.color for group in groups if not group.quiet}) == 10
    assert group_points(np.full(3, np.nan))[1][0].count == 3


def test_the_numbers_behind_a_figure_are_those_drawn() -> None:
    figure = accuracy_figure([50, 80], [0.6, 0.7], [0.4, 0.5], [0.8, 0.9], [30, 40])
    first, second = table(figure_csv(figure))
    assert (first["x"], first["y"]) == ("50", "0.6")
    assert abs(float(second["low"]) - 0.5) < 1e-9
    assert abs(float(second["high"]) - 0.9) < 1e-9
    curve = coverage_figure(
        np.arange(3), np.array([0, 0.25, 0.5]), random_mean=np.array([0, 0.1, 0.2])
    )
    rows = table(figure_csv(curve))
    assert [row["y"] for row in rows if row["series"] == "chosen"] == ["0.0", "0.25", "0.5"]
    assert [row["y"] for row in rows if row["series"] == "at random"] == ["0.0", "0.1", "0.2"]
    cells = table(figure_csv(confusion_figure(np.array([[3, 1], [0, 4]]), ["a", "<b>"])))
    assert [float(cell["value"]) for cell in cells] == [0.75, 0.25, 0.0, 1.0]
    assert "labelled a" in cells[1]["text"]
    assert "<b>" in cells[1]["text"]
