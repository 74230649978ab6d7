"""NumPy's floating-point warnings, at the line of user code.

NumPy warns at the innermost Python line, which belongs to this library while a function is
traced. It can write the warning to a log object instead: while a transform runs, this object warns
at the innermost line of user code. The settings of ``numpy.errstate`` stay as they are.

NumPy keeps its settings in one context variable, which ``numpy.errstate`` sets too; setting it
directly costs 0.3 us, ``errstate`` 2 us.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .frames import warn


class _Seterr:
    """The settings of a NumPy that keeps them elsewhere, by its functions."""

    @staticmethod
    def get() -> Any:
        return tuple(np.geterr().items())

    @staticmethod
    def set(state: Any) -> Any:
        return np.seterr(**dict(state)).items()

    reset = set


_umath: Any = np._core.umath  # type: ignore[attr-defined]
settings: Any = getattr(_umath, "_extobj_contextvar", _Seterr)
_IS_THERE = settings is not _Seterr
quiet: Any = _umath._make_extobj(all="ignore") if _IS_THERE else (("all", "ignore"),)


class _AtTheUsersLine:
    """A log object for NumPy's floating-point errors, which warns at the line of user code."""

    def write(self, message: str) -> None:
        warn(message.removeprefix("Warning: ").rstrip("\n"), RuntimeWarning)


_LOG = _AtTheUsersLine()


@functools.lru_cache(maxsize=16)
def warnings_to_log(now: Any) -> Any:
    """These settings with warnings written to the log, None where nothing changes."""
    warned = {kind: "log" for kind, how in np.geterr().items() if how == "warn"}
    if not _IS_THERE or not warned or np.geterrcall() is not None:
        return None
    return _umath._make_extobj(**warned, call=_LOG)


def current_settings() -> Any:
    """NumPy's current floating-point settings."""
    return settings.get()


def with_settings(state: Any, fun: Callable[..., Any], /, *args: Any, **params: Any) -> Any:
    """Call a function under settings that :func:`state` has returned."""
    token = settings.set(state)
    try:
        return fun(*args, **params)
    finally:
        settings.reset(token)


@functools.lru_cache(maxsize=64)
def in_quiet_block(now: Any) -> bool:
    """Whether the current settings, which are given, are those of ``errstate(all="ignore")``."""
    if now is quiet:  # of this library
        return False
    return all(how == "ignore" for kind, how in np.geterr().items() if kind != "under")


# fun, *args -> its result: calls a derivative, for example, without NumPy's warnings
without_warnings = functools.partial(with_settings, quiet)


warnings_to_log(settings.get())  # the default settings are in the cache from the start


def keep_settings() -> None:
    """Keep settings that the user has changed meanwhile by ``numpy.seterr``, without the log."""
    if np.geterrcall() is _LOG:
        np.seterr(**{k: "warn" for k, how in np.geterr().items() if how == "log"})  # type: ignore[arg-type]
        np.seterrcall(None)
