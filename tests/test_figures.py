"""What a person reads off a figure is what went in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coldstart.figures import (
    MAP_LIMIT,
    PALETTE,
    SCALE,
    SYMBOLS,
    accuracy_figure,
    confusion_figure,
    coverage_figure,
    kappa_figure,
    labels_by_class_figure,
    learning_curve_figure,
    map_figure,
    purity_figure,
    thin_out,
)

LAYOUT = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
NAMES = ["a.jpg", "<b>.jpg", "caf\udce9.jpg", "d.jpg", "e.jpg", "f.jpg"]
IDS = [10, 11, 12, 13, 14, 15]


def test_map_by_class() -> None:
    classes = ["cat", "unlabelled", "dog", "cat", "unlabelled", "unlabelled"]
    figure = map_figure(LAYOUT, classes, NAMES, IDS, colour_title="class")
    assert [trace.name for trace in figure.data] == ["unlabelled (3)", "cat (2)", "dog (1)"]
    cats = figure.data[1]
    assert cats.type == "scattergl"
    assert [custom[0] for custom in cats.customdata] == [10, 13]
    np.testing.assert_array_equal(cats.x, LAYOUT[[0, 3], 0])
    assert list(cats.text) == ["a.jpg<br>class: cat", "d.jpg<br>class: cat"]
    assert len({trace.marker.color for trace in figure.data}) == 3
    assert len({(trace.marker.symbol, trace.marker.size) for trace in figure.data}) == 3


def test_a_class_keeps_its_look() -> None:
    """Whatever other classes there are, and however many labels each has."""
    one = map_figure(LAYOUT, ["b"] * 6, NAMES, IDS, colour_title="class", order=["c", "b"])
    other = map_figure(
        LAYOUT, ["a", "b", "c", "c", "c", "c"], NAMES, IDS, colour_title="class", order=["c", "b"]
    )
    looks = {trace.name[0]: (trace.marker.color, trace.marker.symbol) for trace in other.data}
    assert looks == dict(zip("cba", zip(PALETTE, SYMBOLS)))
    assert (one.data[0].marker.color, one.data[0].marker.symbol) == looks["b"]


def test_names_are_shown_as_they_are_and_can_be_sent() -> None:
    figure = map_figure(LAYOUT, ["x"] * 6, NAMES, IDS, colour_title="class")
    texts = figure.data[0].text
    assert texts[1].startswith("&lt;b&gt;.jpg<br>")
    assert texts[2].startswith("caf?.jpg<br>")
    json.loads(figure.to_json())


def test_map_by_number_with_unknowns() -> None:
    figure = map_figure(
        LAYOUT, np.array([0.5, np.nan, 0.25, 1, 0, 0.1]), NAMES, IDS, colour_title="confidence"
    )
    unknown, known = figure.data
    assert unknown.name == "not known (1)"
    assert known.marker.color.tolist() == [0.5, 0.25, 1, 0, 0.1]
    assert known.text[0] == "a.jpg<br>confidence: 0.5"


def test_labelled_points_get_a_ring() -> None:
    labelled = np.array([True, False, False, True, False, False])
    ring = map_figure(LAYOUT, ["x"] * 6, NAMES, IDS, colour_title="class", labelled=labelled).data[
        -1
    ]
    assert (ring.name, ring.marker.symbol) == ("labelled (2)", "circle-open")
    np.testing.assert_array_equal(ring.y, LAYOUT[[0, 3], 1])


def test_many_classes_are_gathered_but_named_when_hovered() -> None:
    n = 200
    classes = [f"class {i % 40:02}" for i in range(n)]
    layout = np.zeros((n, 2), dtype=np.float32)
    figure = map_figure(layout, classes, classes, range(n), colour_title="class")
    assert len(figure.data) == 25
    assert figure.data[-1].name == "other (80)"
    shown = {custom[0] for trace in figure.data for custom in trace.customdata}
    assert shown == set(range(n))
    assert "class: class 39" in figure.data[-1].text[-1]


def test_maps_that_cannot_be_drawn() -> None:
    many = np.zeros((MAP_LIMIT + 1, 2))
    names = [""] * len(many)
    with pytest.raises(ValueError, match="thin them out"):
        map_figure(many, names, names, range(len(many)), colour_title="class")
    with pytest.raises(ValueError, match="one length"):
        map_figure(LAYOUT, ["x"] * 5, NAMES, IDS, colour_title="class")


def test_thinning_keeps_the_labelled() -> None:
    keep = np.array([5, 99_999, 5, 70_000])
    rows = thin_out(100_000, keep, limit=1000)
    assert len(rows) == len(set(rows.tolist())) == 1000
    assert set(keep.tolist()) <= set(rows.tolist())
    assert (np.diff(rows) > 0).all()
    assert 30_000 < np.median(rows) < 70_000
    assert (rows == thin_out(100_000, keep, limit=1000)).all()
    assert thin_out(10, keep[:1]).tolist() == list(range(10))
    assert len(thin_out(100, np.arange(50), limit=20)) == 20


def test_coverage_says_what_the_next_labels_add() -> None:
    labels = np.arange(11)
    coverage = labels / 20
    figure = coverage_figure(
        labels,
        coverage,
        random_mean=coverage / 2,
        random_low=coverage / 4,
        random_high=coverage,
        next_labels=10 + np.arange(6),
        next_coverage=0.5 + np.arange(6) / 100,
        labels_now=10,
        budget=4,
        chosen_name="ProbCover",
    )
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines"}
    assert set(lines) >= {"ProbCover", "at random", "next 5 labels: +5.0 points"}
    assert len({trace.line.dash for trace in lines.values() if trace.name}) == 3
    words = [annotation.text for annotation in figure.layout.annotations]
    assert words == ["now: 10", "budget 4: 20%"]
    assert figure.layout.xaxis.title.text == "Images labelled"


def test_coverage_alone() -> None:
    # A line for “now: 0” would lie on the axis and its words on the numbers beside it.
    figure = coverage_figure(np.arange(3), np.array([0, 0.5, 1.0]), labels_now=0)
    assert len(figure.data) == 1
    assert not figure.layout.annotations


def test_purity_names_the_chosen_radius() -> None:
    figure = purity_figure(np.array([0, 1, 2]), np.array([1, 0.8, 0.2]), 1.5, wanted_purity=0.95)
    words = [annotation.text for annotation in figure.layout.annotations]
    assert words == ["95%", "radius 1.500: 50%"]


def test_labels_by_class_largest_first_and_states_hatched() -> None:
    figure = labels_by_class_figure({"dog": 2, "cat": 7, "<i>": 2}, {"skipped": 3})
    classes, states = figure.data
    assert list(classes.x) == [7, 2, 2]
    assert list(figure.layout.yaxis.ticktext) == ["cat", "&lt;i&gt;", "dog", "skipped"]
    assert (list(states.x), list(states.y)) == ([3], [3])
    assert states.marker.pattern.shape == "/"
    assert len(labels_by_class_figure({}).data) == 2


def test_confusion_cells() -> None:
    matrix = np.array([[3.0, 5 * 0.2 + 1e-15, 0.0], [0.5, 1.5, 0.0], [0.0, 0.0, 0.0]])
    figure = confusion_figure(matrix, ["cat", "dog", "x" * 40])
    heat, cells_to_click = figure.data
    np.testing.assert_allclose(heat.z, [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0, 0]])
    assert heat.hovertext[0][1] == "labelled cat<br>predicted dog<br>1 images, 25% of cat"
    assert heat.customdata[1][0] == [1, 0]
    cells = {(note.x, note.y): note.text for note in figure.layout.annotations}
    assert (cells[1, 0], cells[0, 1], cells.get((2, 0), "")) == ("1", "0.5", "")
    assert figure.layout.xaxis.ticktext[2] == "x" * 23 + "…"
    with pytest.raises(ValueError, match="for 2 classes"):
        confusion_figure(matrix, ["cat", "dog"])
    many = confusion_figure(np.eye(50), [str(i) for i in range(50)])
    assert not many.layout.annotations
    assert list(cells_to_click.customdata[5]) == [1, 2]
    assert (cells_to_click.x[5], cells_to_click.y[5]) == (2, 1)


def test_no_figure_sets_a_background() -> None:
    for figure in (
        labels_by_class_figure({"a": 1}),
        confusion_figure(np.eye(2), ["a", "b"]),
        coverage_figure(np.arange(2), np.arange(2)),
        purity_figure(np.arange(2), np.arange(2)),
        map_figure(LAYOUT, ["x"] * 6, NAMES, IDS, colour_title="class"),
    ):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.font.color is None
        assert figure.layout.title.text is None


def linear(colour: str) -> np.ndarray:
    """A hex colour as linear RGB (the sRGB standard)."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    light, dark = sorted((weights @ linear(one), weights @ linear(other)), reverse=True)
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("page", ["#ffffff", "#0e1317"])
def test_colours_are_seen_on_both_pages(page: str) -> None:
    for colour in (*PALETTE, *(colour for _, colour in SCALE)):
        assert contrast(colour, page) >= 2.8


