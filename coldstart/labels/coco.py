"""Classes of whole images from a COCO file, as other annotation tools export it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.labels.class_names import check_class_name


def read_coco(file: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """The ``(file_name, class_name)`` pairs of a COCO file, and the files with several classes.

    An image whose annotations are all of one category has that class; one whose annotations name
    several has no class of its own and is left out.

    Raises
    ------
    ColdstartError : it cannot be read, or is not COCO.
    """
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ColdstartError(
            f"The file {file} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    except ValueError as error:
        raise ColdstartError(f"{file.name} is not JSON.", "Export it again as COCO.") from error
    try:
        names = {one["id"]: check_class_name(str(one["name"])) for one in content["categories"]}
        files = {one["id"]: str(one["file_name"]) for one in content["images"]}
        classes: dict[Any, set[str]] = defaultdict(set)
        for annotation in content["annotations"]:
            classes[annotation["image_id"]].add(names[annotation["category_id"]])
    except (KeyError, TypeError) as error:
        raise ColdstartError(
            f"{file.name} is not COCO: images, annotations and categories do not fit ({error!r}).",
            "Export it again as COCO.",
        ) from error
    pairs, several = [], []
    for image_id, found in classes.items():
        name = files.get(image_id)
        if name is None:
            continue
        if len(found) == 1:
            pairs.append((name, next(iter(found))))
        else:
            several.append(name)
    return pairs, several
