# SPDX-License-Identifier: Apache-2.0
"""Run operators with progress in the App, when delegated, and in a terminal."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import fiftyone as fo
import fiftyone.core.utils as fou
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext, ExecutionResult
from fiftyone.operators.message import GeneratedMessage

from ...importers.dataset import Progress
from ..plain import Json
from .forms import plain

logger = logging.getLogger(__name__)

#: What an operator returns: its results by key.
Result: TypeAlias = Json
#: What ``execute()`` returns: the result, or messages for the App that end in it.
Outcome: TypeAlias = Result | Iterator[GeneratedMessage]
#: What a call from Python returns, which may be delegated.
Answer: TypeAlias = Result | ExecutionResult
#: Work that reports to a progress bar's callback, and returns an output.
Work = Callable[[Callable[[fou.ProgressBar], None] | None], Result]

_INTERVAL = 0.25


def run_or_delegate(
    uri: str,
    samples: fo.core.collections.SampleCollection,
    params: Json,
    delegate: bool,
    work: Callable[[], Result],
) -> Answer:
    """Do the work of an operator that was called from Python, now or delegated.

    Args:
        uri: the URI of the operator
        samples: the collection to work on
        params: the operator's parameters
        delegate: whether to request delegated execution
        work: the work

    Returns:
        the result of the work, or what FiftyOne answers to the request
    """
    if delegate:
        ctx = {"view": samples.view(), "params": params}
        return foo.execute_operator(uri, ctx, request_delegation=True)
    return work()


def run_with_progress(
    ctx: ExecutionContext,
    label: str,
    work: Work,
    outputs: Callable[[Result], types.Property],
    finish: Callable[[], object] | None = None,
) -> Outcome:
    """Run the work of an operator's ``execute()``.

    The App shows the progress of operators that execute as generators, but callers
    from Python need a result. So the App gets a generator that shows the result at
    its end, and all other callers get the result.

    Args:
        ctx: the :class:`fiftyone.operators.executor.ExecutionContext`
        label: the description of the work in the App
        work: the work
        outputs: declares how to show the result
        finish (None): triggers operators of the App after the work

    Returns:
        the result of the work, or a generator of messages for the App
    """
    if _is_called_by_app(ctx):
        return _stream(ctx, label, work, outputs, finish)
    report = None
    if ctx.delegated:

        def report(bar: fou.ProgressBar) -> None:
            ctx.set_progress(progress=_fraction(bar), label=label)

    result = work(report)
    if finish:
        finish()
    return result


def callback(progress: Progress) -> Callable[[Any], None] | None:
    """Return the function that reports progress, or None for a progress bar.

    Args:
        progress: a progress callback, True, False or None

    Returns:
        the callback, if it is one
    """
    return progress if callable(progress) else None


def _is_called_by_app(ctx: ExecutionContext) -> bool:
    """Return whether the App made the call; only it sends the state of its spaces."""
    return "spaces" in ctx.request_params and not ctx.delegated


def _fraction(bar: fou.ProgressBar) -> float:
    return float(bar.progress or 0)


def _stream(
    ctx: ExecutionContext,
    label: str,
    work: Work,
    outputs: Callable[[Result], types.Property],
    finish: Callable[[], object] | None,
) -> Iterator[GeneratedMessage]:
    updates: queue.SimpleQueue[float] = queue.SimpleQueue()
    yield ctx.ops.set_progress(label=label, progress=0)
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(work, lambda bar: updates.put(_fraction(bar)))
        for fraction in _until_done(future, updates):
            yield ctx.ops.set_progress(label=label, progress=fraction)
    failure = future.exception()
    if failure is not None:
        logger.error("%s failed", label, exc_info=failure)
        message = str(failure) or type(failure).__name__
        yield ctx.ops.show_output(_failure_output(label, message).to_json(), {})
        return
    if finish:
        yield finish()
    result = future.result()
    yield ctx.ops.show_output(outputs(result).to_json(), result)


def _until_done(
    future: Future[Result], updates: queue.SimpleQueue[float]
) -> Iterator[float]:
    """Yield the latest progress at intervals."""
    while not future.done():
        latest = None
        try:
            latest = updates.get(timeout=_INTERVAL)
            while True:
                latest = updates.get_nowait()
        except queue.Empty:
            if latest is not None:
                yield latest


def _failure_output(label: str, message: str) -> types.Property:
    outputs = types.Object()
    error = types.Error(label=f"{label} failed", description=plain(message))
    outputs.view("error", error)
    return types.Property(outputs)
