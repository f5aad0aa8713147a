"""Eight people label 5,000 queued images over HTTP at once: is an image given twice, a label lost?

    python benchmarks/team.py [--images 5000] [--people 8] [--backend sqlite|postgresql]

Each person is a process that talks to the real app server as the labeller in the browser does: it
asks for a page of 20 images under a lease, posts one label at a time and waits for the answer,
which comes after the commit; one post in twenty is sent twice, as after a lost answer. All of them
press as fast as the server answers, with no pause for thought: far faster than people. One person
alone is measured in the same run. Exits 1 when an image was in two hands or a label is lost.

The PostgreSQL server is that of the tests (COLDSTART_TEST_DATABASE_URL, or one on this machine).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> int:
    from databases import BACKENDS, new_database
    from simulated_team import app_server, label_everything, queued_project

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--backend", choices=BACKENDS, help="only this one")
    options = parser.parse_args()
    os.environ["COLDSTART_SECRET"] = "for the benchmark"
    head = ("people", "labels", "labels/s", "median ms", "p95 ms", "longest", "page ms", "in two")
    print(f"{'':12}" + "".join(f"{one:>10}" for one in (*head, "lost", "twice")))
    failed = False
    for backend in [options.backend] if options.backend else BACKENDS:
        for people, images in ((1, options.images // options.people), (options.people, None)):
            with (
                tempfile.TemporaryDirectory() as folder,
                new_database(backend, Path(folder)) as url,
            ):
                projects = Path(folder) / "projects"
                os.environ["COLDSTART_PROJECTS"] = str(projects)
                project = queued_project(projects / "team", url, images or options.images)
                with app_server(projects) as server:
                    run = label_everything(project, server.port, people)
                project.store.close()
            times = run.answers_ms()
            pages = [1000 * second for one in run.people.values() for second in one.lease_s]
            numbers = [people, len(run.stored), len(run.stored) / run.seconds]
            numbers += [*np.percentile(times, (50, 95, 100)), np.percentile(pages, 95)]
            numbers += [run.double_assigned, run.lost, run.twice]
            print(f"{backend:12}" + "".join(f"{one:10,.0f}" for one in numbers))
            failed |= bool(run.double_assigned or run.lost or run.twice)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
