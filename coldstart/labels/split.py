"""Which side of the train/test split an image is on.

The side follows from the file's content alone, so byte-identical copies never fall on both sides,
and an image keeps its side however many labels come later. About 80% of all contents train.
"""

from __future__ import annotations

import hashlib

TRAIN = "train"
TEST = "test"
TEST_SHARE = 0.2


def split_of(content_hash: str) -> str:
    """``train`` or ``test`` for the content with this hash."""
    # Hashed once more, so that the split is independent of anything else ordered by content hash.
    digest = hashlib.sha256(b"coldstart split:" + content_hash.encode("utf-8", "replace")).digest()
    return TEST if int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64 else TRAIN
