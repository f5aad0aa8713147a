"""What the folder doctor measures and finds; classes that are known and hidden; versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DIALECTS = ("sqlite", "postgresql")


def upgrade() -> None:
    op.add_column("images", sa.Column("perceptual_hash", sa.BigInteger))
    op.add_column("images", sa.Column("dark_level", sa.Float))
    op.add_column("images", sa.Column("bright_level", sa.Float))
    op.add_column("images", sa.Column("sharpness", sa.Float))
    op.add_column("images", sa.Column("decision", sa.Text))
    op.add_column("images", sa.Column("excluded_for", sa.Text))
    for name, columns, where in (
        (
            "images_in_pool",
            ["image_id"],
            {
                "sqlite": "problem IS NULL AND missing IS 0 AND excluded_for IS NULL",
                "postgresql": "problem IS NULL AND missing IS false AND excluded_for IS NULL",
            },
        ),
        ("images_with_problem", ["root", "path"], dict.fromkeys(_DIALECTS, "problem IS NOT NULL")),
        (
            "images_missing",
            ["root", "path"],
            {"sqlite": "missing IS 1", "postgresql": "missing IS true"},
        ),
        ("images_excluded", ["image_id"], dict.fromkeys(_DIALECTS, "excluded_for IS NOT NULL")),
    ):
        op.create_index(
            name,
            "images",
            columns,
            sqlite_where=sa.text(where["sqlite"]),
            postgresql_where=sa.text(where["postgresql"]),
        )
    op.create_table(
        "findings",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), primary_key=True),
        sa.Column("group_id", sa.BigInteger, nullable=False),
        sa.Column("score", sa.Float),
    )
    op.create_index("findings_in_order", "findings", ["kind", "group_id", "image_id"])
    op.create_table(
        "finding_kinds",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("images", sa.Integer, nullable=False),
        sa.Column("groups", sa.Integer, nullable=False),
        sa.Column("excluded", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.Float),
    )
    op.create_table(
        "hidden_truth",
        sa.Column("image_id", sa.BigInteger, sa.ForeignKey("images.image_id"), primary_key=True),
        sa.Column("class_name", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
