"""The costs of eager code by lines of user code: Python's own trace of lines.

In the forward pass time belongs to the line of user code that runs. In the backward pass it
belongs to the line that recorded the operation: while the function runs, the number of records on
the tape is noted at each line.
"""

import bisect
import functools
import linecache
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..compile.clocks import Place, places
from ..core.frames import is_inside
from ..core.trace import Primitive, running
from ..transforms.reverse import Tape, backward
from .compiled_times import Costs, Times, add, in_turns

USER, GENERATED, WALK, RUN, OTHER = range(5)  # kinds of frames
_WALK = backward.__code__
# the folders of Python's own modules, and of installed ones
_FOREIGN = (os.path.dirname(os.__file__) + os.sep, os.path.dirname(np.__path__[0]) + os.sep)


def is_user(filename: str) -> bool:
    """Whether a file is user code: not this library, NumPy, or an installed module."""
    return not (is_inside(filename) or filename.startswith(("<string>", "<frozen", *_FOREIGN)))


def eager_costs(f: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str, Costs, Times]:
    """The name of the engine, the costs of a call by places, and its times."""
    clock, scale = LineClock(), LineClock(weighs=True)

    def clocked() -> None:
        with clock.tracing():
            f(*args, **kwargs)

    times = in_turns(lambda: f(*args, **kwargs), clocked, clock.read)
    with scale.tracing():
        f(*args, **kwargs)
    costs: Costs = {}
    for place in dict.fromkeys([*times.parts, *scale.bytes]):
        add(costs, place, [times.parts.get(place, 0.0), scale.bytes[place], scale.arrays[place]])
    return "eager", costs, times


