"""Is the answer to "may I stop now?" right? Complete labelling runs with known truth, replayed.

    python benchmarks/stopping.py                    a smoke run: digits, 8 runs, half a minute
    python benchmarks/stopping.py --full             360 runs, some minutes on one core
    python benchmarks/stopping.py --full --embeddings photos.npz   also these (vectors, classes)

A run: a third of the images is set aside as the world outside; a strategy picks from the rest, a
fifth of the labels goes to audit images drawn from outside (with replacement, as from an endless
pool: the harder case), and after every batch the product's own `coldstart.stopping` is asked. Truth
is the accuracy on all of the world outside. Beside it: fixed budgets, kappa alone, and the oracle,
none of which pays for audit labels. Cost = labels + price * points of error.

With --full the photos of TrashNet and CIFAR-10 are taken from the folder named by COLDSTART_DATA,
else ../shared/data, by the encoder `folder` and, with a checkpoint beside them, by MobileNetV2
(reduced to 128 dimensions); vectors are kept in the temporary folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from coldstart.selection import Pool, make_strategy
from coldstart.stopping import (
    AuditLook,
    Forecast,
    audit_images_due,
    clopper_pearson,
    forecast_gain,
    measure_accuracy,
    measure_stability,
    weigh,
)
from coldstart.training.linear import balanced_ridge

STRATEGIES = ("random", "maxherding", "uherding", "margin")
PRICES = (15, 75, 275)
FIXED_BUDGETS = (100, 200, 400, 800)
TARGETS_BELOW_PLATEAU = (0.05, 0.1, 0.15)
OUTSIDE_SHARE = 0.35
LARGEST_SHARE = 0.6
BATCH, BATCH_GROWTH = 25, 0.1
RIDGE_STRENGTH, TEMPERATURE = 0.3, 0.2
CIFAR_IMAGES = 3_000


@dataclass(frozen=True)
class Step:
    """After one batch: the model's accuracy outside, that of one trained on the audits too, and the
    accuracy on what the strategy has left over: what an audit without a reserve would measure."""

    labels: int
    audit_labels: int
    accuracy: float
    final_accuracy: float
    left_over_accuracy: float
    outside: np.ndarray
    stop_set: np.ndarray


@dataclass(frozen=True)
class Run:
    """One labelling run. ``audit`` are places in the world outside, in the order of asking."""

    data: str
    strategy: str
    truth: np.ndarray
    audit: np.ndarray
    picked: np.ndarray
    steps: list[Step]
    plateau: float


@dataclass(frozen=True)
class Stop:
    """Where a rule stopped a run, and what that cost.

    ``look`` is the one on the screen then, ``truth`` the accuracy of the model it judged and
    ``truth_now`` that of the newest model, which is what a person will take it for.
    """

    data: str
    labels: int
    accuracy: float
    regret: float
    premature: bool
    never: bool
    look: AuditLook | None = None
    truth: float = float("nan")
    truth_now: float = float("nan")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="200 runs and more")
    parser.add_argument("--embeddings", action="append", default=[], help="npz: vectors, classes")
    parser.add_argument("--repeats", type=int, help="runs for each strategy and embedding set")
    arguments = parser.parse_args()
    repeats = arguments.repeats or (18 if arguments.full else 2)
    looks: list[tuple[AuditLook, float, int]] = []
    left_over: dict[str, list[float]] = defaultdict(list)
    rounds: list[tuple[bool, int]] = []
    bands: list[tuple[Forecast, float]] = []
    stops: dict[tuple[str, object], list[Stop]] = defaultdict(list)
    runs, started = 0, time.perf_counter()
    for name, vectors, classes in embedding_sets(arguments.full, arguments.embeddings):
        for strategy in STRATEGIES:
            for _ in range(repeats):
                # Every run has a split and an audit of its own, so that runs are independent.
                run = replay(name, vectors, classes, strategy, runs)
                judge(run, runs, looks, rounds, bands, stops)
                # The step nearest to 400 labels, where a usual audit ends.
                step = min(run.steps, key=lambda step: abs(step.labels - 400))
                left_over[strategy].append(step.left_over_accuracy - step.accuracy)
                runs += 1
            print(f"{name} {strategy}: {runs} runs so far", file=sys.stderr, flush=True)
    print(f"{runs} runs, {time.perf_counter() - started:.0f} s\n")
    report_looks(looks, runs)
    report_rounds(rounds, runs)
    report_left_over(left_over)
    report_bands(bands)
    report_stops(stops)
    return 0


def replay(data: str, vectors: np.ndarray, classes: np.ndarray, strategy: str, seed: int) -> Run:
    """Label with ``strategy`` until 60% of what it may pick from has a label."""
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(classes))
    cut = int(OUTSIDE_SHARE * len(classes))
    outside, inside = np.sort(shuffled[:cut]), np.sort(shuffled[cut:])
    audit = random.integers(0, len(outside), 1_000)
    stop_set = np.sort(random.permutation(len(classes))[:2_000])
    count = int(classes.max()) + 1
    picker = Picker(vectors[inside], classes[inside], strategy, seed)
    picked = np.empty(0, dtype=np.int64)
    scores = np.zeros((len(classes), count))
    steps: list[Step] = []
    audits = 0
    while len(picked) < LARGEST_SHARE * len(inside):
        queued = len(picked) + audits
        batch = max(BATCH, int(BATCH_GROWTH * queued))
        due = audit_images_due(batch, queued=queued, audit_queued=audits)
        picked = np.concatenate([picked, picker.pick(picked, batch - due, softmax(scores)[inside])])
        audits += due
        scores = fit_and_score(vectors, classes, inside[picked], count)
        said = scores.argmax(axis=1)
        asked = np.unique(audit[:audits])
        both = np.concatenate([inside[picked], outside[asked]])
        rest = np.delete(outside, asked)
        left = np.delete(inside, picked)
        final = fit_and_score(vectors, classes, both, count)[rest].argmax(axis=1)
        steps.append(
            Step(
                labels=len(picked),
                audit_labels=audits,
                accuracy=float(np.mean(said[outside] == classes[outside])),
                final_accuracy=float(np.mean(final == classes[rest])),
                left_over_accuracy=float(np.mean(said[left] == classes[left])),
                outside=said[outside].astype(np.int16),
                stop_set=said[stop_set].astype(np.int16),
            )
        )
    everything = fit_and_score(vectors, classes, inside, count)[outside].argmax(axis=1)
    plateau = max(float(np.mean(everything == classes[outside])), *(s.accuracy for s in steps))
    truth = classes[outside]
    return Run(data, strategy, truth, audit, classes[inside[picked]], steps, plateau)


class Picker:
    """A strategy; those but `random` begin with k-means, as the default policy does."""

    def __init__(self, vectors: np.ndarray, classes: np.ndarray, strategy: str, seed: int) -> None:
        self.vectors, self.classes, self.strategy, self.seed = vectors, classes, strategy, seed
        self.order = np.empty(0, dtype=np.int64)

    def pick(self, picked: np.ndarray, count: int, probabilities: np.ndarray) -> np.ndarray:
        count = min(count, len(self.vectors) - len(picked))
        if self.strategy in ("random", "maxherding") and len(picked):
            # These do not ask the model, so that one long order holds all later batches.
            if len(self.order) == 0:
                most = int(LARGEST_SHARE * len(self.vectors)) + 200 - len(picked)
                pool = Pool(self.vectors, labelled=picked)
                self.order = make_strategy(self.strategy, seed=self.seed).select(pool, most).indices
            taken, self.order = self.order[:count], self.order[count:]
            return taken
        first = "random" if self.strategy == "random" else "kmeans"
        name = self.strategy if len(picked) else first
        more = {"calibrate": False} if name == "uherding" else {}
        pool = Pool(
            self.vectors,
            labelled=picked,
            labels=self.classes[picked],
            probabilities=probabilities if len(picked) else None,
        )
        return make_strategy(name, seed=self.seed, **more).select(pool, count).indices


def fit_and_score(
    vectors: np.ndarray, classes: np.ndarray, rows: np.ndarray, count: int
) -> np.ndarray:
    """(n, count) scores of a class-balanced ridge; classes without a label score lowest."""
    present, codes = np.unique(classes[rows], return_inverse=True)
    scores = np.full((len(vectors), count), -9.0)
    if len(present) == 1:
        scores[:, present[0]] = 9.0
        return scores
    x = vectors[rows].astype(np.float64)
    ((weights, offset),) = balanced_ridge(x, codes, len(present), [RIDGE_STRENGTH])
    scores[:, present] = vectors @ weights.T + offset
    return scores


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp((scores - scores.max(axis=1, keepdims=True)) / TEMPERATURE)
    return powers / powers.sum(axis=1, keepdims=True)


def judge(
    run: Run,
    number: int,
    all_looks: list[tuple[AuditLook, float, int]],
    rounds: list[tuple[bool, int]],
    bands: list[tuple[Forecast, float]],
    stops: dict[tuple[str, object], list[Stop]],
) -> None:
    """Ask `coldstart.stopping` after every batch, as the product does, and note where it stops."""
    labels = [step.labels for step in run.steps]
    accuracies = np.array([step.accuracy for step in run.steps])
    last = len(labels) - 1
    looks: tuple[AuditLook, ...] = ()
    truth_of_look = float("nan")
    settled_at: int | None = None
    found: dict[tuple[str, object], Stop] = {}
    for place, step in enumerate(run.steps):
        asked = run.audit[: step.audit_labels]
        models = run.steps[: place + 1]
        answers = [str(one) for one in run.truth[asked]]
        taught = [str(one) for one in run.picked[: step.labels]]
        said = [str(one) for one in step.outside[asked]]
        measured = measure_accuracy(said, answers, taught, looks)
        looks = measured.looks
        if measured.new_look:
            truth_of_look = step.accuracy
            all_looks.append((looks[-1], truth_of_look, number))
        if measured.look is not None:
            low, high = measured.look.interval
            rounds.append((low <= step.accuracy <= high, number))
        settled = measure_stability(labels[: place + 1], [model.stop_set for model in models])
        if settled.stable and settled_at is None:
            settled_at = place
        correct = np.stack([model.outside[asked] == run.truth[asked] for model in models])
        stop_sets = [model.stop_set for model in models]
        gain = forecast_gain(
            labels[: place + 1], correct, stop_sets, len(run.truth), draws=200, seed=number
        )
        after = int(np.searchsorted(labels, step.labels + gain.next_labels))
        if gain.gain is not None and after < len(labels):
            there = np.interp(step.labels + gain.next_labels, labels, accuracies)
            bands.append((gain, float(there - step.accuracy)))
        for price in PRICES:
            asks = weigh(measured, settled, gain, taught, price=price)
            for rule, words in STOP_WORDS.items():
                if asks.verdict in words and (rule, price) not in found:
                    found[rule, price] = stop_at(run, place, price, True, looks, truth_of_look)
        for below in TARGETS_BELOW_PLATEAU:
            asks = weigh(measured, settled, gain, taught, target=run.plateau - below)
            if asks.verdict == "you may stop" and ("target", below) not in found:
                found["target", below] = stop_at(run, place, 0, True, looks, truth_of_look)
    for price in PRICES:
        found.update(rivals(run, price, settled_at))
        for rule in STOP_WORDS:
            found.setdefault((rule, price), stop_at(run, last, price, True, never=True))
    for below in TARGETS_BELOW_PLATEAU:
        found.setdefault(("target", below), stop_at(run, last, 0, True, never=True))
    for key, stop in found.items():
        stops[key].append(stop)


def rivals(run: Run, price: int, settled_at: int | None) -> dict[tuple[str, object], Stop]:
    """Where those stop who know the truth, who go by kappa alone, and who fix a budget."""
    every = range(len(run.steps))
    plain, audited = (
        [stop_at(run, place, price, with_audit) for place in every] for with_audit in (False, True)
    )
    kappa_place = len(plain) - 1 if settled_at is None else settled_at
    labels = [step.labels for step in run.steps]
    found = {
        "oracle": min(plain, key=lambda stop: stop.regret),
        "oracle that pays for audits": min(audited, key=lambda stop: stop.regret),
        "kappa alone (0.99, window 3)": replace(plain[kappa_place], never=settled_at is None),
    }
    for budget in FIXED_BUDGETS:
        place = min(int(np.searchsorted(labels, budget)), len(plain) - 1)
        found[f"fixed budget {budget}"] = plain[place]
    return {(rule, price): stop for rule, stop in found.items()}


STOP_WORDS = {
    "coldstart: you may stop": ("you may stop",),
    "coldstart: flattening": ("flattening", "you may stop"),
}


def stop_at(
    run: Run,
    place: int,
    price: int,
    audited: bool,
    looks: tuple[AuditLook, ...] = (),
    truth: float = float("nan"),
    never: bool = False,
) -> Stop:
    """Who audits pays for the audit labels, and may train on them when all is over."""
    step = run.steps[place]
    labels = step.labels + (step.audit_labels if audited else 0)
    accuracy = step.final_accuracy if audited else step.accuracy
    best = min(one.labels + price * 100 * (1 - one.accuracy) for one in run.steps)
    return Stop(
        data=run.data,
        labels=labels,
        accuracy=accuracy,
        regret=labels + price * 100 * (1 - accuracy) - best,
        premature=accuracy < run.plateau - 0.02,
        never=never,
        look=looks[-1] if looks else None,
        truth=truth,
        truth_now=step.accuracy,
    )


def report_looks(looks: list[tuple[AuditLook, float, int]], runs: int) -> None:
    """Whether the intervals hold the truth, beside those that a single look would have allowed."""
    print("Interval of the measured accuracy, look by look (nominal: 95% at all looks together)")
    print(
        f"{'look':>5}{'runs':>6}{'audit labels':>14}{'holds':>8}{'one-look holds':>16}{'width':>7}"
    )
    missed: dict[str, set[int]] = {"ours": set(), "one look": set()}
    by_number: dict[int, list[tuple[AuditLook, float, int]]] = defaultdict(list)
    for one in looks:
        by_number[one[0].number].append(one)
    for number, here in sorted(by_number.items()):
        holds, single, ratio = [], [], []
        for look, truth, run in here:
            low, high = clopper_pearson(look.right, look.audit_labels)
            holds.append(look.interval[0] <= truth <= look.interval[1])
            single.append(low <= truth <= high)
            ratio.append((look.interval[1] - look.interval[0]) / (high - low))
            missed["ours"] |= set() if holds[-1] else {run}
            missed["one look"] |= set() if single[-1] else {run}
        labels = np.mean([look.audit_labels for look, _, _ in here])
        print(
            f"{number:>5}{len(here):>6}{labels:>14.0f}{np.mean(holds):>8.1%}{np.mean(single):>16.1%}"
            f"{np.mean(ratio):>7.2f}"
        )
    error = np.array([look.accuracy - truth for look, truth, _ in looks])
    print(
        f"At every look of a run: {1 - len(missed['ours']) / runs:.1%} of runs (with the interval "
        f"of one look: {1 - len(missed['one look']) / runs:.1%}); Monte-Carlo error: "
        f"±{196 * np.sqrt(0.95 * 0.05 / runs):.1f} points"
    )
    absolute = 100 * abs(error).mean()
    print(f"Bias {100 * error.mean():+.2f} points, mean absolute error {absolute:.1f}\n")


def report_rounds(rounds: list[tuple[bool, int]], runs: int) -> None:
    """Whether what stood on the screen after each batch held the accuracy of the newest model."""
    missed = {run for held, run in rounds if not held}
    print(
        f"After every batch, the interval on the screen held the accuracy of the newest model "
        f"(though the look may be older): {np.mean([held for held, _ in rounds]):.1%} of "
        f"{len(rounds)} rounds, all rounds of {1 - len(missed) / runs:.1%} of runs\n"
    )


def report_left_over(left_over: dict[str, list[float]]) -> None:
    """How wrong an audit would be that asks about what the strategy has left over."""
    found = (f"{name} {100 * np.mean(error):+.1f}" for name, error in left_over.items())
    print(
        "Without a reserve, audit images drawn from what is left over after 400 training labels "
        f"would mislead by (points): {', '.join(found)}\n"
    )


def report_bands(bands: list[tuple[Forecast, float]]) -> None:
    """Whether the forecast gain and its band were right."""
    error = np.array([forecast.gain - truth for forecast, truth in bands])
    low = np.mean([truth < forecast.low for forecast, truth in bands])
    high = np.mean([truth > forecast.high for forecast, truth in bands])
    width = np.mean([forecast.high - forecast.low for forecast, _ in bands])
    real = np.mean([truth for _, truth in bands])
    print(
        f"Forecast of the next labels, {len(bands)} times: real gain {100 * real:.2f} points on "
        f"average, bias {100 * error.mean():+.2f}, mean absolute error "
        f"{100 * abs(error).mean():.2f}; 95% band {100 * width:.1f} wide, real gain below it "
        f"{low:.1%}, above it {high:.1%}\n"
    )


def report_stops(stops: dict[tuple[str, object], list[Stop]]) -> None:
    """Cost at the stop, above the best stop in hindsight that pays for no audit."""
    columns = ("regret", "p90", "labels", "accuracy", "premature", "never", "holds")
    for price in PRICES:
        print(f"A point is worth {price} labels")
        print(f"{'':32}" + "".join(f"{column:>10}" for column in columns))
        for rule, at in stops:
            if at == price:
                print(row(rule, stops[rule, at]))
        ours, budgets = next(iter(STOP_WORDS)), [f"fixed budget {one}" for one in FIXED_BUDGETS]
        shown = [stop for stop in stops[ours, price] if stop.look is not None]
        error = np.array([stop.look.accuracy - stop.truth_now for stop in shown])
        held = [s.look.interval[0] <= s.truth_now <= s.look.interval[1] for s in shown]
        print(
            f"  At “you may stop” the accuracy on the screen was off that of the newest model by "
            f"{100 * error.mean():+.1f} points on average, {100 * abs(error).mean():.1f} either "
            f"way; the interval held it in {np.mean(held):.1%}"
        )
        for data in dict.fromkeys(stop.data for stop in stops[ours, price]):
            regret = {
                rule: mean([s for s in stops[rule, price] if s.data == data], lambda s: s.regret)
                for rule in (ours, *budgets)
            }
            best = min(budgets, key=regret.__getitem__)
            print(f"  {data}: regret {regret[ours]:.0f}; {best}, its best, {regret[best]:.0f}")
        print()
    for below in TARGETS_BELOW_PLATEAU:
        target = stops["target", below]
        reached = [stop for stop in target if not stop.never]
        print(
            f"Target {100 * below:.0f} points under the plateau: shown to be reached in "
            f"{len(reached)} of {len(target)} runs, at {mean(reached, lambda s: s.labels):.0f} "
            f"labels; interval holds at that stop {holds(reached)}"
        )


def row(rule: str, found: list[Stop]) -> str:
    regrets = np.array([stop.regret for stop in found])
    return (
        f"{rule:32}{regrets.mean():>10.0f}{np.quantile(regrets, 0.9):>10.0f}"
        f"{mean(found, lambda s: s.labels):>10.0f}{mean(found, lambda s: s.accuracy):>10.1%}"
        f"{mean(found, lambda s: s.premature):>10.1%}{mean(found, lambda s: s.never):>10.1%}"
        f"{holds(found):>10}"
    )


def mean(found: list[Stop], value: Callable[[Stop], float]) -> float:
    return float(np.mean([value(stop) for stop in found])) if found else float("nan")


def holds(found: list[Stop]) -> str:
    """Share of stops at which the interval on the screen held the accuracy of its model."""
    looks = [(stop.look, stop.truth) for stop in found if stop.look is not None]
    if not looks:
        return "–"
    right = [look.interval[0] <= truth <= look.interval[1] for look, truth in looks]
    return f"{np.mean(right):.1%}"


def embedding_sets(full: bool, files: list[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, (n, d) float32 vectors, (n,) int64 classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    centred = digits.data - digits.data.mean(axis=0)
    yield "digits", as_unit(centred), digits.target
    if full:
        for name, most in (("trashnet", None), ("cifar10", CIFAR_IMAGES)):
            for make in (folder_vectors, network_vectors):
                kept = make(name, most)
                if kept is not None:
                    yield from_file(kept)
    for file in files:
        yield from_file(Path(file))


def from_file(file: Path) -> tuple[str, np.ndarray, np.ndarray]:
    with np.load(file, allow_pickle=False) as arrays:
        classes = np.unique(arrays["classes"], return_inverse=True)[1]
        return file.stem, as_unit(arrays["vectors"]), classes


def as_unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def folder_vectors(name: str, most: int | None) -> Path | None:
    """The file of ``name``'s vectors by the encoder `folder`, made where it is not there yet."""
    from coldstart.embeddings.encoders.folder import FolderEncoder
    from coldstart.images.read import read_image

    kept, paths = kept_file(f"{name}-folder"), photos(name, most)
    if kept.exists() or not paths:
        return kept if kept.exists() else None
    encoder = FolderEncoder()
    print(f"{name}: encoding {len(paths)} photos", file=sys.stderr, flush=True)
    encoder.fit(paths)
    vectors = [
        encoder.encode(np.stack([encoder.prepare(read_image(path, at_least=128)) for path in part]))
        for part in (paths[row : row + 8] for row in range(0, len(paths), 8))
    ]
    keep(kept, np.concatenate(vectors), paths)
    return kept


