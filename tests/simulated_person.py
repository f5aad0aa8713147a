"""One person who labels over HTTP as the labeller in the browser does; nothing of coldstart."""

from __future__ import annotations

import http.client
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

PER_PAGE = 20
RESENT = 0.05  # share of the posts whose answer a bad network loses: the labeller sends them again


@dataclass
class Person:
    """What one of them was handed, what the server acknowledged, and how long each answer took."""

    handed: list[int] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)  # uuid -> image_id
    answer_s: list[float] = field(default_factory=list)
    lease_s: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def work(name: str, token: str, port: int, seed: int, start: Any, told: Any) -> None:
    """Ask for pages and label them until none is left; then tell what happened."""
    person, draw = Person(), random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(route: str, body: dict[str, Any], times: list[float]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        began = time.perf_counter()
        connection.request("POST", f"/api/{route}", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        times.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{route} answered {answer.status}: {text!r}")
        return dict(json.loads(text))

    start.wait(120)
    while images := post("leases", {"count": PER_PAGE}, person.lease_s)["images"]:
        person.handed += images
        for image_id in images:
            event = {
                "uuid": str(UUID(int=draw.getrandbits(128), version=4)),
                "image_id": image_id,
                "kind": "class",
                "class_id": 1,
                "batch_id": 1,
                "client_time": 1000 * time.time(),
                "seconds": 0.5,
            }
            for _ in range(2 if draw.random() < RESENT else 1):
                answer = post("labels", {"events": [event]}, person.answer_s)
                person.acknowledged |= dict.fromkeys(answer["accepted"], image_id)
                person.refused += [row["reason"] for row in answer["refused"]]
    told.put((name, person))
