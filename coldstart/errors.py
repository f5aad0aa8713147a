"""The one kind of error a person can cause: a sentence that says what is wrong, and what to do."""

from __future__ import annotations


class ColdstartError(Exception):
    """Something the person can mend.

    Parameters
    ----------
    problem : what is wrong, and where, in one sentence.
    remedy : what to do about it, in one sentence; may be empty.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem.strip()
        self.remedy = remedy.strip()
        super().__init__(f"{self.problem} {self.remedy}".strip())
