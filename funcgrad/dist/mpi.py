"""Ranks of MPI, by mpi4py: collectives on NumPy's buffers."""

import atexit
import mmap
import os
import select
import socket
import sys
import time
import traceback
import zlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from mpi4py import MPI
from typing_extensions import override

from .ranks import Ranks


class MPIRanks(Ranks):
    """The processes of a communicator.

    An exception that no one catches ends all ranks. So does the end of one rank while others call
    a collective.

    Args:
        comm: the communicator.
    """

    def __init__(self, comm: Any) -> None:
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.header, self.all = np.zeros(2, np.int64), np.zeros(2, np.int64)
        self.flag = mmap.mmap(-1, 1)  # shared with the process that watches: 1 at the end
        if self.size > 1:
            sys.excepthook = self._abort
            atexit.register(self._end)
            self._watch()

    def _end(self) -> None:
        """Let ranks that call a collective now fail, rather than wait."""
        self.agree("ended")
        self.flag[0] = 1

    def _watch(self) -> None:
        """Let a process of its own name the rank that dies, since mpiexec then kills all others."""
        own = socket.gethostname()
        found = self.comm.allgather((own, os.getpid()))
        pids = [(i, pid) for i, (host, pid) in enumerate(found) if host == own]
        if pids[0][0] == self.rank and hasattr(os, "pidfd_open"):
            fds = {os.pidfd_open(pid): rank for rank, pid in pids}
            if os.fork() == 0:
                os.setsid()
                self._wait(fds)
            for fd in fds:
                os.close(fd)

    def _wait(self, ranks: dict[int, int]) -> NoReturn:
        """Wait until a rank of this machine ends; name it if the program has not ended."""
        try:
            events = select.epoll()  # it gives the events in their order
            for fd in ranks:
                events.register(fd, select.EPOLLIN)
            (first, _), *_ = events.poll()
            time.sleep(0.2)  # the others may end now
            if not self.flag[0]:
                told = f"funcgrad.dist: rank {ranks[first]} died: all ranks stop\n"
                os.write(2, told.encode())
        finally:  # also where nobody reads any more
            os._exit(0)

    def _abort(
        self, kind: type[BaseException], err: BaseException, where: TracebackType | None
    ) -> None:
        self.flag[0] = 1
        traceback.print_exception(kind, err, where)
        print(f"funcgrad.dist: rank {self.rank} failed: all ranks stop", file=sys.stderr, flush=True)
        atexit.unregister(self._end)
        self.comm.Abort(1)

    @override
    def texts(self, text: str) -> list[str]:
        return list(self.comm.allgather(text))

    @override
    def agree(self, text: str) -> None:
        number = zlib.crc32(text.encode())
        self.header[:] = number, -number
        self.comm.Allreduce(self.header, self.all, MPI.MAX)
        if self.all[0] != -self.all[1]:
            super().agree(text)

    @override
    def gathered(self, x: np.ndarray) -> np.ndarray:
        rows = np.empty((self.size, *x.shape), x.dtype)
        self.comm.Allgather(x, rows)
        return rows

    def _reduced(self, x: np.ndarray, operation: Any) -> np.ndarray:
        if x.dtype.kind not in "iufc" or x.dtype == np.float16:
            raise TypeError(f"MPI adds no numbers of {x.dtype}; convert them")
        total = np.empty_like(x)
        self.comm.Allreduce(x, total, operation)
        return total

    @override
    def psum(self, x: np.ndarray) -> np.ndarray:
        return self._reduced(x, MPI.SUM)

    @override
    def pmax(self, x: np.ndarray) -> np.ndarray:
        return super().pmax(x) if x.dtype.kind in "bf" else self._reduced(x, MPI.MAX)

    @override
    def pmin(self, x: np.ndarray) -> np.ndarray:
        return super().pmin(x) if x.dtype.kind in "bf" else self._reduced(x, MPI.MIN)

    @override
    def psum_scatter(self, x: np.ndarray, *, axis: int, tiled: bool) -> np.ndarray:
        rows = np.ascontiguousarray(self.parts(x, axis, tiled))
        mine = np.empty(rows.shape[1:], x.dtype)
        self.comm.Reduce_scatter_block(rows, mine)
        return mine

    @override
    def all_to_all(self, x: np.ndarray, *, split: int, concat: int, tiled: bool) -> np.ndarray:
        rows = np.ascontiguousarray(self.parts(x, split, tiled))
        theirs = np.empty_like(rows)
        self.comm.Alltoall(rows, theirs)
        return self.joined(theirs, concat, tiled)

    @override
    def ppermute(self, x: np.ndarray, *, perm: Sequence[tuple[int, int]]) -> np.ndarray:
        y = np.zeros_like(x)
        requests = [self.comm.Irecv(y, a) for a, b in perm if b == self.rank]
        requests += [self.comm.Isend(x, b) for a, b in perm if a == self.rank]
        MPI.Request.Waitall(requests)
        return y
