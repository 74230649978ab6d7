"""Ranks in processes of this machine, without MPI: they exchange arrays over pipes.

All values go to rank 0, which sends them to all. It serves programs of a notebook and tests; for
speed between processes there is MPI.
"""

import sys
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.lazy import answering
from ..core.errors import FuncgradError, UnsupportedError, shown
from .ranks import Ranks

try:
    import multiprocessing
    from multiprocessing.connection import Connection, wait
except ImportError:  # without processes, as in a browser
    multiprocessing = None  # type: ignore[assignment]


class RankFailedError(FuncgradError, RuntimeError):
    """Raised by ``dist.launch`` where a rank has raised, or died; its words name the rank.

    The other ranks are stopped. The traceback of the rank is in the message; its last line is the
    exception to fix.
    """


class _LostError(RuntimeError):
    """Raised where another rank has ended: the cause is there."""


class ProcessRanks(Ranks):
    """The processes of one ``launch``.

    Args:
        rank: the number of this process.
        size: the number of processes.
        links: of rank 0 the connections to all others, of the others the one to rank 0.
    """

    def __init__(self, rank: int, size: int, links: "Sequence[Connection]") -> None:
        self.rank, self.size, self.links = rank, size, list(links)

    def _all(self, value: Any) -> list[Any]:
        """The values of all ranks."""
        try:
            if self.rank:
                self.links[0].send(value)
                return list(self.links[0].recv())
            values = [value, *(link.recv() for link in self.links)]
            for link in self.links:
                link.send(values)
            return values
        except (EOFError, OSError) as err:
            raise _LostError("another rank has ended") from err

    @override
    def texts(self, text: str) -> list[str]:
        return self._all(text)

    @override
    def gathered(self, x: np.ndarray) -> np.ndarray:
        return np.stack(self._all(x))


current: ContextVar[ProcessRanks | None] = ContextVar("ranks", default=None)


@answering
def launch(fun: Callable[..., Any], *args: Any, ranks: int) -> list[Any]:
    """Run a function in processes of this machine, as ranks; the results in order of ranks.

    In each of them ``dist.world()`` is the axis of all. The processes are started anew, so the
    function and its arguments must pickle: it is one of a module, not a lambda.

    Args:
        fun: the function.
        *args: its arguments, the same for all ranks.
        ranks: the number of processes.

    Raises:
        UnsupportedError: if there are no processes, as in a browser.
        RankFailedError: if a rank raises an exception or dies; the others are stopped.
    """
    if type(ranks) is not int or ranks < 1:
        raise ValueError(f"launch: ranks must be an integer of at least 1: got {shown(ranks)}")
    if multiprocessing is None:
        raise UnsupportedError(
            "launch: this Python has no processes: got no multiprocessing; call the function"
        )
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(ranks - 1)]
    links = [[here for here, _ in pairs], *([there] for _, there in pairs)]
    results = [context.Pipe(duplex=False) for _ in range(ranks)]
    workers = [
        context.Process(target=_work, args=(fun, args, i, ranks, links[i], results[i][1]))
        for i in range(ranks)
    ]
    try:
        for worker in workers:
            worker.start()
        for _, end in results:
            end.close()
        return _collected(workers, [end for end, _ in results])
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
            worker.join()


def _work(
    fun: Callable[..., Any],
    args: Sequence[Any],
    rank: int,
    size: int,
    links: "Sequence[Connection]",
    result: "Connection",
) -> None:
    """The body of a process."""
    ranks = ProcessRanks(rank, size, links)
    current.set(ranks)
    try:
        value = fun(*args)
        ranks.agree("ended")
        result.send((True, value))
    except BaseException as err:
        result.send((None if isinstance(err, _LostError) else False, traceback.format_exc()))
        sys.exit(1)


def _collected(workers: Sequence[Any], ends: "Sequence[Connection]") -> list[Any]:
    """The results of all ranks; raise at the first failure."""
    found: dict[int, Any] = {}
    lost: dict[int, str] = {}  # ranks that another one has left
    waiting = {rank: end for rank, end in enumerate(ends)}
    while waiting:
        ready = wait(list(waiting.values()))
        for rank, end in [row for row in waiting.items() if row[1] in ready]:
            del waiting[rank]
            try:
                fine, value = end.recv()
            except EOFError:
                workers[rank].join()
                code = workers[rank].exitcode
                raise RankFailedError(f"launch: rank {rank} died with exit code {code}") from None
            if fine is False:
                raise RankFailedError(f"launch: rank {rank} failed:\n{value}")
            (found if fine else lost)[rank] = value
    for rank, value in lost.items():  # no other rank has told why
        raise RankFailedError(f"launch: rank {rank} failed:\n{value}")
    return [found[rank] for rank in range(len(ends))]
