# SPDX-License-Identifier: Apache-2.0
"""The database of the tests, which can be stopped and started again."""

import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path


class Mongod:
    """A MongoDB server, as FiftyOne brings it.

    Attributes:
        port: the port of this machine that it listens on
        process: its process
    """

    def __init__(self, folder, port):
        fiftyone = Path(find_spec("fiftyone").origin).parent
        options = ["--dbpath", folder, "--port", str(port), "--bind_ip", "127.0.0.1"]
        self._command = [fiftyone / "db" / "bin" / "mongod", *options, "--quiet"]
        self.port = port
        self.start()

    def start(self):
        """Starts it, with the data that it had before."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def stop(self, how=signal.SIGTERM):
        """Stops it by a signal."""
        self.process.send_signal(how)
        self.process.wait()
