"""Reading an image: every kind of file comes out upright, in RGB, as a person would see it."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.images.read import ImageProblem, read_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def _quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Four plain quarters: red, green / blue, white; so that every turn and mirror shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return Image.fromarray(pixels)


def _corners(image: Image.Image) -> list[tuple[int, ...]]:
    w, h = image.size
    spots = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    return [image.getpixel(spot) for spot in spots]  # type: ignore[misc]


def _assert_quarters(image: Image.Image, tolerance: int = 6) -> None:
    assert image.mode == "RGB"
    np.testing.assert_allclose(_corners(image), [RED, GREEN, BLUE, WHITE], atol=tolerance)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
def test_every_format_is_read(tmp_path: Path, format_name: str) -> None:
    file = tmp_path / "image"
    _quarters().save(file, format_name, quality=95)
    image = read_image(file)
    assert image.size == (64, 48)
    _assert_quarters(image, tolerance=14)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_read_upright(tmp_path: Path, orientation: int) -> None:
    import pillow_heif

    stored = _quarters() if orientation == 1 else _quarters().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "photo.heic"
    pillow_heif.from_pillow(stored).save(file, quality=95, exif=exif.tobytes())
    assert b"ftypheic" in file.read_bytes()[:32]
    image = read_image(file, at_least=8)
    assert image.info["full_size"] == (64, 48)
    assert image.info["file_format"] == "HEIF"
    _assert_quarters(image, tolerance=14)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("at_least", [None, 8])
def test_orientation_is_applied(
    tmp_path: Path, format_name: str, orientation: int, at_least: int | None
) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = _quarters() if orientation == 1 else _quarters().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "image"
    stored.save(file, format_name, exif=exif, quality=95)
    image = read_image(file, at_least=at_least)
    assert image.info["full_size"] == (64, 48)
    _assert_quarters(image, tolerance=14)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.full((8, 8), 255, np.uint8))
    file = tmp_path / "image.png"
    grey.convert(mode).save(file)
    image = read_image(file)
    assert image.mode == "RGB"
    assert image.getpixel((3, 3)) == WHITE


def test_cmyk_is_converted(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    _quarters().convert("CMYK").save(file, quality=95)
    _assert_quarters(read_image(file))


def test_what_is_transparent_shows_white_paper(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 3] = [[0, 0, 255, 255]] * 4  # black, its left half transparent
    file = tmp_path / "alpha.png"
    Image.fromarray(rgba).save(file)
    image = read_image(file)
    assert image.getpixel((0, 0)) == WHITE
    assert image.getpixel((3, 0)) == (0, 0, 0)


def test_a_transparent_palette_colour_shows_white_paper(tmp_path: Path) -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    file = tmp_path / "palette.gif"
    palette.save(file, transparency=0)
    assert read_image(file).getpixel((1, 1)) == WHITE


def test_a_transparent_rgb_colour_shows_white_paper(tmp_path: Path) -> None:
    file = tmp_path / "key.png"
    Image.new("RGB", (4, 4), (1, 2, 3)).save(file, transparency=(1, 2, 3))
    assert read_image(file).getpixel((1, 1)) == WHITE


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bit_looks_like_the_same_picture_in_8_bit(tmp_path: Path, ending: str) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    file = tmp_path / f"deep.{ending}"
    Image.fromarray(grey.astype(np.uint16) * 257).save(file)
    np.testing.assert_array_equal(np.asarray(read_image(file))[..., 0], grey)


def test_16_bit_that_is_nearly_black_stays_black(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.uint16)).save(tmp_path / "dark.png")
    assert not np.asarray(read_image(tmp_path / "dark.png")).any()


@pytest.mark.parametrize("kind", ["png", "png with alpha", "tiff", "big-endian tiff"])
def test_16_bit_colour_looks_like_the_same_picture_in_8_bit(tmp_path: Path, kind: str) -> None:
    eight = np.asarray(_quarters(), np.uint16) // 2 + 31
    sixteen = eight * 257
    file = tmp_path / "image"
    file.write_bytes(
        _png_16(sixteen, "alpha" in kind) if "png" in kind else _tiff_16(sixteen, kind)
    )
    read = np.asarray(read_image(file), np.int64)
    assert read.shape == eight.shape
    np.testing.assert_allclose(read, eight, atol=1)


def _png_16(pixels: np.ndarray, alpha: bool) -> bytes:
    """A PNG of 16 bits a channel, which Pillow itself cannot write; opaque where it has alpha."""
    height, width, _ = pixels.shape
    if alpha:
        pixels = np.concatenate([pixels, np.full((height, width, 1), 65535, np.uint16)], axis=2)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 6 if alpha else 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _tiff_16(pixels: np.ndarray, kind: str) -> bytes:
    """An uncompressed TIFF of 16 bits a channel."""
    order = ">" if kind.startswith("big") else "<"
    height, width, _ = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    bits_at = 8 + len(data)
    # (tag, type: 3 short, 4 long, count, value), in the order of the tags
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits_at), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height)]
    tags += [(279, 4, 1, len(data)), (284, 3, 1, 1)]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, form, count)
        + struct.pack(f"{order}H2x" if form == 3 and count == 1 else f"{order}I", value)
        for tag, form, count, value in tags
    )
    head = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HI", 42, bits_at + 6)
    bits = struct.pack(f"{order}HHH", 16, 16, 16)
    return head + data + bits + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def test_16_bit_big_endian_tiff(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).astype(">u2").reshape(8, 8)
    file = tmp_path / "deep.tif"
    Image.frombytes("I;16B", (8, 8), values.tobytes()).save(file)
    expected = np.rint(values.astype(float) / 257).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(read_image(file))[..., 1], expected)


@pytest.mark.parametrize(
    ("values", "darkest", "brightest"),
    [([0.0, 1.0], 0, 255), ([-3.0, 5.0], 0, 255), ([0.0, 65535.0], 0, 255), ([2.0e6, 2.0e6], 0, 0)],
)
def test_float_tiff_is_scaled(
    tmp_path: Path, values: list[float], darkest: int, brightest: int
) -> None:
    file = tmp_path / "float.tif"
    Image.fromarray(np.array([values, values], np.float32)).save(file)
    pixels = np.asarray(read_image(file))
    assert (pixels[0, 0, 0], pixels[0, 1, 0]) == (darkest, brightest)


@pytest.mark.parametrize("format_name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_of_several(tmp_path: Path, format_name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    file = tmp_path / "frames"
    frames[0].save(file, format_name, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_image(file).getpixel((8, 8)), RED, atol=6)


def test_a_jpeg_is_decoded_smaller_but_never_below_what_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "big.jpg"
    _quarters(800, 1000).save(file, quality=95)
    image = read_image(file, at_least=150)
    assert image.size == (200, 250)
    assert image.info["full_size"] == (800, 1000)
    _assert_quarters(image)
    assert min(read_image(file, at_least=801).size) == 800


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on it
def test_a_broken_exif_block_does_not_lose_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    _quarters().save(file, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff", quality=95)
    _assert_quarters(read_image(file))


def _jpeg_bytes() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def _huge_png_bytes() -> bytes:
    """A PNG whose header promises 60,000 × 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk, pixels = b"IHDR" + header, b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (chunk, pixels)
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"just text, many words of it, really", "not an image"),
        (b"\x00", "not an image"),
        (_jpeg_bytes()[:-4000], "truncated"),
        (_jpeg_bytes()[:10], "damaged"),
        (_huge_png_bytes(), "too large"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path: Path, content: bytes, kind: str) -> None:
    file = tmp_path / "bad.jpg"
    file.write_bytes(content)
    with pytest.raises(ImageProblem) as caught:
        read_image(file)
    assert caught.value.kind == kind
    assert caught.value.reason.count(".") == 1
    assert "\n" not in caught.value.reason
    assert str(file) in caught.value.problem
    assert caught.value.remedy


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on the broken TIFFs
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
def test_cut_and_spoiled_files_never_raise_anything_else(tmp_path: Path, format_name: str) -> None:
    random = np.random.default_rng(1)
    buffer = io.BytesIO()
    noise = random.integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(buffer, format_name)
    whole = np.frombuffer(buffer.getvalue(), np.uint8)
    file = tmp_path / "bad"
    for attempt in range(60):
        spoiled = whole[: random.integers(1, len(whole) + 1)].copy()
        if attempt % 2:
            spoiled[random.integers(0, len(spoiled), 6)] = random.integers(0, 256, 6)
        file.write_bytes(spoiled.tobytes())
        with contextlib.suppress(ImageProblem):
            assert read_image(file).mode == "RGB"


def test_a_20000_pixel_wide_image_is_read(tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.new("L", (20_000, 300), 200).save(file)
    assert read_image(file).size == (20_000, 300)


def test_missing_broken_link_and_forbidden_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(tmp_path / "nothing.jpg")
    with pytest.raises(ImageProblem, match="link to a file that does not exist"):
        read_image(link)
    with pytest.raises(ImageProblem, match="no longer there"):
        read_image(tmp_path / "nothing.jpg")
    with pytest.raises(ImageProblem) as caught:
        read_image(tmp_path)
    assert caught.value.kind == "unreadable"

    def refuse(*_: object) -> None:  # a root account reads everything, so the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageProblem, match="no permission"):
        read_image(tmp_path / "any.jpg")


def test_a_problem_survives_the_way_between_processes(tmp_path: Path) -> None:
    with pytest.raises(ImageProblem) as caught:
        read_image(tmp_path / "gone.jpg")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.kind, copy.reason) == (
        str(caught.value),
        caught.value.kind,
        caught.value.reason,
    )
