# SPDX-License-Identifier: Apache-2.0
"""Work on a dataset in processes of its own: killed in the middle of it, or at once.

The process is a fork of one that has imported everything, so that it can be killed
at each of its writes to the database, one after the other.
"""

import multiprocessing
import os
import signal
import sys

from pymongo import monitoring

_LEASES = "track_audit.leases"
_WRITES = {"insert", "update", "delete", "findAndModify", "create", "drop"}


class _Killer(monitoring.CommandListener):
    """Kills the process before it writes for the n-th time.

    What it does to its lock does not count: the work is complete before the last of it.
    """

    def __init__(self, last):
        self.left = last

    def started(self, event):
        writes = event.command_name in _WRITES
        if writes and event.command[event.command_name] != _LEASES:
            self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

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
