# SPDX-License-Identifier: Apache-2.0
"""Ask the user's own Label Studio what FiftyOne's client has no method for."""

from __future__ import annotations

import requests
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults


def ask_project(
    results: LabelStudioAnnotationResults,
    method: str,
    place: str = "",
    *,
    timeout: float,
    **content: object,
) -> requests.Response:
    """Ask for a project, see https://labelstud.io/api.

    Args:
        results: what was sent, whose project is asked for
        method: the method of the request, such as ``GET``
        place (""): the place below that of the project, with a slash before it
        timeout: seconds to wait for the server
        **content: further arguments of ``requests.request()``

    Raises:
        requests.RequestException: if the server does not answer, or refuses
    """
    config = results.config
    response = requests.request(
        method,
        f"{config.url.rstrip('/')}/api/projects/{results.project_id}{place}",
        headers={"Authorization": f"Token {config.api_key}"},
        timeout=timeout,
        **content,  # type: ignore[arg-type]
    )
    response.raise_for_status()
    return response