class LineClock:
    """A trace function for ``sys.settrace`` that adds up seconds for each place.

    ``weighs``: bytes read and written by operations, and new arrays, in place of seconds.
    """

    def __init__(self, weighs: bool = False) -> None:
        self.weighs = weighs
        self.seconds: dict[Place | None, float] = defaultdict(float)
        self.bytes: dict[Place | None, float] = defaultdict(float)
        self.arrays: dict[Place | None, float] = defaultdict(float)
        self.kinds: dict[CodeType, int] = {}
        self.marks: dict[int, tuple[Any, list[int], list[Place]]] = {}  # of tapes, by their records
        self.walks: list[dict[int, Place]] = []  # by results, of each walk back under way
        self.stack: list[Place | None] = []
        self.now: Place | None = None
        self.last = 0.0
        self.passed = 0  # calls of library functions since then
        self.unit = 0.0  # seconds that the trace takes for each
        self.unit = self.cost_of_a_call()

    def cost_of_a_call(self, count: int = 1000) -> float:
        """The seconds by which the trace prolongs the call of a function of the library."""

        def empty() -> None:
            pass

        def seconds() -> float:
            start = time.perf_counter()
            for _ in range(count):
                empty()
            return time.perf_counter() - start

        self.kinds[empty.__code__] = OTHER
        bare = min(seconds() for _ in range(5))
        before = sys.gettrace()
        sys.settrace(self.start)
        try:
            return max(min(seconds() for _ in range(5)) - bare, 0.0) / count
        finally:
            sys.settrace(before)

    def read(self) -> dict[Any, float]:
        """The seconds of each place since the last time."""
        found = dict(self.seconds)
        self.seconds.clear()
        return found

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """A block whose lines are traced."""
        before = sys.gettrace()
        self.now, self.stack, self.walks, self.marks, self.passed = None, [], [], {}, 0
        self.last = time.perf_counter()
        sys.settrace(self.start)
        try:
            yield
        finally:
            sys.settrace(before)
            self.tick(None)

    def tick(self, following: Place | None) -> None:
        """End the time of a place, and begin that of the following."""
        now = time.perf_counter()
        self.seconds[self.now] += max(now - self.last - self.passed * self.unit, 0.0)
        self.last, self.now, self.passed = now, following, 0

    # trace functions: of calls, then of the lines of each kind of frame

    def start(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self.kinds.get(frame.f_code) == OTHER and not self.is_rule(frame):
            self.passed += 1
            return None
        began = time.perf_counter()
        local = self.called(frame)
        now = time.perf_counter()  # its own time belongs to no place
        self.last = now if self.last >= began else self.last + now - began
        return local

    def called(self, frame: FrameType) -> Any:
        """The trace function of a frame, None for none."""
        code = frame.f_code
        kind = self.kinds.get(code)
        if kind is None:
            kind = self.kinds[code] = self.kind_of(code)
        if kind in (USER, GENERATED):
            self.stack.append(self.now)
            self.tick(self.place_of(frame, kind) or self.now)
            return self.user if kind == USER else self.generated
        if kind == WALK:
            self.stack.append(self.now)
            self.walks.append(self.places_of(frame.f_locals["records"]))
            frame.f_trace_lines = False
            return self.walk
        if self.is_rule(frame):
            # of the rule alone: the locals of the walk would keep its arrays alive
            found = (self.walks[-1].get(id(x)) for x in frame.f_locals.values())
            self.tick(next(filter(None, found), self.now))
        if kind == RUN and isinstance(frame.f_locals.get("self"), Primitive):
            self.weigh(frame.f_locals.values())
            frame.f_trace_lines = False
            return functools.partial(self.ran, self.now)
        return None

    def is_rule(self, frame: FrameType) -> bool:
        """Whether a walk back calls the function: it is the rule of a record."""
        return bool(self.walks) and frame.f_back is not None and frame.f_back.f_code is _WALK

    def kind_of(self, code: CodeType) -> int:
        name = code.co_filename
        if code is _WALK:
            return WALK
        if name.startswith("<funcgrad "):
            return GENERATED
        if is_inside(name):
            return RUN if self.weighs and code.co_name == "run" else OTHER
        return USER if is_user(name) else OTHER

    def place_of(self, frame: FrameType, kind: int) -> Place | None:
        if kind == USER:
            return Place(frame.f_code.co_filename, frame.f_lineno, bool(self.walks))
        return self.of_generated(frame.f_code.co_filename).get(frame.f_lineno)

    @functools.cached_property
    def of_generated(self) -> Callable[[str], dict[int, Place | None]]:
        """The places of the lines of a generated source, by its file name."""
        return functools.lru_cache(None)(self.read_places)

    def read_places(self, filename: str) -> dict[int, Place | None]:
        paths = {os.path.basename(code.co_filename): code.co_filename
                 for code, kind in self.kinds.items() if kind == USER}  # fmt: skip
        found = places("".join(linecache.getlines(filename)))
        return {n: p and p._replace(file=paths.get(p.file, p.file)) for n, p in found.items()}

    def user(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            place = Place(frame.f_code.co_filename, frame.f_lineno, bool(self.walks))
            self.tick(place)
            self.mark(place)
        elif event == "return":
            self.tick(self.stack.pop())
        return self.user

    def generated(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.tick(self.place_of(frame, GENERATED) or self.now)
        elif event == "return":
            self.tick(self.stack.pop())
        return self.generated

    def walk(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "return":
            self.tick(self.stack.pop())
            self.walks.pop()
        return self.walk

    def ran(self, place: Place | None, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "return" and arg is not None:
            self.weigh(arg)
            self.arrays[place] += sum(isinstance(x, np.ndarray) and x.base is None for x in arg)
        return functools.partial(self.ran, place)

    def weigh(self, values: Any) -> None:
        """Add the bytes of operands or results."""
        arrays = [x for v in values for x in (v if isinstance(v, tuple) else (v,))]
        self.bytes[self.now] += sum(x.nbytes for x in arrays if isinstance(x, np.ndarray))

    # tapes

    def mark(self, place: Place) -> None:
        """Note that what is recorded from now on belongs to a place."""
        now = running.get()
        for trace in () if now is None else (now, *(trace for trace, _ in now.around)):
            if type(trace) is Tape:
                _, counts, found = self.marks.setdefault(id(trace.records), (trace, [], []))
                counts.append(trace.count)
                found.append(place)

    def places_of(self, records: list[Any]) -> dict[int, Place]:
        """The place at which each operation was recorded, by the identity of its results."""
        marks = self.marks.get(id(records))
        if marks is None:
            return {}
        _, counts, found = marks
        rows = [
            (bisect.bisect_right(counts, first) - 1, outs) for _, _, first, _, outs, _ in records
        ]
        return {id(outs): found[i]._replace(backward=True) for i, outs in rows if i >= 0}
