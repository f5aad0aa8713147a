"""Say what the images of a folder show:

    pip install -r requirements.txt
    python predict.py FOLDER [--to predictions.csv]

Writes one row for each image: its path, the predicted class, how sure the model is, and the
probability of every class. Everything it needs lies beside this file: model.onnx and model.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import ExifTags, Image, ImageOps

HERE = Path(__file__).resolve().parent
HEIC = (".heic", ".heif", ".hif")
JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
OTHERS = (".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".avif", ".avifs")
SUFFIXES = (*JPEG, *OTHERS, *HEIC)
METHODS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
Image.MAX_IMAGE_PIXELS = 250_000_000


class Model:
    """The exported model: ``class_names``, and `probabilities` of image files."""

    def __init__(self, folder: Path = HERE) -> None:
        said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.class_names: list[str] = said["class_names"]
        self.preprocessing: dict[str, Any] = said["preprocessing"]
        self.batch_images: int = said["batch_images"]
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=onnxruntime.get_available_providers()
        )

    def probabilities(self, files: list[Path]) -> tuple[np.ndarray, list[str]]:
        """(n, k) float32, and for each file why it could not be read (empty if it could)."""
        side = self.preprocessing["side"]
        result = np.zeros((len(files), len(self.class_names)), np.float32)
        problems = [""] * len(files)
        for start in range(0, len(files), self.batch_images):
            batch = files[start : start + self.batch_images]
            pixels = np.zeros((len(batch), side, side, 3), np.uint8)
            for row, file in enumerate(batch):
                try:
                    pixels[row] = prepare(read_image(file, self.preprocessing), self.preprocessing)
                except Exception as error:  # Pillow raises many kinds for a damaged file
                    problems[start + row] = f"{type(error).__name__}: {error}"
            images = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255
            (said,) = self.session.run(None, {"images": np.ascontiguousarray(images)})
            result[start : start + len(batch)] = said
        return result, problems


def read_image(file: Path, preprocessing: dict[str, Any]) -> Image.Image:
    """The image upright and in RGB, transparency over white."""
    if file.suffix.lower() in HEIC:
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    with Image.open(file) as image:
        if image.format in ("JPEG", "MPO"):
            least, at_least = min(image.size), preprocessing["read_at_least"]
            factor = max((f for f in (1, 2, 4, 8) if least // f >= at_least), default=1)
            image.draft("RGB", (image.width // factor, image.height // factor))
        image.load()
        return to_rgb(upright(image))


def upright(image: Image.Image) -> Image.Image:
    """The image after its EXIF orientation, if that can be read."""
    try:
        image.getexif().get(ExifTags.Base.Orientation)
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block is not worth losing the picture for
        return image


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        paper = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(paper, layers).convert("RGB")
    return image.convert("RGB")


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """Greyscale of more than 8 bits to uint8: 0..65535 by 257, shares by 255, else stretched."""
    are_shares = values.dtype.kind == "f"
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    least, greatest = float(values.min()), float(values.max())
    if are_shares and least >= 0.0 and greatest <= 1.0:
        scaled = values * 255.0
    elif least >= 0.0 and greatest <= 65535.0:
        scaled = values / 257.0
    else:
        scaled = (values - least) * (255.0 / max(greatest - least, 1e-300))
    return np.rint(scaled).astype(np.uint8)


def prepare(image: Image.Image, said: dict[str, Any]) -> np.ndarray:
    """The (side, side, 3) uint8 pixels that the model looks at."""
    side, resize = said["side"], said["resize_pixels"]
    method = METHODS.get(said["interpolation"], Image.Resampling.BICUBIC)
    if said.get("enlarge_bicubic") and max(image.size) < side:
        method = Image.Resampling.BICUBIC
    if said["mode"] == "border":
        scale = resize / max(image.size)
        width, height = (max(1, round(one * scale)) for one in image.size)
        colour = tuple(round(255 * part) for part in said["mean"])
        paper = Image.new("RGB", (side, side), colour)
        paper.paste(
            image.resize((width, height), method), ((side - width) // 2, (side - height) // 2)
        )
        return np.asarray(paper)
    if said["mode"] == "squash":
        width = height = resize
    else:
        scale = resize / min(image.size)
        width, height = (max(resize, int(one * scale)) for one in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    box = (
        left * image.width / width,
        top * image.height / height,
        (left + side) * image.width / width,
        (top + side) * image.height / height,
    )
    return np.asarray(image.resize((side, side), method, box=box))


def find_images(folder: Path) -> list[Path]:
    """Every image file below the folder, sorted."""
    return sorted(
        file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()
    )


def plain(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    text = cell.encode("utf-8", "replace").decode()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "'") else text


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="images are looked for below it")
    parser.add_argument("--to", type=Path, default=Path("predictions.csv"), metavar="FILE")
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"There is no folder {options.folder}.", file=sys.stderr)
        return 1
    files = find_images(options.folder)
    if not files:
        print(f"There is no image in {options.folder}.", file=sys.stderr)
        return 1
    model = Model()
    unreadable = 0
    with options.to.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        names = [plain(f"probability: {name}") for name in model.class_names]
        table.writerow(["path", "predicted_class", "confidence", *names])
        for start in range(0, len(files), 64):
            batch = files[start : start + 64]
            for file, row, problem in zip(batch, *model.probabilities(batch)):
                if problem:
                    unreadable += 1
                    print(f"{file}: {problem}", file=sys.stderr)
                    continue
                best = int(row.argmax())
                path = file.relative_to(options.folder).as_posix()
                table.writerow(
                    [plain(path), plain(model.class_names[best]), f"{row[best]:.6f}"]
                    + [f"{one:.6f}" for one in row]
                )
            print(f"{min(start + 64, len(files)):,} of {len(files):,}", file=sys.stderr)
    print(f"{len(files) - unreadable:,} images in {options.to}; {unreadable:,} unreadable.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
