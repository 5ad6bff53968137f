# SPDX-License-Identifier: Apache-2.0
"""Do the same work on many sequences: here, on all cores, or on a Ray cluster."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from .tracks import InputError

if TYPE_CHECKING:
    from types import ModuleType

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
#: Pickled work and a pickled item into a result.
_Call: TypeAlias = Callable[[bytes, bytes], object]

#: This package's name, which differs if FiftyOne loaded it as a plugin, and folder.
_PACKAGE = __name__.rpartition(".importers")[0]
_FOLDER = Path(__file__).resolve().parents[1]
#: How often Ray starts a unit of work again whose process or machine was lost.
_RETRIES = 5
#: Boxes to judge from which on it is worth to start processes, which takes seconds.
WORTH_PROCESSES = 200_000
#: Units per core that are on their way to the cluster, so that no core waits.
_AHEAD = 2
#: Seconds that cancelled units of work have to end.
_END = 30
#: The settings that the processes of a cluster share with this one.
_SHARED = ("FIFTYONE_", "TRACK_AUDIT_")


@dataclass(frozen=True)
class Engine:
    """What runs the work on sequences.

    Attributes:
        name ("local"): ``local`` for processes of this machine, ``ray`` for a cluster
        address (None): the address of the Ray cluster, by default that of
            ``RAY_ADDRESS``, or else the cluster that runs on this machine, or else a
            new one
        workers (None): the most units of work at a time, by default one per core. One
            local worker is this process

    Raises:
        InputError: if there is no such engine
    """

    name: str = "local"
    address: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.name not in ("local", "ray"):
            raise InputError("engine", f"{self.name!r}; expected 'local' or 'ray'")
        if self.address is not None and self.name != "ray":
            raise InputError("address", "only a Ray cluster has one; expected none")
        if self.workers is not None and self.workers < 1:
            raise InputError("workers", f"{self.workers}; expected 1 or more")


#: This process.
HERE = Engine(workers=1)


def as_engine(engine: Engine | str | None) -> Engine:
    """Return the engine that a name stands for; None stands for this process."""
    if engine is None:
        return HERE
    return engine if isinstance(engine, Engine) else Engine(engine)


def engine_for(engine: Engine | str | None, boxes: int) -> Engine:
    """Return the engine for an audit.

    Args:
        engine: what was asked for, see :func:`as_engine`. Unless it is given, all cores
            of this machine judge 200,000 boxes and more, unless a model embeds crops,
            which uses all cores by itself
        boxes: the number of boxes to judge, or as many as make it worth that
    """
    if engine is None and boxes >= WORTH_PROCESSES:
        return Engine()
    return as_engine(engine)


def run_by_sequence(
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    engine: Engine | None = None,
    gpu: bool = False,
) -> Iterator[_Result]:
    """Do the same work on many items, which are sequences, or tell of them.

    Items are taken as they are needed, a few ahead of the result that is due. In
    other processes, the work is unpickled once, so that what it loads for the first
    item, such as a model, serves all others.

    On a cluster, a unit of work is done again if its process or machine is lost, so
    it must give the same if it is done twice.

    Args:
        work: a function of a module, or an object of a class of a module, that can be
            pickled
        items: what the work is done on; they and the results can be pickled
        engine (None): the :class:`Engine`, by default all cores of this machine
        gpu (False): whether the work runs on GPUs of a cluster that has any

    Yields:
        the result of each item, in the order of the items

    Raises:
        InputError: if Ray is not installed, or its cluster cannot be reached
        Exception: what the work raised first; no other item is begun then
    """
    engine = engine or Engine()
    if engine.name == "ray":
        yield from _run_on_cluster(work, items, engine, gpu)
        return
    if engine.workers == 1:
        yield from map(work, items)
        return
    rest = iter(items)
    first = list(islice(rest, 2))
    if len(first) < 2:
        yield from map(work, chain(first, rest))
        return
    yield from _run_in_processes(work, chain(first, rest), engine.workers)


def _run_in_processes(
    work: Callable[[_Item], _Result], items: Iterable[_Item], workers: int | None
) -> Iterator[_Result]:
    """Run work in processes of this machine, which later calls use again."""
    # Takes a moment to load, and most calls do without it
    from joblib import Parallel, cpu_count, delayed

    workers = workers or cpu_count()
    # The pool of the process that this one was forked from answers only that one
    if workers == 1 or _owner_of_pool() != os.getpid():
        yield from map(work, items)
        return
    # That is what an interrupted work means
    warnings.filterwarnings("ignore", ".*tasks which were still being processed")
    call, pickled = delayed(_shipped()), pickle.dumps(work)
    # Large arrays stay parts of their items: joblib would make read-only files of them
    pool = Parallel(workers, return_as="generator", max_nbytes=None, batch_size=1)
    with _interrupts_held():
        results = pool(call(pickled, pickle.dumps(item)) for item in items)
    yield from results


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until processes have been started, which never get it.

    This process ends them. On their own, each would print where it was interrupted.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    pressed: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    # What this process blocks, those that it starts block as well; its own other
    # threads do not
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
    if pressed:
        signal.raise_signal(signal.SIGINT)


@cache
def _owner_of_pool() -> int:
    """Return the process that first used processes, which a fork remembers."""
    return os.getpid()


def _run_on_cluster(
    work: Callable[[_Item], _Result], items: Iterable[_Item], engine: Engine, gpu: bool
) -> Iterator[_Result]:
    """Run work as tasks of a Ray cluster, a few ahead of the result that is due."""
    ray = _connect(engine.address)
    resources = ray.cluster_resources()
    units = engine.workers or _AHEAD * int(resources.get("CPU", 1))
    # By default, a process with a GPU ends after its task, along with its model
    task = ray.remote(
        max_calls=0,
        max_retries=_RETRIES,
        num_gpus=int(gpu and resources.get("GPU", 0) > 0),
        runtime_env={"env_vars": _settings()},
    )(_shipped())
    pickled = ray.put(pickle.dumps(work))
    waiting: deque[object] = deque()
    try:
        for item in items:
            if len(waiting) >= units:
                yield cast("_Result", _result(ray, waiting.popleft()))
            waiting.append(task.remote(pickled, pickle.dumps(item)))
        while waiting:
            yield cast("_Result", _result(ray, waiting.popleft()))
    finally:
        for left in waiting:
            ray.cancel(left, force=True)
        # Whoever holds a lock may release it once nobody works any more
        if waiting:
            ray.wait([*waiting], num_returns=len(waiting), timeout=_END)


def _connect(address: str | None) -> ModuleType:
    """Return Ray, connected to its cluster."""
    try:
        import ray
    except ImportError as error:
        message = 'Ray is missing; expected pip install "fiftyone-track-audit[ray]"'
        raise InputError("engine", message) from error
    if not ray.is_initialized():
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.WARNING)
        except (ConnectionError, ValueError, RuntimeError) as error:
            message = f"no Ray cluster ({error}); expected its address, or 'auto'"
            raise InputError(address or "RAY_ADDRESS", message) from error
    module: ModuleType = ray
    return module


def _settings() -> dict[str, str]:
    """Return the environment variables that tell workers where the data is."""
    return {
        name: value for name, value in os.environ.items() if name.startswith(_SHARED)
    }


def _result(ray: ModuleType, unit: object) -> object:
    """Wait for the result of a unit of work, and raise what the work raised."""
    try:
        return ray.get(unit)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = str(error).partition("\n")[0]
        message = f"a unit of work was lost {_RETRIES + 1} times: {reason}"
        raise InputError("engine", message) from error


def _shipped() -> _Call:
    """Return a function that is pickled by value and finds this package anywhere.

    Other processes know the package by the name of its installation only, while
    FiftyOne gives a plugin a name of its own, by which its objects are pickled.
    """
    package, folder, module = _PACKAGE, str(_FOLDER), __name__

    def call(work: bytes, item: bytes) -> object:
        import os
        import sys
        from importlib import import_module, util

        if package not in sys.modules:
            installed = util.find_spec("fiftyone_track_audit")
            found = folder
            if not os.path.isdir(found) and installed and installed.origin:  # noqa: PTH112
                found = os.path.dirname(installed.origin)  # noqa: PTH120
            spec = util.spec_from_file_location(package, f"{found}/__init__.py")
            if spec is None or spec.loader is None:
                raise ImportError(f"{package} is not installed on this machine")
            sys.modules[package] = util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[package])
        done: object = import_module(module).do_unit(work, item)
        return done

    return call


def do_unit(work: bytes, item: bytes) -> object:
    """Do pickled work on a pickled item, in a process that may have done it before."""
    return _unpickle(work)(pickle.loads(item))  # noqa: S301 - of the same user


@lru_cache(maxsize=1)
def _unpickle(work: bytes) -> Callable[[object], object]:
    """Return the work, with what it loaded for earlier items."""
    kept: Callable[[object], object] = pickle.loads(work)  # noqa: S301 - of the same user
    return kept
