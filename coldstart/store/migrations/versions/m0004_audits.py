"""More than one audit after the other: which one each image and each look belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("audit_images", "audit_looks"):
        op.add_column(
            table, sa.Column("audit", sa.Integer, nullable=False, server_default=sa.text("1"))
        )
