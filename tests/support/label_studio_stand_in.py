# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a Label Studio server: the part of its API that FiftyOne speaks.

See https://api.labelstud.io. It holds projects and tasks with images and predictions,
so that tests see what was sent, and can submit annotations as annotators would.
"""

import io
import json
import re
from copy import deepcopy
from itertools import count

from cvat_server import serving
from PIL import Image
from werkzeug.wrappers import Request, Response

TOKEN = "secret"


class LabelStudio:
    """The server.

    Attributes:
        url: where it listens
        projects: by number, as they were posted
        tasks: by number, ``id``, ``project``, ``name`` and ``size`` of the image,
            ``predictions`` and ``annotations``
        refused: the places that answer with an error
    """

    def __init__(self):
        self.projects = {}
        self.tasks = {}
        self.uploads = {}
        self.refused = set()
        self.numbers = count(1)
        self.times = count(1)

    def __call__(self, environ, start_response):
        request = Request(environ)
        known = request.headers.get("Authorization") == f"Token {TOKEN}"
        numbers = [int(each) for each in re.findall(r"/(\d+)", request.path)]
        place = re.sub(r"\d+", "N", request.path.strip("/").removeprefix("api/"))
        answer = self.answer(request, place, *numbers) if known else None
        done = 201 if request.method == "POST" else 200
        status = 401 if not known else 404 if answer is None else done
        if place in self.refused:
            status = 500
        response = Response(json.dumps(answer), status, mimetype="application/json")
        return response(environ, start_response)

    def answer(self, request, place, number=None):
        match request.method, place:
            case "GET", "health":
                return {"status": "UP"}
            case "GET", "version":
                return {"release": "1.23.2"}
            case "GET", "projects":
                return {"results": list(self.projects.values())}
            case "POST", "projects":
                project = {"id": next(self.numbers), **request.json}
                self.projects[project["id"]] = project
                return project
            case "GET" | "PATCH", "projects/N":
                if request.method == "PATCH":
                    self.projects[number] |= request.json
                return self.projects.get(number)
            case "POST", "projects/N/import":
                return {"file_upload_ids": [*map(self.upload, request.files.values())]}
            case "POST", "projects/N/reimport":
                for upload in request.json["file_upload_ids"]:
                    self.create_task(number, **self.uploads[upload])
                return {}
            case "POST", "projects/N/import/predictions":
                for sent in request.json:
                    task = self.tasks[sent["task"]]
                    new = {"id": next(self.numbers), "result": sent["result"]}
                    task["predictions"].append(new)
                return {"created": len(request.json)}
            case "GET", "projects/N/export":
                return self.of(number)
            case "GET", "tasks":
                tasks = self.of(int(request.args["project"]))
                if request.args["page"] != "1":
                    return None
                return {"tasks": tasks, "total": len(tasks)}
            case "GET", "predictions":
                tasks = self.of(int(request.args["project"]))
                return [each for task in tasks for each in task["predictions"]]
            case "PATCH", "predictions/N":
                self.prediction(number).update(request.json)
                return self.prediction(number)
        return None

    def upload(self, file):
        number, data = next(self.numbers), file.read()
        size = Image.open(io.BytesIO(data)).size
        self.uploads[number] = {"name": file.filename, "size": size}
        return number

    def create_task(self, project, **image):
        number = next(self.numbers)
        task = {"id": number, "project": project, **image}
        self.tasks[number] = {**task, "predictions": [], "annotations": []}

    def of(self, project):
        return [each for each in self.tasks.values() if each["project"] == project]

    def prediction(self, number):
        found = (each for task in self.tasks.values() for each in task["predictions"])
        return next(each for each in found if each["id"] == number)

    def submit(self, task, edit=lambda boxes: boxes, *, skip=False):
        """Submits what was predicted after an edit, or skips the task."""
        (prediction,) = task["predictions"]
        boxes = deepcopy(prediction["result"])
        annotation = {"result": [] if skip else edit(boxes), "was_cancelled": skip}
        time = f"2026-01-01T00:00:{next(self.times):02d}Z"
        task["annotations"].append({**annotation, "updated_at": time})


def label_studio():
    """Runs the stand-in on a free port."""
    return serving(LabelStudio())
