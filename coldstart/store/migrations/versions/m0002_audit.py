"""The audit: which images are kept aside to measure with, and what each look at them found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_images",
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False, unique=True),
        sa.Column("reserved_at", sa.Float, nullable=False),
    )
    op.create_table(
        "audit_looks",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("look", sa.JSON, nullable=False),
        sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("taken_at", sa.Float, nullable=False),
    )
