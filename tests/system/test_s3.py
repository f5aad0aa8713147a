"""Images in an object store: a whole scan, thumbnails and vectors over a real S3 API."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.images.read import read_image
from coldstart.project import Project
from coldstart.workflow.embed import embed
from coldstart.workflow.pool import load_pool
from coldstart.workflow.scan import scan, thumbnail_file


def jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).resize((64, 48), Image.Resampling.BICUBIC).save(content, "JPEG")
    return content.getvalue()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A bucket `photos` on a server of its own, with 24 images in two folders and a text."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("photos")
    for number in range(24):
        system.pipe(f"photos/all/{number % 2}/{number:02}.jpg", jpeg(number))
    system.pipe("photos/all/readme.txt", b"hello")
    system.pipe("photos/other/x.jpg", jpeg(99))
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_images_in_a_bucket_are_scanned_shown_and_embedded(bucket, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    project = Project.create(tmp_path / "project", ["s3://photos/all"])
    report = scan(project)
    assert (report.images, report.other_files, report.unreadable) == (24, 1, 0)
    row = project.store.images.usable()[0]
    assert thumbnail_file(project, row.content_hash or "") is not None
    assert read_image(project.file_of(row)).size == (64, 48)
    assert project.local_file(row).read_bytes() == jpeg(0)
    assert embed(project).images == 24
    assert len(load_pool(Project.open(project.directory)).image_ids) == 24
    # Changed, new and deleted objects are noticed; what is unchanged is not fetched again.
    bucket.pipe("photos/all/0/00.jpg", jpeg(50) + b" ")
    bucket.pipe("photos/all/new.jpg", jpeg(51))
    bucket.rm("photos/all/1/01.jpg")
    again = scan(project)
    assert (again.changed, again.added, again.missing, again.unchanged) == (1, 1, 1, 22)
    for wrong in ("s3://photos/nowhere", "s3://no-such-bucket"):
        with pytest.raises(ColdstartError):
            Project.create(tmp_path / "wrong", [wrong])
    project.store.close()
