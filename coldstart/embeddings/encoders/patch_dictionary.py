"""What the small patches of a folder's images look like: Gaussians and centroids learned from them.

Two dictionaries over whitened 8×8 colour patches: a mixture of diagonal Gaussians for the Fisher
vector (Perronnin & Dance 2007; Perronnin, Sánchez & Mensink 2010, "Improving the Fisher Kernel")
and k-means centroids (Coates, Lee & Ng 2011, "An Analysis of Single-Layer Networks").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from coldstart.embeddings.encoders.parallel import map_on_cores

PATCH_PIXELS = 8
STRIDE_PIXELS = 2
FIT_PATCHES = 60_000
FIT_CENTROID_PATCHES = 40_000
WHITENED_DIMENSION = 48
GAUSSIANS = 64
CENTROIDS = 400
KMEANS_STEPS = 10
EXPECTATION_MAXIMISATION_STEPS = 10
CONTRAST_FLOOR = 10.0
"""Added to a patch's variance, so that noise on a plain wall is not blown up."""
WHITENING_FLOOR = 0.1
VARIANCE_FLOOR = 0.01
WEIGHT_FLOOR = 1e-4
SMALLEST_SHARE = 1e-12


@dataclass(frozen=True)
class PatchDictionary:
    """The fitted arrays, all float32; a patch is a row of 192 numbers (channel, row, column)."""

    patch_mean: torch.Tensor  # (192,)
    whitening: torch.Tensor  # (192, 48): onto the strongest directions, each of variance 1
    gaussian_means: torch.Tensor  # (64, 48)
    gaussian_variances: torch.Tensor  # (64, 48)
    gaussian_weights: torch.Tensor  # (64,)
    centroids: torch.Tensor  # (400, 48)

    @staticmethod
    def fit(pixels: np.ndarray, random: np.random.Generator) -> PatchDictionary:
        """Learn from images, (n, side, side, 3) uint8."""
        patches = _random_patches(pixels, random)
        patch_mean = patches.mean(0)
        covariance = torch.cov(patches.T, correction=0).double()
        eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
        scales = 1.0 / torch.sqrt(eigenvalues.clamp(min=0.0) + WHITENING_FLOOR)
        whitening = (eigenvectors * scales).flip(1)[:, :WHITENED_DIMENSION].float().contiguous()
        points = (patches - patch_mean) @ whitening
        centroids, _ = _kmeans(points[:FIT_CENTROID_PATCHES], CENTROIDS, random)
        means, variances, weights = _gaussian_mixture(points, random)
        return PatchDictionary(patch_mean, whitening, means, variances, weights, centroids)

    def whiten(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches (p, 192), contrast normalised, as points (p, 48)."""
        return torch.addmm(-self.patch_mean @ self.whitening, patches, self.whitening)


def all_patches(images: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Every patch of images (m, 3, side, side) float32 0..255, contrast normalised.

    Returns (m · places · places, 192) and ``places``, the number of patches along one side.
    """
    windows = images.unfold(2, PATCH_PIXELS, STRIDE_PIXELS).unfold(3, PATCH_PIXELS, STRIDE_PIXELS)
    places = windows.shape[2]  # windows: (m, 3, places, places, 8, 8)
    patches = windows.permute(0, 2, 3, 1, 4, 5).reshape(len(images) * places * places, -1)
    return _normalise_contrast(patches), places


def _normalise_contrast(patches: torch.Tensor) -> torch.Tensor:
    centred = patches - patches.mean(1, keepdim=True)
    # By the norm: torch.var is five times slower over rows as short as these.
    variances = torch.linalg.vector_norm(centred, dim=1, keepdim=True) ** 2 / (patches.shape[1] - 1)
    return centred.div_(torch.sqrt(variances + CONTRAST_FLOOR))


def _random_patches(pixels: np.ndarray, random: np.random.Generator) -> torch.Tensor:
    last = pixels.shape[1] - PATCH_PIXELS + 1
    image = random.integers(len(pixels), size=FIT_PATCHES)[:, None, None]
    within = np.arange(PATCH_PIXELS)
    rows = (random.integers(last, size=FIT_PATCHES)[:, None] + within)[:, :, None]
    columns = (random.integers(last, size=FIT_PATCHES)[:, None] + within)[:, None, :]
    patches = pixels[image, rows, columns].transpose(0, 3, 1, 2).reshape(FIT_PATCHES, -1)
    return _normalise_contrast(torch.from_numpy(patches.astype(np.float32)))


def _kmeans(
    points: torch.Tensor, clusters: int, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lloyd's algorithm; an empty cluster moves to a random point. Returns (centroids, nearest)."""
    centroids = points[torch.from_numpy(random.choice(len(points), clusters, replace=False))]
    nearest = torch.empty(0)
    for _ in range(KMEANS_STEPS):
        norms = (centroids**2).sum(1)

        def nearest_of(
            chunk: torch.Tensor, centroids: torch.Tensor = centroids, norms: torch.Tensor = norms
        ) -> torch.Tensor:
            return torch.addmm(norms, chunk, centroids.T, alpha=-2.0).argmin(1)

        nearest = torch.cat(list(map_on_cores(nearest_of, points.split(4096))))
        counts = torch.bincount(nearest, minlength=clusters)[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, nearest, points)
        elsewhere = points[torch.from_numpy(random.choice(len(points), clusters))]
        centroids = torch.where(counts > 0, sums / counts.clamp(min=1), elsewhere)
    return centroids, nearest


def _gaussian_mixture(
    points: torch.Tensor, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Diagonal Gaussians by expectation maximisation from k-means: means, variances, weights."""
    means, nearest = _kmeans(points, GAUSSIANS, random)
    weights = torch.bincount(nearest, minlength=GAUSSIANS) / len(points)
    weights = weights.clamp(min=WEIGHT_FLOOR)
    variances = torch.ones_like(means)
    squares = points**2
    for _ in range(EXPECTATION_MAXIMISATION_STEPS):
        shares = responsibilities(torch.cat([squares, points], 1), means, variances, weights)
        totals = shares.sum(0)[:, None] + 1e-3
        means = shares.T @ points / totals
        variances = (shares.T @ squares / totals - means**2).clamp(min=VARIANCE_FLOOR)
        weights = (totals[:, 0] / totals.sum()).clamp(min=WEIGHT_FLOOR)
    return means, variances, weights


def responsibilities(
    squares_and_points: torch.Tensor,
    means: torch.Tensor,
    variances: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """How much of each point, (p, 2·48) as [x², x], belongs to each Gaussian: (p, 64), rows sum 1.

    The logarithm of a diagonal Gaussian is linear in [x², x], so this is one matrix product.
    """
    constants = weights.log() - 0.5 * (variances.log() + means**2 / variances).sum(1)
    slopes = torch.cat([(-0.5 / variances).T, (means / variances).T])
    shares = torch.addmm(constants, squares_and_points, slopes).softmax(1)
    # Numbers below the normal float range would slow every later product ten times down.
    return shares.masked_fill_(shares <= SMALLEST_SHARE, 0.0)