def network_vectors(name: str, most: int | None) -> Path | None:
    """The same by MobileNetV2 with ImageNet weights, the 128 main directions of its 1,280."""
    import timm
    import torch

    from coldstart.images.read import read_image

    kept, paths = kept_file(f"{name}-mobilenetv2"), photos(name, most)
    weights = data_folder() / "mobilenetv2_100.pth"
    if kept.exists() or not paths:
        return kept if kept.exists() else None
    if not weights.is_file():
        print(f"{name} by MobileNetV2: skipped, {weights.name} is not there.")
        return None
    torch.set_num_threads(1)
    network = timm.create_model("mobilenetv2_100", num_classes=1001, pad_type="same")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()
    size = 96 if name == "cifar10" else 224
    print(f"{name}: MobileNetV2 of {len(paths)} photos", file=sys.stderr, flush=True)
    found = []
    with torch.inference_mode():
        for row in range(0, len(paths), 32):
            images = [
                np.asarray(read_image(path, at_least=size).convert("RGB").resize((size, size)))
                for path in paths[row : row + 32]
            ]
            batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
            features = network.forward_features((batch - 127.5) / 127.5)
            found.append(network.forward_head(features, pre_logits=True).numpy())
    vectors = as_unit(np.concatenate(found))
    vectors = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(vectors, full_matrices=False)[2][:128]
    keep(kept, vectors @ directions.T, paths)
    return kept


def data_folder() -> Path:
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("COLDSTART_DATA", beside_repository))


def photos(name: str, most: int | None) -> list[Path]:
    """At most ``most`` random photos of a data set; none, and why, where it is missing."""
    root = data_folder() / name
    if not root.is_dir():
        print(f"{name}: skipped, {root} is not there (set COLDSTART_DATA).")
        return []
    paths = sorted(root.glob("*/*.jpg"))
    chosen = np.sort(np.random.default_rng(0).permutation(len(paths))[:most])
    return [paths[one] for one in chosen]


def kept_file(name: str) -> Path:
    return Path(tempfile.gettempdir()) / "coldstart-benchmarks" / f"{name}.npz"


def keep(file: Path, vectors: np.ndarray, paths: list[Path]) -> None:
    file.parent.mkdir(exist_ok=True)
    np.savez(file, vectors=vectors, classes=np.array([path.parent.name for path in paths]))


if __name__ == "__main__":
    with threadpool_limits(1):
        sys.exit(main())
