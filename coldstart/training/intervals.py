"""Exact limits for a share that was counted."""

from __future__ import annotations


def clopper_pearson(right: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Exact limits for a share of which ``right`` of ``n`` were seen (Clopper & Pearson 1934).

    ``right`` and ``n`` may lie between two whole numbers, as the mean of several counts does.
    """
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if right < 1e-9 else float(beta.ppf(tail, right, n - right + 1))
    high = 1.0 if n - right < 1e-9 else float(beta.ppf(1 - tail, right + 1, n - right))
    return low, high
