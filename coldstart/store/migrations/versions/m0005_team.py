"""Several people: leases, roles, how many answers an image wants, and which answers are reviews.

Until now the newest answer stood. From now on a review stands, else the majority; the answers that
won against another person's before are marked as reviews, so that no label changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = (
    "event_id, uuid, image_id, annotator, kind, class_id, origin, batch_id, at, client_time, "
    "seconds, suggestion, step, step_action, review, acted_by"
)

_LABEL_ANSWERS = """
CREATE VIEW label_answers AS
SELECT event.event_id, event.uuid, event.image_id, event.annotator,
    CASE WHEN target.state = 'deleted' THEN 'cleared' ELSE event.kind END AS kind,
    CASE WHEN target.state = 'deleted' THEN NULL ELSE target.class_id END AS class_id,
    event.origin, event.batch_id, event.at, event.client_time, event.seconds,
    event.suggestion, event.step, event.step_action, event.review, event.acted_by
FROM label_events AS event
LEFT JOIN classes AS named ON named.class_id = event.class_id
LEFT JOIN classes AS target ON target.class_id = COALESCE(named.merged_into, named.class_id)
"""

_STANDING_ANSWERS = f"""
CREATE VIEW standing_answers AS
SELECT {_COLUMNS} FROM label_answers AS event
WHERE event.kind <> 'cleared'
AND NOT EXISTS (
    SELECT 1 FROM label_events AS newer
    WHERE newer.image_id = event.image_id AND newer.annotator = event.annotator
    AND newer.event_id > event.event_id
)
"""

# Nearly every image has one annotator: those take the short way, and only the others are weighed.
_CURRENT_LABELS = f"""
CREATE VIEW current_labels AS
SELECT {_COLUMNS} FROM standing_answers AS answer
WHERE NOT EXISTS (
    SELECT 1 FROM label_events AS other
    WHERE other.image_id = answer.image_id AND other.annotator <> answer.annotator
)
UNION ALL
SELECT {_COLUMNS} FROM (
    SELECT counted.*,
        COUNT(CASE WHEN votes = most THEN 1 END) OVER (PARTITION BY image_id) AS leaders
    FROM (
        SELECT heard.*,
            MAX(votes) OVER (PARTITION BY image_id) AS most,
            MAX(event_id) OVER (PARTITION BY image_id) AS newest,
            MAX(event_id) OVER (PARTITION BY image_id, kind, class_id) AS newest_of_its_kind
        FROM (
            SELECT weighed.*,
                MAX(weight) OVER (PARTITION BY image_id) AS heaviest,
                COUNT(*) OVER (PARTITION BY image_id, kind, class_id) AS votes
            FROM (
                SELECT {_COLUMNS},
                    CASE WHEN review THEN 2 WHEN kind <> 'skipped' THEN 1 ELSE 0 END AS weight
                FROM standing_answers AS answer
                WHERE EXISTS (
                    SELECT 1 FROM label_events AS other
                    WHERE other.image_id = answer.image_id
                    AND other.annotator <> answer.annotator
                )
            ) AS weighed
        ) AS heard
        WHERE weight = heaviest
    ) AS counted
) AS resolved
WHERE (weight = 2 AND event_id = newest)
OR (weight < 2 AND votes = most AND leaders = votes AND event_id = newest_of_its_kind)
"""

_WON_AGAINST_ANOTHER = """
UPDATE label_events SET review = true WHERE event_id IN (
    SELECT winner.event_id FROM old_current_labels AS winner
    JOIN standing_answers AS other
    ON other.image_id = winner.image_id AND other.annotator <> winner.annotator
    WHERE other.kind <> winner.kind OR other.class_id <> winner.class_id
)
"""

_OLD_CURRENT_LABELS = """
CREATE VIEW old_current_labels AS
SELECT answer.* FROM standing_answers AS answer
WHERE NOT EXISTS (
    SELECT 1 FROM standing_answers AS newer
    WHERE newer.image_id = answer.image_id AND newer.event_id > answer.event_id
)
"""


def upgrade() -> None:
    op.execute("DROP VIEW current_labels")
    op.execute("DROP VIEW label_answers")
    op.add_column(
        "label_events",
        sa.Column("review", sa.Boolean, nullable=False, server_default=sa.text("false")),
    )
    op.add_column("label_events", sa.Column("acted_by", sa.Text))
    op.add_column(
        "batch_images",
        sa.Column("wanted", sa.Integer, nullable=False, server_default=sa.text("1")),
    )
    op.create_table(
        "leases",
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.UniqueConstraint("image_id", "holder"),
    )
    op.create_index("leases_by_holder", "leases", ["holder"])
    op.create_table(
        "members",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("signed_in", sa.Boolean, nullable=False),
        sa.Column("joined_at", sa.Float, nullable=False),
    )
    op.execute(_LABEL_ANSWERS)
    op.execute(_STANDING_ANSWERS)
    op.execute(_OLD_CURRENT_LABELS)
    op.execute(_WON_AGAINST_ANOTHER)
    op.execute("DROP VIEW old_current_labels")
    op.execute(_CURRENT_LABELS)
