"""NumPy's floating-point warnings, at the user's line.

NumPy warns of the innermost Python line, which is one of this library's while a function is
traced. It can hand such an error to an object instead: while a transform runs, that object warns
of the innermost line of the user's. What the user has set by ``numpy.errstate`` stays as it is.

NumPy keeps its settings in one context variable, which ``numpy.errstate`` sets too; setting it
directly costs 0.3 us, ``errstate`` 2 us.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import warn

_umath: Any = np._core.umath  # type: ignore[attr-defined]
_ELSEWHERE: ContextVar[Any] = ContextVar("elsewhere", default=None)  # where another NumPy keeps it
settings: ContextVar[Any] = getattr(_umath, "_extobj_contextvar", _ELSEWHERE)


class _AtTheUsersLine:
    """What NumPy writes floating-point errors to, as if into a log."""

    def write(self, message: str) -> None:
        warn(message.removeprefix("Warning: ").rstrip("\n"), RuntimeWarning)


_LOG = _AtTheUsersLine()


@functools.lru_cache(maxsize=16)
def redirected(now: Any) -> Any:
    """Return these settings with warnings as log entries, None where nothing is to change."""
    warned = {kind: "log" for kind, how in np.geterr().items() if how == "warn"}
    if now is None or not warned or np.geterrcall() is not None:
        return None
    return _umath._make_extobj(**warned, call=_LOG)


_IS_THERE = settings is not _ELSEWHERE
_QUIET: Any = _umath._make_extobj(all="ignore") if _IS_THERE else {"all": "ignore"}


def state() -> Any:
    """Return NumPy's settings as they are now."""
    return settings.get() if _IS_THERE else np.geterr()


def under(state: Any, fun: Callable[..., Any], *args: Any) -> Any:
    """Call a function with the settings that :func:`state` has given."""
    if not _IS_THERE:
        with np.errstate(**state):
            return fun(*args)
    token = settings.set(state)
    try:
        return fun(*args)
    finally:
        settings.reset(token)


def quietly(fun: Callable[..., Any], *args: Any) -> Any:
    """Call a function without NumPy's floating-point warnings: that of a derivative, say."""
    return under(_QUIET, fun, *args)


redirected(settings.get())  # what nearly everybody has set is known from the start


def keep() -> None:
    """Let what the user has set by ``numpy.seterr`` meanwhile stay, without the log."""
    if np.geterrcall() is _LOG:
        np.seterr(**{k: "warn" for k, how in np.geterr().items() if how == "log"})  # type: ignore[arg-type]
        np.seterrcall(None)
