"""``jax.profiler``: marks and traces, which record nothing; use funcgrad.debug.profile."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from .refusals import refuse
from .toplevel import nothing

_CURE = "use funcgrad.debug.profile(f)(*args), or a profiler of Python"
trace = nothing


class TraceAnnotation(contextlib.ContextDecorator):
    """A block with a name, which is recorded nowhere."""

    def __init__(self, name: str, **_: Any) -> None:
        self.name = name

    def __enter__(self) -> "TraceAnnotation":
        return self

    def __exit__(self, *_: Any) -> None:
        return None


class StepTraceAnnotation(TraceAnnotation):
    """A step of a program, which is recorded nowhere."""


def annotate_function(func: Callable[..., Any] | None = None, **_: Any) -> Any:
    """The function itself."""
    return functools.partial(annotate_function, **_) if func is None else func


def start_trace(*_: Any, **__: Any) -> None:
    """Do nothing: no trace is written."""


stop_trace = start_server = stop_server = register_subprocess = start_trace
device_memory_profile, save_device_memory_profile = (
    refuse(f"jax.profiler.{name}", _CURE)
    for name in ("device_memory_profile", "save_device_memory_profile")
)