# Machado, Oliveira & Fernandes (2009), severity 1.0.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB, for D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    x, y, z = np.cbrt(to_xyz @ rgb / np.array([0.95047, 1, 1.08883]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_differ_for_everyone(sight: str) -> None:
    seen = [lab(np.clip(SIGHT[sight] @ linear(colour), 0, 1)) for colour in PALETTE]
    for i, one in enumerate(seen):
        for other in seen[i + 1 :]:
            assert np.linalg.norm(one - other) > 18  # 2.3 is just noticeable


def test_colour_and_symbol_together_tell_many_classes_apart() -> None:
    n = len(PALETTE) * len(SYMBOLS)
    looks = {(PALETTE[i % len(PALETTE)], SYMBOLS[i % len(SYMBOLS)]) for i in range(n)}
    assert len(looks) == n


def test_a_look_stands_at_its_accuracy_with_its_own_interval() -> None:
    figure = accuracy_figure([40, 80], [0.6, 0.7], [0.4, 0.55], [0.78, 0.83], [30, 40], target=0.9)
    (looks,) = figure.data
    assert (list(looks.x), list(looks.y)) == ([40, 80], [0.6, 0.7])
    np.testing.assert_allclose(looks.y + looks.error_y.array, [0.78, 0.83])
    np.testing.assert_allclose(looks.y - looks.error_y.arrayminus, [0.4, 0.55])
    assert [note.text for note in figure.layout.annotations] == ["target 90%"]
    json.loads(figure.to_json())


