"""Prefetching: a thread that makes the next items while the current one is used."""

import contextvars
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    """The end of the items, with the error that ended them, if any."""

    error: BaseException | None


class _Producer:
    """A thread that reads items from an iterator into a bounded queue."""

    def __init__(self, items: Iterator[Any], size: int) -> None:
        self._items, self._ready, self._stopped = items, deque[Any](), False
        self._room, self._filled = threading.Semaphore(size), threading.Semaphore(0)
        # in the caller's context, so that np.errstate holds there too
        run = contextvars.copy_context().run
        name = "funcgrad-prefetch"
        self._thread = threading.Thread(target=run, args=(self._run,), name=name, daemon=True)
        self._thread.start()

    def get(self) -> Any:
        """Wait for the next item, in a tuple, or the end."""
        self._filled.acquire()
        self._room.release()
        return self._ready.popleft()

    def stop(self) -> None:
        """Let the thread finish its current item, and end."""
        self._stopped = True
        self._room.release()
        # the garbage collector may call this in the thread itself, or at interpreter exit
        if self._thread is not threading.current_thread() and not sys.is_finalizing():
            self._thread.join()
            getattr(self._items, "close", lambda: None)()  # releases the resources of a generator

    def _run(self) -> None:
        end = _End(None)
        try:
            while self._room.acquire() and not self._stopped:
                try:
                    self._put((next(self._items),))
                except StopIteration:
                    break
        except BaseException as err:  # otherwise the consumer would wait forever
            end = _End(err)
        self._put(end)

    def _put(self, item: Any) -> None:
        self._ready.append(item)
        self._filled.release()


def prefetched(items: Iterator[T], size: int) -> Generator[T, None, None]:
    """Yield items in order, made by a thread that is at most ``size`` items ahead.

    An error of the thread is raised here, after the items before it. When the consumer stops,
    the thread finishes its current item, and ends.

    >>> list(prefetched(iter(range(3)), size=2))
    [0, 1, 2]
    """
    producer = _Producer(items, size)
    try:
        while not isinstance(item := producer.get(), _End):
            yield item[0]
        if item.error is not None:
            raise item.error
    finally:
        producer.stop()
