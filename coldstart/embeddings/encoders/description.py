"""The four descriptions of an image that the `folder` encoder puts together.

Fisher vector and k-means patches say what textures there are (and roughly where), HOG (Dalal &
Triggs 2005) says how edges run, the HSV histogram says which colours. Images come in as
(m, 3, side, side) float32 in 0..255; each description is (m, its dimension) float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional

from coldstart.embeddings.encoders.patch_dictionary import (
    PatchDictionary,
    all_patches,
    responsibilities,
)

HOG_DIRECTIONS = 9
HOG_CELLS = 8
HUES, SATURATIONS, VALUES = 12, 4, 4


def describe(images: torch.Tensor, dictionary: PatchDictionary) -> list[torch.Tensor]:
    """The four descriptions of each image, in the order of `WEIGHTS` in `folder`."""
    patches, places = all_patches(images)
    points = dictionary.whiten(patches)
    return [
        fisher_vector(points, len(images), dictionary),
        kmeans_patches(points, len(images), places, dictionary),
        oriented_gradients(images),
        colour_histogram(images),
    ]


def fisher_vector(points: torch.Tensor, images: int, dictionary: PatchDictionary) -> torch.Tensor:
    """How an image's patches would pull each Gaussian's mean and variance: (images, 2·64·48)."""
    means, variances = dictionary.gaussian_means, dictionary.gaussian_variances
    weights = dictionary.gaussian_weights
    dimension = means.shape[1]
    both = torch.cat([points**2, points], 1)  # (images · patches, 2 · 48)
    shares = responsibilities(both, means, variances, weights)
    shares = shares.view(images, -1, len(means))
    sums = shares.transpose(1, 2) @ both.view(images, -1, 2 * dimension)
    square_sums, point_sums = sums[..., :dimension], sums[..., dimension:]
    totals = shares.sum(1)[..., None]
    to_means = (point_sums - totals * means) / variances.sqrt() / weights.sqrt()[:, None]
    spread = (square_sums - 2 * point_sums * means + totals * means**2) / variances
    to_variances = (spread - totals) / (2 * weights).sqrt()[:, None]
    pulls = torch.cat([to_means, to_variances], 2).flatten(1) / shares.shape[1]
    # The signed square root keeps a few frequent patches from outshouting the rest.
    return functional.normalize(pulls.sign() * pulls.abs().sqrt(), dim=1)


def kmeans_patches(
    points: torch.Tensor, images: int, places: int, dictionary: PatchDictionary
) -> torch.Tensor:
    """How much nearer than average each centroid is, by quarter of the image: (images, 4·400)."""
    centroids = dictionary.centroids
    distances = torch.addmm((centroids**2).sum(1), points, centroids.T, alpha=-2.0)
    distances.add_(torch.linalg.vector_norm(points, dim=1, keepdim=True) ** 2).clamp_(
        min=0.0
    ).sqrt_()
    # In place, as minus the nearness: a new array of this size costs more than the arithmetic.
    farness = distances.sub_(distances.mean(1, keepdim=True)).clamp_(max=0.0)
    farness = farness.view(images, places, places, -1)
    half = places // 2
    quarters = [
        -farness[:, rows, columns].mean((1, 2))
        for rows in (slice(half), slice(half, None))
        for columns in (slice(half), slice(half, None))
    ]
    return functional.normalize(torch.cat(quarters, 1).sqrt(), dim=1)


def oriented_gradients(images: torch.Tensor) -> torch.Tensor:
    """Histograms of edge directions in 8×8 cells, normalised in 2×2 blocks: (images, 49·36)."""
    count, _, side, _ = images.shape
    grey = images.mean(1) / 255.0
    down, right = torch.zeros_like(grey), torch.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    strength = (right**2 + down**2).sqrt()
    # Without a slope there is no direction; ONNX would make it 0 / 0.
    direction = (torch.atan2(down, right + (strength == 0)) / math.pi % 1.0) * HOG_DIRECTIONS
    lower = direction.floor()
    towards_upper = direction - lower
    lower_bin = lower.long() % HOG_DIRECTIONS
    upper_bin = (lower_bin + 1) % HOG_DIRECTIONS
    # Each pixel's strength is shared between the two directions nearest to its own.
    votes = torch.zeros(count, HOG_DIRECTIONS, side, side)
    votes.scatter_(1, lower_bin[:, None], (strength * (1 - towards_upper))[:, None])
    votes.scatter_add_(1, upper_bin[:, None], (strength * towards_upper)[:, None])
    cells = functional.avg_pool2d(votes, side // HOG_CELLS)  # (images, 9, 8, 8)
    blocks = torch.cat(
        [cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:]], 1
    )
    for clip in (0.2, math.inf):
        blocks = (blocks / (blocks.norm(dim=1, keepdim=True) + 0.01)).clamp(max=clip)
    return functional.normalize(blocks.flatten(1), dim=1)


def colour_histogram(images: torch.Tensor) -> torch.Tensor:
    """Square roots of the shares of pixels by hue, saturation and value: (images, 12·4·4)."""
    red, green, blue = (images / 255.0).unbind(1)
    brightest = torch.maximum(torch.maximum(red, green), blue)
    darkest = torch.minimum(torch.minimum(red, green), blue)
    spread = brightest - darkest
    safe = spread.clamp(min=1e-6)
    hue = torch.where(
        brightest == red,
        ((green - blue) / safe) % 6,
        torch.where(brightest == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    saturation = spread / brightest.clamp(min=1e-6)
    bins = _bin(hue / 6, HUES) * (SATURATIONS * VALUES)
    bins = (bins + _bin(saturation, SATURATIONS) * VALUES + _bin(brightest, VALUES)).flatten(1)
    counts = torch.zeros(len(images), HUES * SATURATIONS * VALUES)
    counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=torch.float32))
    return (counts / bins.shape[1]).sqrt()


def _bin(shares: torch.Tensor, bins: int) -> torch.Tensor:
    """Numbers in 0..1 to bins 0..bins-1."""
    return (shares * bins).long().clamp(0, bins - 1)
