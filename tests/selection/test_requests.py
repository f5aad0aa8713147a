"""What every strategy takes: wishes, distance from labelled images; and the two adapters."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.selection import KMeans, Pool, ProbCover, make_strategy, strategies
from coldstart.selection import query as adapters
from coldstart.selection.skactiveml_bridge import peer_names


def animals(each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    classes = np.repeat(["cat", "dog", "owl"], each)
    middles = {name: generator.normal(size=10) for name in ("cat", "dog", "owl")}
    vectors = np.stack([middles[name] for name in classes])
    return vectors + 0.5 * generator.normal(size=vectors.shape), classes


@pytest.mark.parametrize("name", list(strategies()))
def test_wishes_bring_more_of_a_class_with_every_strategy(name: str) -> None:
    vectors, classes = animals()
    labelled = np.array([0, 1, 40, 41, 80, 81])
    pool = Pool(vectors, labelled, classes[labelled])
    picks = make_strategy(name).select(pool, 8, wishes={"owl": 5})
    assert len(set(picks.indices.tolist())) == 8
    assert (classes[picks.indices[:5]] == "owl").sum() >= 4
    assert all(reason.startswith("wished for: owl at") for reason in picks.reasons[:5])


@pytest.mark.parametrize("name", list(strategies()))
def test_near_duplicates_of_labelled_images_are_left_out(name: str) -> None:
    vectors, classes = animals()
    vectors = np.vstack([vectors, vectors[:3] * 1.0001, vectors[:3] + 1e-4])
    labelled = np.array([0, 1, 2, 40, 80])
    pool = Pool(vectors, labelled, classes[labelled])
    picks = make_strategy(name).select(pool, 115, away_from_labelled=0.01)
    assert not set(picks.indices.tolist()) & set(range(120, 126))


def test_wishes_that_cannot_be_met_are_refused() -> None:
    vectors, classes = animals()
    labelled = np.array([0, 40])
    pool = Pool(vectors, labelled, classes[labelled])
    with pytest.raises(ValueError, match="wishes name the class 'fox'; the model knows cat, dog"):
        KMeans().select(pool, 4, wishes={"fox": 2})
    with pytest.raises(ValueError, match="add up to 9, more than the budget 4"):
        KMeans().select(pool, 4, wishes={"cat": 9})
    with pytest.raises(ValueError, match="needs probabilities, or labels"):
        KMeans().select(Pool(vectors), 4, wishes={"cat": 1})
    with pytest.raises(ValueError, match="away_from_labelled"):
        KMeans().select(pool, 4, away_from_labelled=-1)


@pytest.mark.parametrize(
    "peer",
    [
        "RandomSampling",
        "CoreSet",
        "TypiClust",
        "UncertaintySampling",
        "QueryByCommittee",
        "Badge",
        "DiscriminativeAL",
        "Falcun",
    ],
)
def test_a_strategy_of_scikit_activeml(peer: str) -> None:
    vectors, classes = animals()
    labelled = np.array([0, 1, 40, 41, 80, 81])
    pool = Pool(vectors, labelled, classes[labelled], candidates=np.arange(20, 110))
    picks = make_strategy(f"skactiveml:{peer}", seed=3).select(pool, 6)
    assert len(set(picks.indices.tolist())) == 6
    assert pool.candidates[picks.indices].all()
    assert np.isfinite(picks.gains).all()
    assert picks.settings["peer"] == peer


def test_scikit_activeml_names() -> None:
    assert "ProbCover" in peer_names()
    assert "GreedySamplingTarget" not in peer_names()
    with pytest.raises(ValueError, match="has no strategy 'Nonsense'; choose one of"):
        make_strategy("skactiveml:Nonsense")
    with pytest.raises(ValueError, match="wants reg"):
        make_strategy("skactiveml:GreedySamplingTarget").select(Pool(animals()[0]), 3)


def test_a_script_switches_by_changing_an_import() -> None:
    vectors, classes = animals()
    y = np.full(120, np.nan, dtype=object)
    y[[0, 40]] = classes[[0, 40]]
    rows = adapters.ProbCover(delta=0.8, random_state=0).query(vectors, y, batch_size=5)
    expected = ProbCover(delta=0.8).select(Pool(vectors, [0, 40]), 5).indices
    assert rows.tolist() == expected.tolist()
    rows, utilities = adapters.KMeans().query(
        vectors, y, batch_size=3, candidates=np.arange(10, 60), return_utilities=True
    )
    assert utilities.shape == (3, 120)
    assert np.isnan(utilities[:, :10]).all()
    assert np.nanargmax(utilities[0]) == rows[0]
    assert np.isnan(utilities[1, rows[0]])


def test_the_adapter_uses_a_given_classifier() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, classes = animals()
    y = np.full(120, "", dtype=object)
    y[::10] = classes[::10]
    strategy = adapters.QueryStrategy("margin", missing_label="")
    rows = strategy.query(vectors, y, clf=LogisticRegression(), batch_size=4)
    model = LogisticRegression().fit(vectors[::10], list(classes[::10]))
    top = np.sort(model.predict_proba(vectors), axis=1)
    lead = top[:, -1] - top[:, -2]
    lead[::10] = 2
    assert rows.tolist() == np.argsort(lead, kind="stable")[:4].tolist()
    with pytest.raises(AttributeError):
        adapters.Nonsense  # noqa: B018
