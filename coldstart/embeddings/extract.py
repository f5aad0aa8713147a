"""Compute the vectors of many images in blocks, so that nothing finished is ever computed twice.

Each block is durable before it counts. A run that was killed is taken up after its last block and
ends with the same matrix, bit for bit, because the rest is cut into the same batches. Vectors are
known by the content of their image: a renamed or a doubled file costs nothing.

    <set>/encoder/              what the encoder has fitted
    <set>/unfinished/7.npy      vectors of block 7, and 7.json, which makes it count: their
                                content hashes, and what could not be read
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from coldstart.embeddings.encoders import Encoder, Tunable
from coldstart.embeddings.engines import (
    EncodedBatch,
    ImageToEmbed,
    encode_here,
    prepare_batch,
)
from coldstart.embeddings.matrix import (
    VECTORS,
    EmbeddingSet,
    finish_writing,
    read_meta,
    write_meta,
    write_set,
)
from coldstart.embeddings.speed import Speed
from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent

BLOCK_IMAGES = 512
GATHER_ROWS = 4096
WAY_IMAGES = 32
"""On how many images the ways to compute are compared, at most."""

Engine = Callable[[Encoder, Iterable[Sequence[ImageToEmbed]]], Generator[EncodedBatch]]


@dataclass(frozen=True)
class ExtractReport:
    """What `extract` did: rows in the set, how many of them it had to compute, and what failed.

    ``unreadable`` has (image_id, one sentence) for each image without a vector.
    """

    images: int
    computed: int
    unreadable: list[tuple[int, str]] = field(default_factory=list)


def extract(
    encoder: Encoder,
    images: Sequence[ImageToEmbed],
    directory: Path,
    *,
    progress: Progress = silent,
    block_images: int = BLOCK_IMAGES,
    engine: Engine = encode_here,
) -> ExtractReport:
    """Give each image a row in the embedding set at ``directory``, in the order of ``images``.

    What the set or an unfinished run already knows is kept; new images are appended and changed
    ones computed again in their row; the row of an image that is no longer asked for stays, unused.
    An encoder that learns from the images is fitted on those of the first run, once.

    Parameters
    ----------
    encoder : see `make_encoder`.
    images : the pool.
    directory : ``<project>/embeddings/<set>``; made if need be.
    progress : called after every batch; when it raises, finished blocks stay.
    block_images : how many images may have to be computed again after a kill.
    engine : who computes the batches; see `engines`.

    Raises
    ------
    ColdstartError : the set was made by another encoder, no image can be read, or the disk is full.
    """
    if not images:
        raise ColdstartError("There are no images to embed.", "Scan a folder with images first.")
    meta = _begin(encoder, directory)
    try:
        _fit_once(encoder, images, directory / "encoder", progress)
        return _Extraction(encoder, images, directory, meta, progress, engine).run(block_images)
    except OSError as error:
        raise ColdstartError(
            f"The embeddings cannot be written to {directory}: {error.strerror or error}.",
            "Make room or give the right to write there; the work resumes where it stopped.",
        ) from error


def _begin(encoder: Encoder, directory: Path) -> dict[str, Any]:
    """The set's meta, written before the first vector; refuses another encoder's set."""
    made_by = {
        "encoder": encoder.name,
        "settings": encoder.settings,
        "preprocessing": encoder.preprocessing,
    }
    finish_writing(directory)
    meta = read_meta(directory)
    # Compared through JSON, as what was read has been.
    same = {key: meta.get(key) for key in made_by} == json.loads(json.dumps(made_by))
    worth_keeping = meta.get("complete") or any((directory / "unfinished").glob("*.json"))
    if meta and not same and not worth_keeping:
        shutil.rmtree(directory)
        meta = {}
    if not meta:
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        meta = {**made_by, "created_at": created_at, "complete": False}
        weights = getattr(encoder, "weights_file", None)
        if weights is not None:
            # Where they lay then; what they are is in the settings.
            meta["weights_file"] = str(weights.absolute())
        directory.mkdir(parents=True, exist_ok=True)
        write_meta(directory, meta)
    elif not same:
        raise ColdstartError(
            f"The embedding set {directory.name!r} was made by the encoder "
            f"{meta.get('encoder')!r} with other settings.",
            "Give the new embeddings a name of their own.",
        )
    return meta


def _fit_once(
    encoder: Encoder, images: Sequence[ImageToEmbed], state: Path, progress: Progress
) -> None:
    if not state.is_dir():
        encoder.fit([image.path for image in images], progress)
        unfinished = state.with_name("encoder.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        encoder.save(unfinished)
        os.replace(unfinished, state)
    # Loaded also after fitting, so that a resumed run computes with the very same numbers.
    encoder.load(state)


class _Extraction:
    """One run over one set."""

    def __init__(
        self,
        encoder: Encoder,
        images: Sequence[ImageToEmbed],
        directory: Path,
        meta: dict[str, Any],
        progress: Progress,
        engine: Engine,
    ) -> None:
        self.encoder = encoder
        self.engine = engine
        self.images = images
        self.directory = directory
        self.unfinished = directory / "unfinished"
        self.meta = meta
        self.progress = progress
        self.parts: list[Path] = []  # files of vectors: the finished set and the blocks
        self.place_of: dict[str, tuple[int, int]] = {}  # content hash -> which of them, row
        self.reason_of: dict[str, str] = {}  # content hash -> why it cannot be read
        self.computed = 0

    def run(self, block_images: int) -> ExtractReport:
        finished = self._read_finished()
        next_block = self._read_blocks()
        self._compute(next_block, block_images)
        rows = [image for image in self.images if image.content_hash in self.place_of]
        if not rows:
            shutil.rmtree(self.unfinished, ignore_errors=True)
            raise ColdstartError(
                f"None of the {len(self.images):,} images can be read.",
                "Scan the folder again: the images may have moved.",
            )
        image_ids, hashes = self._rows(finished, rows)
        if finished is None or finished != (image_ids, hashes):
            dimension = self.encoder.dimension
            write_set(self.directory, self._gather(hashes), dimension, image_ids, hashes, self.meta)
        shutil.rmtree(self.unfinished, ignore_errors=True)
        unreadable = [
            (image.image_id, self.reason_of[image.content_hash])
            for image in self.images
            if image.content_hash in self.reason_of
        ]
        return ExtractReport(len(rows), self.computed, unreadable)

    def _rows(
        self, finished: tuple[list[int], list[str]] | None, wanted: Sequence[ImageToEmbed]
    ) -> tuple[list[int], list[str]]:
        """The image of each row: rows stay where they are, and new images come after them.

        A row whose image is gone stays unused: the image may come back.
        """
        hash_of = {image.image_id: image.content_hash for image in wanted}
        asked = {image.image_id for image in self.images}
        rows: dict[int, str] = {}
        for image_id, content_hash in zip(*(finished or ([], [])), strict=True):
            if image_id not in asked or image_id in hash_of:
                rows[image_id] = hash_of.get(image_id, content_hash)
        for image_id, content_hash in hash_of.items():
            rows.setdefault(image_id, content_hash)
        return list(rows), list(rows.values())

    def _read_finished(self) -> tuple[list[int], list[str]] | None:
        if not self.meta.get("complete"):
            return None
        finished = EmbeddingSet.open(self.directory)
        hashes = finished.content_hashes
        self._know(self.directory / VECTORS, hashes)
        return finished.image_ids.tolist(), hashes

    def _read_blocks(self) -> int:
        """Take up the blocks of a run that was stopped; returns the number of the next one."""
        number = 0
        while (self.unfinished / f"{number}.json").is_file():
            block = json.loads((self.unfinished / f"{number}.json").read_text(encoding="utf-8"))
            self._know(self.unfinished / f"{number}.npy", block["content_hashes"])
            self.reason_of.update(block["unreadable"])
            number += 1
        return number

    def _know(self, vectors: Path, content_hashes: Sequence[str]) -> None:
        self.parts.append(vectors)
        for row, content_hash in enumerate(content_hashes):
            self.place_of[content_hash] = (len(self.parts) - 1, row)

    def _compute(self, next_block: int, block_images: int) -> None:
        first_of = {image.content_hash: image for image in reversed(self.images)}
        in_order = {image.content_hash: None for image in self.images}
        missing = [
            first_of[content_hash]
            for content_hash in in_order
            if content_hash not in self.place_of and content_hash not in self.reason_of
        ]
        done, total = len(in_order) - len(missing), len(in_order)
        self.progress(done, total, "Embedding images")
        if not missing:
            return
        self.unfinished.mkdir(exist_ok=True)
        self._find_way(missing)
        size = self.encoder.batch_images
        batches = (missing[row : row + size] for row in range(0, len(missing), size))
        speed = Speed()
        with closing(self.engine(self.encoder, batches)) as encoded:
            for number in range(next_block, next_block + len(missing)):
                block = []
                for batch in islice(encoded, max(1, block_images // size)):
                    block.append(batch)
                    done += len(batch)
                    speed.add(len(batch))
                    self.progress(done, total, f"Embedding images{speed.words}")
                if not block:
                    break
                self._finish_block(number, block)
        speed.remember(self.encoder.name)

    def _find_way(self, missing: Sequence[ImageToEmbed]) -> None:
        """Compute as this set was begun, else in the way that a measurement finds quickest."""
        import joblib

        from coldstart.embeddings.encoders.parallel import single_threaded

        encoder = self.encoder
        if not isinstance(encoder, Tunable):
            return
        known = self.meta.get("computing")
        if known and encoder.use(known):
            return
        prepared = prepare_batch(encoder, missing[:WAY_IMAGES])
        pixels = prepared.pixels[prepared.readable]
        if not len(pixels):
            return
        self.progress(self._known_images(), len(self.images), "Finding the quickest way to compute")
        with single_threaded():
            way = encoder.choose(pixels, len(missing), joblib.cpu_count())
        if encoder.use(way):
            self.meta["computing"] = way
            write_meta(self.directory, self.meta)

    def _known_images(self) -> int:
        return sum(image.content_hash in self.place_of for image in self.images)

    def _finish_block(self, number: int, batches: Sequence[EncodedBatch]) -> None:
        vectors = np.concatenate([batch.vectors for batch in batches])
        hashes = [content_hash for batch in batches for content_hash in batch.hashes]
        unreadable = {k: v for batch in batches for k, v in batch.unreadable.items()}
        with (self.unfinished / f"{number}.npy").open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        counts = self.unfinished / f"{number}.json.new"
        with counts.open("w", encoding="utf-8") as text:
            json.dump({"content_hashes": hashes, "unreadable": unreadable}, text)
            text.flush()
            os.fsync(text.fileno())
        os.replace(counts, self.unfinished / f"{number}.json")
        self._know(self.unfinished / f"{number}.npy", hashes)
        self.reason_of.update(unreadable)
        self.computed += len(hashes)

    def _gather(self, content_hashes: Sequence[str]) -> Iterator[np.ndarray]:
        # A mapped file holds a file descriptor, and a large pool has thousands of blocks.
        @lru_cache(maxsize=64)
        def part(number: int) -> np.ndarray:
            mapped: np.ndarray = np.load(self.parts[number], mmap_mode="r", allow_pickle=False)
            return mapped

        places = iter([self.place_of[content_hash] for content_hash in content_hashes])
        while chunk := list(islice(places, GATHER_ROWS)):
            yield np.stack([part(number)[row] for number, row in chunk])
