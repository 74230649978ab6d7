"""A loop over blocks shared by threads, each with buffers of its own.

NumPy releases the interpreter's lock in its loops, so that threads on several cores run at once.
On one busy core they only cost time.
"""

import _thread
import contextvars
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .writer import Writer


def in_threads(w: Writer, starts: str, body: Callable[[str], None]) -> None:
    """Write the loop as a function of its share of the starts and its buffers, and its calls."""
    part, some, memory, step = (w.token(x) for x in ("part", "starts", "memory", "i"))
    with w.memory.subarena() as (inner, tokens), w.indented(f"def {part}({some}, {memory}):"):
        place = len(w.lines)
        w.line("")
        with w.indented(f"for {step} in {some}:"):
            body(step)
    unpacked = f"{w.as_tuple(tokens)} = {memory}" if tokens else "pass"
    w.lines[place] += unpacked
    arena, size = w.memory.arena, inner.size
    allocation = arena.allocate(max(size, 1) * w.threads)
    start = allocation.offset or 0
    spaces = [_space(w, tokens, start + k * size, k) for k in reversed(range(w.threads))]
    shares = ", ".join(f"({starts})[{k}::{w.threads}]" for k in range(w.threads))
    w.line(f"{w.share()}({part}, [{shares}], [{', '.join(spaces[::-1])}])")
    arena.free(allocation)


def _space(w: Writer, tokens: Sequence[str], offset: int, k: int) -> str:
    """The name of the buffers of thread k, as a tuple; thread 0 is last, and has their names."""
    names = w.memory.relocated(tokens, offset, renamed=k > 0)
    space = w.token("memory")
    w.memory.statics[space] = w.as_tuple(names)
    return space


def share(part: Callable[[Any, Any], None], shares: list[Any], spaces: list[Any]) -> None:
    """Run the shares of a loop in threads, each in the caller's context with its ``np.errstate``.

    The threads live for one call, so that processes may fork between calls. An exception, also
    one of a signal, is raised after all threads have stopped writing.
    """
    errors: list[BaseException] = []
    stop: list[bool] = []
    begun: list[bool] = []
    ended: list[bool] = []

    def run(context: Any, some: Any, space: Any, busy: Any) -> None:
        begun.append(True)
        try:
            context.run(part, _until(stop, some), space)
        except BaseException as err:  # the caller raises it
            errors.append(err)
            stop.append(True)
        finally:
            ended.append(True)
            busy.release()

    locks = [_thread.allocate_lock() for _ in shares]
    for busy in locks:
        busy.acquire()
    try:
        # not by threading.Thread, whose start() and join() break when a signal interrupts them
        for some, space, busy in zip(shares, spaces, locks, strict=True):
            _thread.start_new_thread(run, (contextvars.copy_context(), some, space, busy))
        for busy in locks:
            busy.acquire()
    except BaseException:
        stop.append(True)
        while len(ended) < len(begun):  # a thread that begins now sees ``stop``
            try:
                time.sleep(0.0001)
            except BaseException:  # a second signal: the first is raised
                continue
        raise
    if errors:
        raise errors[0]


def _until(stop: list[bool], starts: Any) -> Iterator[Any]:
    """Yield the starts of blocks until ``stop`` is set."""
    for start in starts:
        if stop:
            return
        yield start
