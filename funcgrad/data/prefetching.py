"""Prefetching: a thread that makes the next items while the present one is used."""

import contextvars
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    """The last thing that the thread says: the items are over, by an error or without."""

    error: BaseException | None


def prefetched(items: Iterator[T], size: int) -> Generator[T, None, None]:
    """Yield items in their order, made by a thread that is at most ``size`` of them ahead.

    What the thread raises is raised here, after the items before it. When the consumer stops,
    the thread finishes the item it is at, and ends.

    >>> list(prefetched(iter(range(3)), size=2))
    [0, 1, 2]
    """
    ready: deque[Any] = deque()
    room, filled = threading.Semaphore(size), threading.Semaphore(0)
    stopped = threading.Event()

    def put(item: Any) -> None:
        ready.append(item)
        filled.release()

    def get() -> Any:
        filled.acquire()
        return ready.popleft()

    def produce() -> None:
        end = _End(None)
        try:
            while room.acquire() and not stopped.is_set():
                try:
                    put((next(items),))
                except StopIteration:
                    break
        except BaseException as err:  # the consumer must not wait for ever, whatever happened
            end = _End(err)
        put(end)

    # in the caller's context, so that np.errstate and the like hold there too
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(produce,), name="funcgrad-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := get(), _End):
            room.release()
            yield item[0]
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        room.release()
        # the collector may run this in the thread itself, or when the interpreter ends, and the
        # thread with it
        if thread is not threading.current_thread() and not sys.is_finalizing():
            thread.join()
            getattr(items, "close", lambda: None)()  # what a generator holds open
