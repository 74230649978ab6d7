"""Checks of side effects: what Python does while a function is traced, which a program leaves out.

Lines of user code are followed by ``sys.settrace``; after each of them under a trace the random
generators, lists and arrays outside the function are compared with what they were before.
"""

import builtins
import inspect
import random
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..core.trace import running
from ..transforms.jit.signature import stage_call
from .eager_times import is_user
from .slopes import Row

SMALL = 1 << 16  # bytes of an array whose elements are compared
_STAGE = stage_call.__code__
_ONCE = "it happens once, while the function is traced"


def side_effects(
    call: Callable[[], Any], fresh: Callable[[], Any], fun: Callable[..., Any]
) -> Iterator[Row]:
    """The side effects of ``fun`` in a run that traces it, and what compiles in a second call."""
    yield from Watch(fun, compiles=False).rows_of(fresh)
    call()
    yield from Watch(fun, compiles=True).rows_of(call)


class Watch:
    """A run of a function that is watched.

    ``compiles``: for programs that compile; else for side effects.
    """

    def __init__(self, fun: Callable[..., Any], compiles: bool) -> None:
        self.compiles = compiles
        self.rows: dict[Row, None] = {}
        self.users: dict[CodeType, bool] = {}
        self.outside = {} if compiles else outside(fun)
        self.state = self.facts()
        self.line = ""

    def rows_of(self, call: Callable[[], Any]) -> list[Row]:
        """Run a function, and return what was seen."""
        before = sys.gettrace(), sys.getprofile()
        self.state = self.facts()
        sys.settrace(None if self.compiles else self.start)
        sys.setprofile(self.called)
        try:
            call()
        finally:
            sys.settrace(before[0])
            sys.setprofile(before[1])
        return list(self.rows)

    def called(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call" and self.compiles and frame.f_code is _STAGE:
            self.add(*self.compiled_again(frame))
            return
        prints = event == "c_call" and arg is builtins.print and not self.compiles
        if prints and is_traced() and self.is_users(frame.f_code):
            what = f"print(): {_ONCE}"
            self.add("side effect", line_of(frame), what, "use fg.debug.print")

    def compiled_again(self, frame: FrameType) -> Row:
        caller: Any = frame.f_back
        compiled = caller.f_locals["self"]
        while caller is not None and not self.is_users(caller.f_code):
            caller = caller.f_back
        what = f"{compiled!r} compiles again in a second call with the same arguments"
        new = not compiled.cache_info().misses
        cure = "make the compiled function once, outside" if new else "see its explain()"
        return "recompilation", line_of(caller) if caller else "", what, cure

    def start(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self.lines if self.is_users(frame.f_code) else None

    def lines(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("line", "return"):
            self.compare()
            self.line = line_of(frame)
        return self.lines

    def compare(self) -> None:
        """Note what the line before has changed."""
        now = self.facts()
        changed = [key for key in now if now[key] != self.state.get(key)] if is_traced() else []
        self.state = now
        for key in changed:
            kind, name = key
            if kind == "random":
                what = f"{name} draws under a trace: each call has the same numbers"
                self.add("random numbers", self.line, what, "use fg.random with a key argument")
            elif kind == "array":
                what = f"the array {name!r} outside is written: {_ONCE}"
                self.add("lost write", self.line, what, "return the new array")
            else:
                what = f"{name!r} outside of the function changes: {_ONCE}"
                self.add("side effect", self.line, what, "return the value, or fg.debug.callback")

    def facts(self) -> dict[tuple[str, str], Any]:
        """The state of generators, and of what lies outside of the function."""
        if self.compiles:
            return {}
        state: Any = np.random.get_state(legacy=False)
        found: dict[tuple[str, str], Any] = {
            ("random", "numpy.random"): (state["state"]["pos"], state["has_gauss"]),
            ("random", "random"): random.getstate(),
        }
        for name, x in self.outside.items():
            if isinstance(x, np.random.Generator):
                found["random", name] = repr(x.bit_generator.state)
            elif isinstance(x, np.ndarray):
                found["array", name] = x.tobytes() if x.nbytes <= SMALL else None
            elif isinstance(x, (list, dict, set)):
                found["object", name] = len(x)
        return found

    def is_users(self, code: CodeType) -> bool:
        found = self.users.get(code)
        if found is None:
            found = self.users[code] = is_user(code.co_filename)
        return found

    def add(self, *row: str) -> None:
        self.rows[row] = None  # type: ignore[index]


def is_traced() -> bool:
    """Whether one run of the function stands for all its calls."""
    now = running.get()
    traces = () if now is None else (now, *(trace for trace, _ in now.around))
    return any(trace.runs_for_all for trace in traces)


def line_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def outside(fun: Any) -> dict[str, Any]:
    """The objects that a function, or one that it wraps, reads from outside of it, by name."""
    found: dict[str, Any] = {}
    while fun is not None:
        inner = inspect.unwrap(fun) if callable(fun) else fun
        inner = getattr(inner, "__func__", inner)
        if inspect.isfunction(inner):
            variables = inspect.getclosurevars(inner)
            found |= {**variables.globals, **variables.nonlocals}
        origin = getattr(fun, "origin", None)  # grad(loss)
        fun = origin[1][0] if isinstance(origin, tuple) else None
    return found
