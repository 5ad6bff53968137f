# SPDX-License-Identifier: Apache-2.0
"""Work on a dataset in processes of its own: killed in the middle of it, or at once.

The process is a fork of one that has imported everything, so that it can be killed
at each of its writes to the database, one after the other.
"""

import multiprocessing
import os
import signal
import socket
import sys
from contextlib import suppress

from joblib.externals.loky import get_reusable_executor
from pymongo import monitoring

_LEASES = "track_audit.leases"
_WRITES = {"insert", "update", "delete", "findAndModify", "create", "drop"}


def _kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


class _Killer(monitoring.CommandListener):
    """Kills the process, or something else, before it writes for the n-th time.

    What it does to its lock does not count: the work is complete before the last of it.
    """

    def __init__(self, last, kill=_kill_myself):
        self.left = last
        self.kill = kill

    def started(self, event):
        writes = event.command_name in _WRITES
        if writes and event.command[event.command_name] != _LEASES:
            self.left -= 1
            if not self.left:
                self.kill()

    def succeeded(self, event):
        """Is of no interest."""

    def failed(self, event):
        """Is of no interest."""


def _open(name):
    import fiftyone as fo
    import fiftyone.core.odm.database as odm

    # A fork cannot go on with its parent's connections
    odm._disconnect()
    if name is None:
        return ()
    dataset = fo.load_dataset(name)
    odm._disconnect()
    return (dataset,)


def _work(write, name, function, arguments, named):
    dataset = _open(name)
    monitoring.register(_Killer(write))
    function(*dataset, *arguments, **named)


def _work_without(connection, port, server, write, how, function, arguments):
    import fiftyone as fo

    # Nobody starts it again meanwhile
    fo.config.database_uri = f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=50"
    _open(None)

    def stop():
        os.kill(server, how)
        with suppress(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", port)).close()

    monitoring.register(_Killer(write, stop))
    try:
        function(*arguments)
    except Exception as error:
        connection.send(error)
    else:
        connection.send(None)


def _meet(barrier, name, function, arguments):
    (dataset,) = _open(name)
    dataset.reload()
    barrier.wait()
    function(dataset, *arguments)


def is_killed(write, dataset, function, *arguments, **named):
    """Calls a function with a dataset in a process of its own.

    Args:
        write: the number, from 1, of the write to the database before which the
            process is killed
        dataset: the dataset; None for a function that takes none
        function: a function of the package
        arguments: what it takes beside the dataset
        named: its keyword arguments

    Returns:
        whether the process was killed, not finished before
    """
    name = dataset and dataset.name
    process = _context(function).Process(
        target=_work, args=(write, name, function, arguments, named)
    )
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, sys.stderr
    return process.exitcode != 0


def _work_until(write, main, arguments):
    from fiftyone_track_audit.importers import engine

    _open(None)
    engine.WORTH_PROCESSES = 1

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)

    monitoring.register(_Killer(write, interrupt))
    # Whoever runs the tests in the background may have it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main(arguments)
    # Unlike a command, a process of multiprocessing waits for its own processes, and
    # those of joblib wait minutes for work
    get_reusable_executor().shutdown()
    sys.exit(code)


def interrupt_at(write, main, arguments):
    """Calls a command, which uses all cores, and presses Ctrl-C meanwhile.

    Args:
        write: the number, from 1, of the write to the database before which that is
        main: the function that a command is
        arguments: its arguments

    Returns:
        the exit code
    """
    process = _context(main).Process(target=_work_until, args=(write, main, arguments))
    process.start()
    process.join()
    return process.exitcode


def error_without(database, write, how, function, *arguments):
    """Calls a function in a process of its own, and stops the database meanwhile.

    Args:
        database: the server, which is not started again
        write: the number, from 1, of the write before which it is stopped
        how: the signal that stops it
        function: a function
        arguments: what it takes

    Returns:
        the error that the function raised, None if it did not
    """
    context = _context(function)
    received, sent = context.Pipe(duplex=False)
    port, server = database.port, database.process
    arguments = (sent, port, server.pid, write, how, function, arguments)
    process = context.Process(target=_work_without, args=arguments)
    process.start()
    error = received.recv()
    process.join()
    assert server.wait() in {0, -how}
    return error


def do_at_once(dataset, *calls):
    """Calls functions with a dataset at the same time, in a process each.

    Args:
        dataset: the dataset
        calls: of each a function of the package, and what it takes beside the dataset
    """
    context = _context(*(function for function, *_ in calls))
    barrier = context.Barrier(len(calls))
    processes = [
        context.Process(target=_meet, args=(barrier, dataset.name, function, arguments))
        for function, *arguments in calls
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(calls)


def _context(*functions):
    context = multiprocessing.get_context("forkserver")
    modules = {function.__module__ for function in functions}
    context.set_forkserver_preload(["fiftyone", *sorted(modules)])
    return context


def kill_at_each_write(dataset, function, *arguments, every=1, **named):
    """Does a work again and again, killed one write later each time, to the end.

    Args:
        dataset: the dataset
        function: a function of the package
        arguments: what it takes beside the dataset
        every: how many writes later it is killed each time
        named: its keyword arguments

    Returns:
        the number of the last write before which it was killed
    """
    write = 1
    while is_killed(write, dataset, function, *arguments, **named):
        write += every
    dataset.reload()
    return write - every
