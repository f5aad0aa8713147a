"""Near copies by perceptual hash: the groups are exactly those of comparing all pairs."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scipy.sparse.csgraph import connected_components

from coldstart.images import lookalikes as module
from coldstart.images.findings import BLURRED
from coldstart.images.lookalikes import MOST_BITS, lookalikes
from coldstart.images.measure import measure
from coldstart.images.thumbnail import shrink


def all_pairs(hashes: np.ndarray) -> np.ndarray:
    words = hashes.view(np.uint64)
    close = np.bitwise_count(words[:, None] ^ words[None, :]) <= MOST_BITS
    return connected_components(close)[1]


def families(seed: int, count: int, each: int, bits: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    words = np.repeat(generator.integers(0, 2**63, count, dtype=np.uint64), each)
    for row in range(len(words)):
        for bit in generator.choice(64, generator.integers(0, bits), replace=False):
            words[row] ^= np.uint64(1) << np.uint64(bit)
    return words.view(np.int64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9))
def test_groups_are_those_of_all_pairs(seed: int, count: int, each: int, bits: int) -> None:
    hashes = families(seed, count, each, bits)
    group, expected = lookalikes(hashes), all_pairs(hashes)
    np.testing.assert_array_equal(group[:, None] == group, expected[:, None] == expected)
    # A group is named by its first member.
    assert all(group[row] == np.flatnonzero(group == group[row])[0] for row in range(len(group)))


def test_crowded_bands_are_cut_further_and_lose_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    hashes = families(3, 4, 60, 8)
    monkeypatch.setattr(module, "_LARGEST_RUN", 8)
    group, expected = lookalikes(hashes), all_pairs(hashes)
    np.testing.assert_array_equal(group[:, None] == group, expected[:, None] == expected)


def photo(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((480, 360), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed + 1).integers(-30, 30, (360, 480, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def bits_between(one: Image.Image, other: Image.Image) -> int:
    a, b = (measure(shrink(image)).perceptual_hash for image in (one, other))
    return ((a ^ b) & (2**64 - 1)).bit_count()


def test_a_resaved_smaller_picture_looks_the_same_and_another_does_not() -> None:
    original = photo(1)
    packed = io.BytesIO()
    original.resize((300, 225)).save(packed, "JPEG", quality=60)
    assert bits_between(original, Image.open(packed).convert("RGB")) <= MOST_BITS
    assert bits_between(original, photo(2)) > 3 * MOST_BITS


def test_sharpness_falls_with_blur_and_levels_say_how_dark() -> None:
    sharp = measure(shrink(photo(1)))
    blurred = measure(shrink(photo(1).filter(ImageFilter.GaussianBlur(8))))
    assert blurred.sharpness < BLURRED < sharp.sharpness
    black = measure(Image.new("RGB", (50, 40), (3, 3, 3)))
    assert (black.dark_level, black.bright_level, black.sharpness) == (3, 3, 0)
