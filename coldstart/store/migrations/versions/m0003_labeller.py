"""Classes that can be renamed, merged, split and deleted; comments; steps that can be undone.

A merged or deleted class keeps its row: events go on naming it, and the view reads through to the
class that took it over. A label event remembers which step it was part of, and what was suggested.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_LABEL_ANSWERS = """
CREATE VIEW label_answers AS
SELECT event.event_id, event.uuid, event.image_id, event.annotator,
    CASE WHEN target.state = 'deleted' THEN 'cleared' ELSE event.kind END AS kind,
    CASE WHEN target.state = 'deleted' THEN NULL ELSE target.class_id END AS class_id,
    event.origin, event.batch_id, event.at, event.client_time, event.seconds,
    event.suggestion, event.step, event.step_action
FROM label_events AS event
LEFT JOIN classes AS named ON named.class_id = event.class_id
LEFT JOIN classes AS target ON target.class_id = COALESCE(named.merged_into, named.class_id)
"""

_CURRENT_LABELS = """
CREATE VIEW current_labels AS
SELECT event.* FROM label_answers AS event
WHERE event.kind <> 'cleared'
AND NOT EXISTS (
    SELECT 1 FROM label_events AS newer
    WHERE newer.image_id = event.image_id AND newer.annotator = event.annotator
    AND newer.event_id > event.event_id
)
AND NOT EXISTS (
    SELECT 1 FROM label_answers AS other
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
    op.execute("DROP VIEW current_labels")
    op.add_column("classes", sa.Column("color", sa.Text))
    op.add_column("classes", sa.Column("key", sa.Text))
    op.add_column("classes", sa.Column("state", sa.Text, nullable=False, server_default="active"))
    op.add_column("classes", sa.Column("retired_name", sa.Text))
    op.add_column("classes", sa.Column("merged_into", sa.BigInteger))
    op.add_column("label_events", sa.Column("suggestion", sa.JSON))
    op.add_column("label_events", sa.Column("step", sa.Text))
    op.add_column("label_events", sa.Column("step_action", sa.Text))
    op.create_index("label_events_by_annotator", "label_events", ["annotator", "event_id"])
    op.create_table(
        "class_changes",
        sa.Column("change_id", _row_id, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("class_id", sa.BigInteger, sa.ForeignKey("classes.class_id"), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("undoes", sa.BigInteger, unique=True),
    )
    op.create_table(
        "comments",
        sa.Column("comment_id", _row_id, primary_key=True),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("client_time", sa.Float),
    )
    op.create_index("comments_by_image", "comments", ["image_id", "comment_id"])
    op.execute(_LABEL_ANSWERS)
    op.execute(_CURRENT_LABELS)
