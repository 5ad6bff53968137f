# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a CVAT server: the part of its REST API that FiftyOne speaks.

See https://docs.cvat.ai/docs/api_sdk/api/. It holds tasks with images and shapes, so
that tests see what was sent, and can change it as annotators would.
"""

import io
import json
import re
from contextlib import contextmanager
from itertools import count
from threading import Thread

from PIL import Image
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        """Keeps the tests' output short."""


class CVAT:
    """The server.

    Attributes:
        url: where it listens
        tasks: by number, ``name``, ``labels``, ``images`` (name and bytes), ``shapes``,
            ``tracks``, the ``state`` of its job and the ``guide`` of its annotators
        password: what users log in with
        state: the state of new jobs
    """

    def __init__(self):
        self.tasks = {}
        self.password = "secret"
        self.state = "new"
        self.numbers = count(1)

    def __call__(self, environ, start_response):
        request = Request(environ)
        number = re.search(r"/(?:tasks|jobs)/(\d+)|task_id=(\d+)", request.full_path)
        task = self.tasks.get(int(number[1] or number[2])) if number else None
        if request.path == "/api/auth/login":
            status = 200 if request.json["password"] == self.password else 400
            return Response("{}", status, mimetype="text/json")(environ, start_response)
        answer = self.answer(request, task)
        status = 404 if answer is None else 200
        response = Response(json.dumps(answer or {}), status, mimetype="text/json")
        return response(environ, start_response)

    def answer(self, request, task):
        place = request.method, re.sub(r"\d+", "N", request.path.removeprefix("/api/"))
        match place:
            case "GET", "server/about":
                return {"version": "2.20.0"}
            case "POST", "tasks":
                return self.create(request.json)
            case "GET", "tasks/N":
                return task and self.describe(task)
            case "GET", "labels":
                return {"results": task["labels"], "next": None}
            case "GET", "jobs":
                return {"results": [{"id": task["id"]}], "next": None}
            case "POST", "tasks/N/data":
                files = request.files.values()
                task["images"] = [(file.filename, file.read()) for file in files]
                return {"done": True}
            case "GET", "tasks/N/data/meta":
                return self.frames(task)
            case "PUT", "tasks/N/annotations":
                return self.annotate(task, request.json)
            case "GET", "jobs/N":
                last = len(task["images"]) - 1
                about = {"state": task["state"], "status": "annotation"}
                return {**about, "start_frame": 0, "stop_frame": last}
            case "GET", "jobs/N/annotations":
                return {name: task[name] for name in ("shapes", "tracks")} | {
                    "tags": []
                }
            case "POST", "guides":
                self.tasks[request.json["task_id"]]["guide"] = request.json["markdown"]
                return {"id": next(self.numbers)}
        return None

    def create(self, sent):
        number = next(self.numbers)
        labels = [
            label
            | {
                "id": next(self.numbers),
                "attributes": [
                    attribute | {"id": next(self.numbers)}
                    for attribute in label["attributes"]
                ],
            }
            for label in sent["labels"]
        ]
        task = {"id": number, "name": sent["name"], "labels": labels}
        self.tasks[number] = task | {"shapes": [], "tracks": [], "state": self.state}
        return self.describe(task)

    def describe(self, task):
        labels = {"url": f"{self.url}/api/labels?task_id={task['id']}"}
        return {"id": task["id"], "name": task["name"], "labels": labels}

    def frames(self, task):
        frames = []
        for name, data in task["images"]:
            width, height = Image.open(io.BytesIO(data)).size
            frames.append({"name": name, "width": width, "height": height})
        last = len(frames) - 1
        whole = {"start_frame": 0, "stop_frame": last, "frame_filter": ""}
        return whole | {"size": len(frames), "frames": frames}

    def annotate(self, task, sent):
        task["shapes"] = [
            shape | {"id": next(self.numbers)} for shape in sent["shapes"]
        ]
        return {"shapes": task["shapes"], "tags": [], "tracks": []}


@contextmanager
def serving(application):
    """Runs an application on a free port, which it is told as its ``url``."""
    server = make_server(
        "127.0.0.1", 0, application, request_handler=Quiet, threaded=True
    )
    application.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cvat_server():
    """Runs the stand-in on a free port."""
    return serving(CVAT())
