# SPDX-License-Identifier: Apache-2.0
"""Ask the user's own Label Studio what FiftyOne's client has no method for.

See https://api.labelstud.io.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults

from ..plain import Json

#: Seconds to wait for the server.
_PATIENCE = 60
#: What the text of a box begins with, before the number of its track.
TRACK = "track "


def ask(
    results: LabelStudioAnnotationResults, method: str, place: str, **content: object
) -> requests.Response:
    """Ask the server that frames were sent to.

    Args:
        results: what was sent
        method: the method of the request, such as ``GET``
        place: the place in the server's API, such as ``projects/1``
        **content: further arguments of ``requests.request()``

    Returns:
        the answer

    Raises:
        requests.RequestException: if the server does not answer, or refuses
    """
    config = results.config
    response = requests.request(
        method,
        f"{config.url.rstrip('/')}/api/{place}",
        headers={"Authorization": f"Token {config.api_key}"},
        timeout=_PATIENCE,
        **content,  # type: ignore[arg-type]
    )
    response.raise_for_status()
    return response


def set_instructions(results: LabelStudioAnnotationResults, html: str) -> None:
    """Set the instructions of a project, and show them before work begins."""
    shown = {"expert_instruction": html, "show_instruction": True}
    ask(results, "PATCH", f"projects/{results.project_id}", json=shown)


def show_tracks(
    results: LabelStudioAnnotationResults, tracks: Mapping[str, int]
) -> None:
    """Write the number of its track into the text of each box.

    Args:
        results: what was sent
        tracks: the numbers by the IDs of the labels
    """
    project = {"project": results.project_id}
    for sent in ask(results, "GET", "predictions", params=project).json():
        boxes = [
            {**box, "meta": {"text": [f"{TRACK}{tracks[box['id']]}"]}}
            for box in sent["result"]
        ]
        ask(results, "PATCH", f"predictions/{sent['id']}", json={"result": boxes})


def read_all_tasks(results: LabelStudioAnnotationResults) -> list[Json]:
    """Return the tasks of a project with their annotations, whether labeled or not."""
    asked = {"exportType": "JSON", "download_all_tasks": "true"}
    place = f"projects/{results.project_id}/export"
    tasks: list[Json] = ask(results, "GET", place, params=asked).json()
    return tasks
