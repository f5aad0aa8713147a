"""The project's database: tables, queries, migrations and the one writer. SQL stays in here."""

from __future__ import annotations

from coldstart.store.audit import Audit
from coldstart.store.batches import Batches, BatchRow, Pick
from coldstart.store.classes import ClassChange, Classes, ClassRow
from coldstart.store.comments import CommentRow, Comments, NewComment
from coldstart.store.database import close_database, open_database
from coldstart.store.findings import Findings, FoundImage, FoundKind
from coldstart.store.history import Events, Heap
from coldstart.store.image_lists import ImageFilter, among, within
from coldstart.store.image_rows import ImageRow
from coldstart.store.images import Images, PoolFormats
from coldstart.store.jobs import JobRow, Jobs
from coldstart.store.labels import EventRow, Labels, NewEvent
from coldstart.store.leases import LEASE_S, Lease, Leases
from coldstart.store.members import Member, Members
from coldstart.store.running_counts import RunningCounts
from coldstart.store.runs import RunRow, Runs
from coldstart.store.scanned_files import KnownFile, ScannedImage
from coldstart.store.steps import Change, History, Step, Steps
from coldstart.store.truth import Truth
from coldstart.store.writer import LabelWriter, label_writer


class Store:
    """Everything a project remembers, by subject.

    Parameters
    ----------
    url : an SQLAlchemy URL: ``sqlite:///…/coldstart.db`` or ``postgresql+psycopg://…``.

    Raises
    ------
    ColdstartError : the database cannot be opened, or a newer coldstart has written it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = open_database(url)
        self.images = Images(self._engine)
        self.findings = Findings(self._engine)
        self.truth = Truth(self._engine)
        self.labels = Labels(self._engine)
        self.classes = Classes(self._engine)
        self.comments = Comments(self._engine)
        self.steps = Steps(self._engine)
        self.batches = Batches(self._engine)
        self.counted = RunningCounts(self._engine)
        self.audit = Audit(self._engine)
        self.events = Events(self._engine)
        self.leases = Leases(self._engine)
        self.members = Members(self._engine)
        self.jobs = Jobs(self._engine)
        self.runs = Runs(self._engine)

    @property
    def label_writer(self) -> LabelWriter:
        """The one writer of labels in this process: append here when several threads may."""
        return label_writer(self._engine)

    def close(self) -> None:
        """Let go of the database's files."""
        close_database(self.url)


__all__ = [
    "LEASE_S",
    "Audit",
    "BatchRow",
    "Batches",
    "Change",
    "ClassChange",
    "ClassRow",
    "Classes",
    "CommentRow",
    "Comments",
    "EventRow",
    "Events",
    "Findings",
    "FoundImage",
    "FoundKind",
    "Heap",
    "History",
    "ImageFilter",
    "ImageRow",
    "Images",
    "JobRow",
    "Jobs",
    "KnownFile",
    "LabelWriter",
    "Labels",
    "Lease",
    "Leases",
    "Member",
    "Members",
    "NewComment",
    "NewEvent",
    "Pick",
    "PoolFormats",
    "RunRow",
    "RunningCounts",
    "Runs",
    "ScannedImage",
    "Step",
    "Steps",
    "Store",
    "Truth",
    "among",
    "within",
]
