"""The tables of a project's database, as SQLAlchemy Core sees them.

`label_events` is append-only: nothing a person did is ever overwritten or deleted. The view
`current_labels` reads from it which answer stands for each image today.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Subquery,
    Table,
    Text,
    UniqueConstraint,
    literal,
    select,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only for plain INTEGER keys.
_row_id = BigInteger().with_variant(Integer, "sqlite")

images = Table(
    "images",
    metadata,
    Column("image_id", _row_id, primary_key=True),
    Column("root", Integer, nullable=False),  # which of the project's image folders
    Column("path", Text, nullable=False),  # relative to that folder, with "/"
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("content_hash", Text),  # sha256 of the bytes; null when the file could not be read
    Column("width", Integer),
    Column("height", Integer),
    Column("format", Text),
    Column("problem", Text),  # why it cannot be used, in one sentence
    Column("problem_kind", Text),
    Column("missing", Boolean, nullable=False, server_default=text("false")),
    Column("found_at", Float, nullable=False),
    # What the folder doctor measures of a picture (`images.measure`); null where there is none.
    Column("perceptual_hash", BigInteger),
    Column("dark_level", Float),
    Column("bright_level", Float),
    Column("sharpness", Float),
    Column("decision", Text),  # a person's word on this one image: "out" or "in" of the pool
    Column("excluded_for", Text),  # why it is left out of the pool: a kind of finding, or "by hand"
    UniqueConstraint("root", "path"),
    Index("images_by_hash", "content_hash"),
    # Lists that stay quick at a million images, because each is an index of its own.
    Index(
        "images_in_pool",
        "image_id",
        sqlite_where=text("problem IS NULL AND missing IS 0 AND excluded_for IS NULL"),
        postgresql_where=text("problem IS NULL AND missing IS false AND excluded_for IS NULL"),
    ),
    Index(
        "images_with_problem",
        "root",
        "path",
        sqlite_where=text("problem IS NOT NULL"),
        postgresql_where=text("problem IS NOT NULL"),
    ),
    Index(
        "images_missing",
        "root",
        "path",
        sqlite_where=text("missing IS 1"),
        postgresql_where=text("missing IS true"),
    ),
    Index(
        "images_excluded",
        "image_id",
        sqlite_where=text("excluded_for IS NOT NULL"),
        postgresql_where=text("excluded_for IS NOT NULL"),
    ),
)

# What the folder doctor found at the last scan; `group_id` is the image kept of a group of copies.
findings = Table(
    "findings",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("image_id", BigInteger, ForeignKey("images.image_id"), primary_key=True),
    Column("group_id", BigInteger, nullable=False),
    Column("score", Float),
    Index("findings_in_order", "kind", "group_id", "image_id"),
)

finding_kinds = Table(
    "finding_kinds",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("images", Integer, nullable=False),
    Column("groups", Integer, nullable=False),
    Column("excluded", Boolean, nullable=False),  # a person left all of them out of the pool
    Column("decided_by", Text),
    Column("decided_at", Float),
)

# Classes that are known and kept from everybody but a rehearsal.
hidden_truth = Table(
    "hidden_truth",
    metadata,
    Column("image_id", BigInteger, ForeignKey("images.image_id"), primary_key=True),
    Column("class_name", Text, nullable=False),
    Column("source", Text, nullable=False),
)

# A number that grows whenever its subject changes: what was computed from it is then out of date.
versions = Table(
    "versions",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("class_id", _row_id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("position", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("color", Text),  # "#rrggbb"; null: the palette's, by position
    Column("key", Text),  # the key somebody chose for it; null: the next free one
    # active | merged | deleted. A class that is gone keeps its row, for events name it; its name
    # moves to `retired_name`, so that a new class may have it.
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("retired_name", Text),
    Column("merged_into", BigInteger),  # always an end: never a class that is itself merged
)

# Append-only: what was done to the classes, by whom, and the rows before and after.
class_changes = Table(
    "class_changes",
    metadata,
    Column("change_id", _row_id, primary_key=True),
    Column("at", Float, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("action", Text, nullable=False),  # see `store.classes.ACTIONS`
    Column("class_id", BigInteger, ForeignKey("classes.class_id"), nullable=False),
    Column("words", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("undoes", BigInteger, unique=True),  # a change is undone once
)

query_batches = Table(
    "query_batches",
    metadata,
    Column("batch_id", _row_id, primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("budget", Integer, nullable=False),
    Column("embedding_set", Text, nullable=False),
    Column("delta", Float),
    Column("notes", JSON, nullable=False),
)

batch_images = Table(
    "batch_images",
    metadata,
    Column("batch_id", BigInteger, ForeignKey("query_batches.batch_id"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("image_id", BigInteger, ForeignKey("images.image_id"), nullable=False),
    Column("gain", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column(
        "wanted", Integer, nullable=False, server_default=text("1")
    ),  # how many people's answers
    UniqueConstraint("batch_id", "image_id"),
    Index("batch_images_by_image", "image_id"),
)

label_events = Table(
    "label_events",
    metadata,
    Column("event_id", _row_id, primary_key=True),
    Column(
        "uuid", Text, nullable=False, unique=True
    ),  # made by the client: a resent event is one event
    Column("image_id", BigInteger, ForeignKey("images.image_id"), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("kind", Text, nullable=False),  # class | skipped | unsure | excluded | cleared
    Column("class_id", BigInteger, ForeignKey("classes.class_id")),
    Column("origin", Text, nullable=False),  # human | import | cluster | model
    Column("batch_id", BigInteger, ForeignKey("query_batches.batch_id")),
    Column("at", Float, nullable=False),  # seconds since 1970 by the server's clock
    Column("client_time", Float),  # the same by the annotator's clock, as it was sent
    Column("seconds", Float),  # time spent on this answer
    Column("suggestion", JSON(none_as_null=True)),  # what was suggested when it was given
    Column("step", Text),  # made by the client: what one key did is one step
    Column("step_action", Text),  # undo | redo of that step; null: the step itself
    # A reviewer's decision over other people's answers, rather than one answer among them.
    Column("review", Boolean, nullable=False, server_default=text("false")),
    Column("acted_by", Text),  # who did it, where that was not the annotator: an owner's undo
    Index("label_events_by_image", "image_id", "annotator", "event_id"),
    Index("label_events_by_annotator", "annotator", "event_id"),
)

comments = Table(
    "comments",
    metadata,
    Column("comment_id", _row_id, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("image_id", BigInteger, ForeignKey("images.image_id"), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("client_time", Float),
    Index("comments_by_image", "image_id", "comment_id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", _row_id, primary_key=True),
    Column("kind", Text, nullable=False),  # the CLI command's name
    Column("arguments", JSON, nullable=False),  # the CLI command's arguments
    Column("state", Text, nullable=False),  # running | done | failed | cancelled | lost
    Column("first_done", BigInteger),  # where this process started: a resumed job is not faster
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("message", Text, nullable=False),
    Column("error", Text),
    Column("result", JSON),
    Column("pid", Integer),
    Column("created_by", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("cancel_requested", Boolean, nullable=False),
    Index(
        "one_running_job_of_a_kind",
        "kind",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", _row_id, primary_key=True),
    Column("model", Text, nullable=False),  # probe | finetune
    Column("directory", Text, nullable=False),  # relative to the project
    Column("embedding_set", Text, nullable=False),
    Column("label_count", Integer, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),  # the newest label it has seen
    Column("evaluation", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

audit_images = Table(
    "audit_images",
    metadata,
    Column("image_id", BigInteger, ForeignKey("images.image_id"), primary_key=True),
    Column("position", Integer, nullable=False, unique=True),  # the order of asking
    Column("reserved_at", Float, nullable=False),
    # Which audit it is kept for; those of an earlier one have become images like any other.
    Column("audit", Integer, nullable=False, server_default=text("1")),
)

audit_looks = Table(
    "audit_looks",
    metadata,
    Column("number", Integer, primary_key=True),  # over all audits together
    Column("look", JSON, nullable=False),  # stopping.AuditLook
    Column("run_id", BigInteger, ForeignKey("runs.run_id"), nullable=False),  # the model judged
    Column("taken_at", Float, nullable=False),
    Column("audit", Integer, nullable=False, server_default=text("1")),
)

# Who has an image before them right now; two people only where two answers are wanted.
leases = Table(
    "leases",
    metadata,
    Column("image_id", BigInteger, ForeignKey("images.image_id"), primary_key=True),
    Column("place", Integer, primary_key=True),  # 0, or 1 as well where two answers are wanted
    Column("holder", Text, nullable=False),
    Column("until", Float, nullable=False),
    UniqueConstraint("image_id", "holder"),
    Index("leases_by_holder", "holder"),
)

members = Table(
    "members",
    metadata,
    Column("name", Text, primary_key=True),  # as on the labels: the annotator
    Column("role", Text, nullable=False),  # a name of labels.roles.ROLES
    Column("signed_in", Boolean, nullable=False),  # by a provider that checked who it is
    Column("joined_at", Float, nullable=False),
)

# Views of the database (migration 0005), in a MetaData of their own, for they are no tables.
_views = MetaData()


def _view_of_events(name: str) -> Table:
    return Table(name, _views, *(Column(one.name, one.type) for one in label_events.columns))


# Every event with its class read through merges; of a deleted class it counts as "cleared".
label_answers = _view_of_events("label_answers")

# Each annotator's newest answer on each image, unless it is "cleared".
standing_answers = _view_of_events("standing_answers")

# The answer that stands for each image: the newest review, else what most people answered;
# `labels.resolve` says it in Python.
own_labels = _view_of_events("current_labels")


def _shared_labels() -> Subquery:
    """`own_labels`, of which all images with the same content have a row each.

    New answers are stored with one image of them (`labels.insert_events`). Where two of them have
    answers all the same, because one became a copy of the other later, that which was answered last
    speaks for all.
    """
    answered, copy, other = images.alias("answered"), images.alias("copy"), images.alias("other")
    answered_later = (
        select(literal(1))
        .select_from(other.join(label_events, label_events.c.image_id == other.c.image_id))
        .where(
            other.c.content_hash == answered.c.content_hash,
            other.c.image_id != answered.c.image_id,
            label_events.c.event_id > own_labels.c.event_id,
        )
        .correlate(answered, own_labels)
        .exists()
    )
    columns = [copy.c.image_id if column.name == "image_id" else column for column in own_labels.c]
    joined = own_labels.join(answered, answered.c.image_id == own_labels.c.image_id).join(
        copy, copy.c.content_hash == answered.c.content_hash
    )
    return select(*columns).select_from(joined).where(~answered_later).subquery("shared_labels")


# The label that stands for each image, exact copies sharing theirs.
current_labels = _shared_labels()