def test_kappa_belongs_to_the_later_of_two_models_and_may_be_missing() -> None:
    figure = kappa_figure([10, 20, 30, 40], [None, -0.2, 0.8], 0.99)
    assert list(figure.data[0].x) == [20, 30, 40]
    assert list(figure.data[0].y) == [None, -0.2, 0.8]
    assert figure.layout.yaxis.range[0] == -0.2
    assert "settled: 0.99" in figure.layout.annotations[0].text


def test_the_learning_curve_goes_on_dashed_behind_the_newest_model() -> None:
    grid = np.array([10.0, 20.0, 30.0, 60.0, 90.0])
    curve = np.array([0.5, 0.6, 0.7, 0.75, 0.78])
    figure = learning_curve_figure(
        grid,
        curve,
        curve - 0.1,
        curve + 0.1,
        model_labels=[10, 20, 45],
        model_accuracy=np.array([0.5, 0.61, 0.69]),
        next_labels=50,
        words="next 50 labels: +1 to +9 points",
    )
    band, past, future, models = figure.data
    assert list(past.x) == [10, 20, 30, 45]
    assert (list(future.x), future.line.dash) == ([45, 60, 90], "dash")
    assert past.y[-1] == future.y[0] == pytest.approx(0.725)
    assert list(models.y) == [0.5, 0.61, 0.69]
    np.testing.assert_allclose(band.y[:5], curve + 0.1)
    assert "next 50 labels: +1 to +9 points" in [one.text for one in figure.layout.annotations]
