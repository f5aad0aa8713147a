"""Labels as a COCO file: images, categories, and one annotation without a box for each class.

https://cocodataset.org/#format-data. What COCO has no word for (state, annotators, content hash)
stands in each image's object ``coldstart``, which other programs leave alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from coldstart.errors import ColdstartError
from coldstart.labels.cells import as_text, decode_path, encode_path
from coldstart.labels.class_names import check_class_name
from coldstart.labels.folders import GivenLabel
from coldstart.labels.manifest import ManifestRow
from coldstart.labels.states import CLASS, LABEL_KINDS


def write_coco(
    rows: Iterable[ManifestRow], file: Path, size_of: Callable[[ManifestRow], tuple[int, int]]
) -> int:
    """Write the rows as COCO JSON; ``size_of`` gives width and height; how many images.

    Raises
    ------
    ColdstartError : the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        width, height = size_of(row)
        agreeing = max(1, round(row.agreement * len(row.annotators)))
        images.append(
            {
                "id": number,
                "file_name": encode_path(row.path),
                "width": width,
                "height": height,
                "coldstart": {
                    "content_hash": row.content_hash,
                    "state": row.state,
                    "annotators": [as_text(one) for one in row.annotators[:agreeing]],
                    "split": row.split,
                    "labelled_at": row.labelled_at,
                },
            }
        )
        if row.state == CLASS:
            category = numbers.setdefault(as_text(row.class_name), len(numbers) + 1)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": category}
            )
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    unfinished = file.with_name(f".{file.name[:100]}.{uuid4().hex}.unfinished")
    try:
        with open(unfinished, "x", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    except OSError as error:
        raise ColdstartError(
            f"The labels cannot be written to {as_text(str(file))}: {error.strerror or error}.",
            "Choose a place that exists, is writable and has room.",
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return len(images)


def read_coco_labels(file: Path) -> list[GivenLabel]:
    """The labels of a COCO file; an image with several categories is refused.

    Raises
    ------
    ColdstartError : it cannot be read, is only half there, or is no COCO file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        names = {one["id"]: str(one["name"]) for one in content["categories"]}
        classes: dict[Any, set[str]] = {}
        for one in content["annotations"]:
            classes.setdefault(one["image_id"], set()).add(names[one["category_id"]])
        images = [
            (one["id"], str(one["file_name"]), one.get("coldstart") or {})
            for one in content["images"]
        ]
        found = []
        for number, path, more in images:
            given = sorted(classes.get(number, ()))
            if len(given) > 1:
                raise ColdstartError(
                    f"{file.name} gives {path} several categories: {', '.join(given[:5])}.",
                    "One image has one class here: keep one of them.",
                )
            state = CLASS if given else str(more.get("state", CLASS))
            if not given and (state == CLASS or state not in LABEL_KINDS):
                continue  # an image without any annotation is an image without a label
            found.append(
                GivenLabel(
                    decode_path(path),
                    str(more.get("content_hash", "")),
                    state,
                    check_class_name(given[0]) if given else "",
                    tuple(str(one) for one in more.get("annotators", ())),
                    f"image {number} of {file.name}",
                )
            )
    except OSError as error:
        raise ColdstartError(
            f"{file} cannot be read ({error.strerror or error}).", "Check the path."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ColdstartError(
            f"{file.name} is damaged, only half written, or not in COCO's format.",
            "Export or copy it again.",
        ) from error
    return found
