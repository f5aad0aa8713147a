"""Thumbnails, encoders and training see the same picture, whatever its file says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.engines import ImageToEmbed, prepare_batch
from coldstart.images.check import check_image
from coldstart.images.thumbnail import thumbnail_path
from coldstart.training.data import LabelledImages


@pytest.fixture(params=["turned", "16 bit", "first frame", "on paper"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A plain picture, and a file that says the same in another way."""
    coarse = np.random.default_rng(1).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((360, 240), Image.Resampling.NEAREST)
    odd = tmp_path / "odd.tif"
    if request.param == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.transpose(Image.Transpose.ROTATE_90).save(odd, exif=exif)
    elif request.param == "16 bit":
        picture = picture.convert("L").convert("RGB")
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(odd)
    elif request.param == "first frame":
        picture.save(odd, save_all=True, append_images=[Image.new("RGB", (360, 240), "red")])
    else:
        seen = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        seen.paste(picture.crop((0, 0, 200, 240)), (0, 0))
        seen.save(odd)
        picture.paste("white", (200, 0, 360, 240))
    picture.save(tmp_path / "plain.png")
    return tmp_path / "plain.png", odd


def test_everything_that_reads_sees_the_same(pair: tuple[Path, Path], tmp_path: Path) -> None:
    facts = [check_image(file, tmp_path / "thumbnails") for file in pair]
    assert [(one.width, one.height) for one in facts] == [(360, 240)] * 2
    thumbnails = [thumbnail_path(tmp_path / "thumbnails", one.content_hash) for one in facts]
    seen = [[np.asarray(Image.open(file)) for file in thumbnails]]
    images = [ImageToEmbed(number, str(number), file) for number, file in enumerate(pair)]
    seen.append(list(prepare_batch(make_encoder("folder"), images).pixels))
    labelled = LabelledImages(pair, np.zeros(2, np.int64), ["a"])
    seen.append([np.asarray(labelled[row][0]) for row in range(2)])
    for plain, odd in seen:
        np.testing.assert_array_equal(plain, odd)
