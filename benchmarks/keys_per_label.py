"""How many keys and mouse actions does a label take? Real photos, labelled from the known truth.

    python benchmarks/keys_per_label.py [--only trashnet,digits] [--per-page 120] [--columns 15]

A person who never errs labels every image through the labeller's own orders and rules, always with
the cheapest keys that are right: one by one; in likeness order, where a group is selected as the
cursor comes to it; and by suggestions, whose wrong ones are put right before one key a row takes
the rest, or one key the rest of the page. A page of 120 images in rows of 15 is what the labeller
shows on a screen 1,440 pixels wide. Counted are keys, clicks and drags. TrashNet comes from the
folder named by COLDSTART_DATA, else ../shared/data; where it is missing the script says so. Exits 1
when suggestions taken by the row cost more than 0.25 actions a label after the first 100, or when a
label is wrong.

Not counted: looking. A person who overlooks a wrong suggestion makes a wrong label of it; this one
does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from folder_encoder import CASES, _fit_and_encode

from coldstart.embeddings.encoders.folder import FolderEncoder
from coldstart.labels.arranging import by_likeness, by_suggestion
from coldstart.training.suggester import fit_suggester

AIM = 0.25
WARM_UP = 100
BY_ROW = "suggestions, taken by the row"
FEWEST_LABELS = 6  # as in `workflow.suggest`


@dataclass
class Tally:
    """What a way of labelling has cost so far, and what it has labelled."""

    keys: int = 0
    mouse: int = 0
    labels: dict[int, object] = field(default_factory=dict)
    warm_keys: int = 0  # of these, up to the hundredth label
    warm_mouse: int = 0
    warm_labels: int = 0

    def spend(self, keys: int, mouse: int, given: Sequence[int], said: Sequence[object]) -> None:
        self.keys += keys
        self.mouse += mouse
        self.labels.update(zip(given, said))
        if self.warm_labels < WARM_UP:
            self.warm_keys, self.warm_mouse = self.keys, self.mouse
            self.warm_labels = len(self.labels)

    def after_warm_up(self) -> tuple[float, float]:
        """(keys, mouse actions) a label after the first hundred."""
        count = max(1, len(self.labels) - self.warm_labels)
        return (self.keys - self.warm_keys) / count, (self.mouse - self.warm_mouse) / count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="trashnet,digits", help="comma-separated")
    parser.add_argument("--per-page", type=int, default=120)
    parser.add_argument("--columns", type=int, default=15)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only.split(","):
            try:
                paths, truth = CASES[name].load(Path(scratch))
            except FileNotFoundError as missing:
                print(f"{name}: skipped, {missing} is not there (set COLDSTART_DATA).")
                continue
            vectors, *_ = _fit_and_encode(FolderEncoder(flip=CASES[name].flip), paths)
            failed |= report(name, vectors, truth, options.per_page, options.columns)
    return 1 if failed else 0


def report(name: str, vectors: np.ndarray, truth: np.ndarray, per_page: int, columns: int) -> bool:
    """Print one table; whether the aim was missed."""
    shuffled = np.random.default_rng(0).permutation(len(truth))
    vectors, truth = vectors[shuffled], truth[shuffled].astype(str)
    by_row, by_page = by_suggestions(vectors, truth, per_page, columns)
    ways = {
        "one by one": one_by_one(truth, per_page),
        "likeness order, groups selected": in_likeness_order(vectors, truth, per_page, columns),
        BY_ROW: by_row,
        "suggestions, taken by the page": by_page,
    }
    print(f"\n{name}: {len(truth):,} images, {len(set(truth))} classes, {per_page} a page")
    print(f"{'after the first 100 labels':34}{'keys':>8}{'mouse':>8}{'together':>10}{'wrong':>8}")
    for way, tally in ways.items():
        keys, mouse = tally.after_warm_up()
        wrong = sum(truth[place] != said for place, said in tally.labels.items())
        print(f"{way:34}{keys:8.3f}{mouse:8.3f}{keys + mouse:10.3f}{wrong:8}", flush=True)
        assert len(tally.labels) == len(truth)
    last = ways[BY_ROW]
    wrong = sum(truth[place] != said for place, said in last.labels.items())
    print(f"the first {last.warm_labels} labels took {last.warm_keys + last.warm_mouse} actions")
    return sum(last.after_warm_up()) > AIM or wrong > 0


def one_by_one(truth: np.ndarray, per_page: int) -> Tally:
    """A class key an image, which also goes on to the next, and Enter after each page."""
    tally = Tally()
    for start in range(0, len(truth), per_page):
        page = range(start, min(start + per_page, len(truth)))
        for place in page:
            tally.spend(1, 0, [place], [truth[place]])
        tally.spend(1, 0, [], [])
    return tally


def in_likeness_order(vectors: np.ndarray, truth: np.ndarray, per_page: int, columns: int) -> Tally:
    """A class key a group; images of another class are taken out of the selection before."""
    tally = Tally()
    arranged = by_likeness(vectors)
    for start in range(0, len(truth), per_page):
        page = arranged.order[start : start + per_page]
        groups = arranged.groups[start : start + per_page]
        for group in np.unique(groups):
            _label_group(tally, page[groups == group], truth, columns)
        tally.spend(1, 0, [], [])
    return tally


def _label_group(tally: Tally, members: np.ndarray, truth: np.ndarray, columns: int) -> None:
    """The most frequent class with one key; the others are drawn out of the selection first.

    What was drawn out is selected when the cursor comes round to it, and labelled in the same way.
    """
    while len(members):
        names, counts = np.unique(truth[members], return_counts=True)
        most = names[counts.argmax()]
        same = truth[members] == most
        tally.spend(1, int((~same).sum()), members[same].tolist(), [most] * int(same.sum()))
        members = members[~same]


def by_suggestions(
    vectors: np.ndarray, truth: np.ndarray, per_page: int, columns: int
) -> tuple[Tally, Tally]:
    """Likeness until there is something to suggest from; then page after page of suggestions, taken
    by the row and by the page.

    On a page the images whose suggestion is wrong are selected, class by class: an action for each
    block of neighbours (a click, or a frame drawn over them), then the class's key. The rest is
    taken with one key; or, by the row, with a click on the first image that is left and a key for
    each row, for the cursor goes on to the next by itself. One key turns the page. What is
    suggested is learned anew for each page.
    """
    by_row, by_page = Tally(), Tally()
    left = np.arange(len(truth))
    while len(left):
        known = np.array(list(by_row.labels), dtype=np.int64)
        said = [str(by_row.labels[int(place)]) for place in known]
        if len(known) < FEWEST_LABELS or len(set(said)) < 2:
            arranged = by_likeness(vectors[left])
            page = left[arranged.order[:per_page]]
            groups = arranged.groups[:per_page]
            for tally in (by_row, by_page):
                for group in np.unique(groups):
                    _label_group(tally, page[groups == group], truth, columns)
        else:
            suggester = fit_suggester(vectors[known], said)
            chances = suggester.probabilities(vectors[left])
            best = chances.argmax(axis=1)
            arranged = by_suggestion(best, chances.max(axis=1), vectors[left], page_size=per_page)
            places = arranged.order[:per_page]
            names = np.array(suggester.class_names)[best[places]]
            page = left[places]
            groups = arranged.groups[:per_page]
            _correct_and_confirm(by_row, page, names, groups, truth, columns, row_by_row=True)
            _correct_and_confirm(by_page, page, names, groups, truth, columns)
        for tally in (by_row, by_page):
            tally.spend(1, 0, [], [])  # Enter
        left = np.setdiff1d(left, page)
    return by_row, by_page


def _correct_and_confirm(
    tally: Tally,
    page: np.ndarray,
    suggested: np.ndarray,
    groups: np.ndarray,
    truth: np.ndarray,
    columns: int,
    *,
    row_by_row: bool = False,
) -> None:
    rows = _rows(groups, columns)
    wrong = truth[page] != suggested
    for name in np.unique(truth[page][wrong]):
        of_it = wrong & (truth[page] == name)
        frames = _frames([of_it[row] for row in rows])
        tally.spend(1, frames, page[of_it].tolist(), [name] * int(of_it.sum()))
    if not row_by_row and (~wrong).any():
        tally.spend(1, 0, page[~wrong].tolist(), truth[page][~wrong].tolist())
    if row_by_row and wrong.any() and (~wrong).any():
        tally.spend(0, 1, [], [])
    for row in rows if row_by_row else ():
        right = page[row][~wrong[row]]
        if len(right):
            tally.spend(1, 0, right.tolist(), truth[right].tolist())


def _rows(groups: np.ndarray, columns: int) -> list[np.ndarray]:
    """The rows of the grid: `rowsOf` in the labeller's selection.js."""
    rows: list[list[int]] = []
    for place, group in enumerate(groups):
        if not rows or len(rows[-1]) >= columns or groups[rows[-1][0]] != group:
            rows.append([])
        rows[-1].append(place)
    return [np.array(row) for row in rows]


def _frames(rows: list[np.ndarray]) -> int:
    """How many frames it takes to select these images and no other: the largest first."""
    width = max(len(row) for row in rows)
    chosen = np.stack([np.pad(row, (0, width - len(row))) for row in rows])
    frames, left = 0, chosen.copy()
    while left.any():
        top, end, first, last = max(
            (frame for corner in np.argwhere(left) for frame in _frames_from(chosen, *corner)),
            key=lambda one: int(left[one[0] : one[1], one[2] : one[3]].sum()),
        )
        left[top:end, first:last] = False
        frames += 1
    return frames


def _frames_from(chosen: np.ndarray, row: int, column: int) -> Iterator[tuple[int, int, int, int]]:
    """The widest frames of chosen images below and right of this one, for each height."""
    last = chosen.shape[1]
    for end in range(row, len(chosen)):
        gaps = np.flatnonzero(~chosen[end, column:last])
        last = column + int(gaps[0]) if len(gaps) else last
        if last == column:
            return
        yield row, end + 1, column, last


if __name__ == "__main__":
    sys.exit(main())
