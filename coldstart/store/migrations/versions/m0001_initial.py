"""The first tables.

Written out rather than taken from `schema`, because a migration must go on meaning what it meant.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_CURRENT_LABELS = """
CREATE VIEW current_labels AS
SELECT event.* FROM label_events AS event
WHERE event.kind <> 'cleared'
AND NOT EXISTS (
    SELECT 1 FROM label_events AS newer
    WHERE newer.image_id = event.image_id AND newer.annotator = event.annotator
    AND newer.event_id > event.event_id
)
AND NOT EXISTS (
    SELECT 1 FROM label_events AS other
    WHERE other.image_id = event.image_id AND other.event_id > event.event_id
    AND other.kind <> 'cleared'
    AND NOT EXISTS (
        SELECT 1 FROM label_events AS newer
        WHERE newer.image_id = other.image_id AND newer.annotator = other.annotator
        AND newer.event_id > other.event_id
    )
)
"""


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("image_id", _row_id, primary_key=True),
        sa.Column("root", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("content_hash", sa.Text),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("format", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("problem_kind", sa.Text),
        sa.Column("missing", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("found_at", sa.Float, nullable=False),
        sa.UniqueConstraint("root", "path"),
    )
    op.create_index("images_by_hash", "images", ["content_hash"])
    op.create_table(
        "classes",
        sa.Column("class_id", _row_id, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "query_batches",
        sa.Column("batch_id", _row_id, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("budget", sa.Integer, nullable=False),
        sa.Column("embedding_set", sa.Text, nullable=False),
        sa.Column("delta", sa.Float),
        sa.Column("notes", sa.JSON, nullable=False),
    )
    op.create_table(
        "batch_images",
        sa.Column(
            "batch_id", sa.BigInteger, sa.ForeignKey("query_batches.batch_id"), primary_key=True
        ),
        sa.Column("rank", sa.Integer, primary_key=True),
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), nullable=False),
        sa.Column("gain", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("batch_id", "image_id"),
    )
    op.create_index("batch_images_by_image", "batch_images", ["image_id"])
    op.create_table(
        "label_events",
        sa.Column("event_id", _row_id, primary_key=True),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("class_id", sa.BigInteger, sa.ForeignKey("classes.class_id")),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("query_batches.batch_id")),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("client_time", sa.Float),
        sa.Column("seconds", sa.Float),
    )
    op.create_index("label_events_by_image", "label_events", ["image_id", "annotator", "event_id"])
    op.create_table(
        "jobs",
        sa.Column("job_id", _row_id, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("first_done", sa.BigInteger),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("result", sa.JSON),
        sa.Column("pid", sa.Integer),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("heartbeat_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
    )
    op.create_index(
        "one_running_job_of_a_kind",
        "jobs",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", _row_id, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("directory", sa.Text, nullable=False),
        sa.Column("embedding_set", sa.Text, nullable=False),
        sa.Column("label_count", sa.Integer, nullable=False),
        sa.Column("last_event_id", sa.BigInteger, nullable=False),
        sa.Column("evaluation", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.execute(_CURRENT_LABELS)
