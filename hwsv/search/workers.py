"""Workers that points run on: this process, processes of this machine, or a Dask cluster. One way to call them all."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from hwsv import __version__
from hwsv.errors import InputError
from hwsv.search.point import Problem

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 10

_problem: Problem
"""In a worker process: the problem, sent once."""


class Workers(Protocol):
    """Calls a function of (problem, task) for every task; results in the order of the tasks, whoever was first."""

    def __call__(
        self, function: Callable[[Problem, Task], Result], tasks: Sequence[Task], done: Callable[[int], None]
    ) -> list[Result]:
        """done: called with the number of tasks that have ended."""


@contextmanager
def workers(problem: Problem, jobs: int = 1, cluster: str | None = None) -> Iterator[Workers]:
    """`jobs` processes of this machine, or those of the Dask scheduler at the address `cluster`.

    Raises InputError where the scheduler does not answer, has no workers, or is not installed.
    """
    if cluster is not None:
        with _dask(problem, cluster) as (executor, there):
            yield _submitting(executor, there)
    elif jobs > 1:
        # spawned, not forked: numba and onnxruntime have threads
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(jobs, context, _receive, (problem,))
        try:
            yield _submitting(executor, None)
        finally:
            executor.shutdown(cancel_futures=True)
    else:
        yield _here(problem)


def _here(problem: Problem) -> Workers:
    def call(function: Callable[[Problem, Any], Any], tasks: Sequence[Any], done: Callable[[int], None]) -> list[Any]:
        results = []
        for task in tasks:
            results.append(function(problem, task))
            done(len(results))
        return results

    return call


def _submitting(executor: Executor, there: Any) -> Workers:
    """there: a handle of the problem that the workers resolve; None where they have received it."""

    def call(function: Callable[[Problem, Any], Any], tasks: Sequence[Any], done: Callable[[int], None]) -> list[Any]:
        futures = [
            executor.submit(_call, function, task) if there is None else executor.submit(function, there, task)
            for task in tasks
        ]
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                future.result()  # the first error ends the search
                done(number)
        except BrokenProcessPool as error:
            raise InputError("a worker process was killed (out of memory?): try fewer --jobs") from error
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]

    return call


def _receive(problem: Problem) -> None:
    global _problem
    _problem = problem
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker would wait for ever for the next task of a process that was killed."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _call(function: Callable[[Problem, Any], Any], task: Any) -> Any:
    return function(_problem, task)


def _version() -> str:
    return __version__


@contextmanager
def _dask(problem: Problem, address: str) -> Iterator[tuple[Executor, Any]]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--cluster needs Dask: pip install 'hwsv[cluster]'") from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # all that a wrong address can be
        raise InputError(f"no Dask scheduler answers at {address!r}; start one with 'dask scheduler'") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise InputError(
                f"the Dask scheduler at {address!r} has no workers; start some with 'dask worker {address}'"
            )
        try:
            versions = set(client.run(_version).values())
        except (ImportError, AttributeError):
            versions = set()
        if versions != {__version__}:
            there = ", ".join(sorted(versions)) or "none"
            raise InputError(f"the workers at {address!r} need hwsv {__version__}; they have {there}")
        # pure: what a cluster computed for another state of the sources must not be taken for an answer
        yield client.get_executor(pure=False), client.scatter(problem, broadcast=True)
