"""Who asked for plain data: a function of math or of SciPy, found from the frames of the call.

The error then names that function and its counterpart. Frames are read after a conversion failed.
"""

import builtins
import sys
from collections.abc import Iterable, Iterator
from dis import Instruction, get_instructions
from types import CellType, FrameType, FunctionType, TracebackType
from typing import Any

import numpy as np

from .errors import ConversionError
from .frames import is_inside
from .missing import counterpart, full_name

_LIBRARIES = ("math", "cmath")
_OF_OURS = ("funcgrad.ops.", "funcgrad.scipy.", "funcgrad.sparse.")  # these call SciPy
_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST", "LOAD_DEREF", "LOAD_ATTR", "LOAD_METHOD"}


def refused_by(aval: Any) -> str | None:
    """The message for the function that converts a traced value, None if user code does."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_inside(frame.f_code.co_filename) and not _class(frame):
        frame = frame.f_back
    if frame is None:
        return None
    if _class(frame):
        return _message(_class(frame), str(aval))
    found = foreign_function(_outwards(frame))
    who = _of_math(frame) if found is None else found[0]
    return None if who is None else _message(who, str(aval))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _message(who: str, got: str) -> str:
    """The message for a function that takes plain data only."""
    library = who.partition(".")[0]
    takes = "Python scalars" if library in _LIBRARIES else "plain arrays"
    found = counterpart(who)
    cure = "we have no counterpart: write it with NumPy, or give it a rule by custom_jvp"
    return (
        f"{who}: it takes {takes}, and a traced value cannot become plain data, because its "
        f"derivative would be lost: got {got}; {found.imported if found else cure}"
    )


def _class(frame: FrameType) -> str:
    """The class of NumPy, without overrides, that a frame is in; "" if it is in none."""
    if str(frame.f_globals.get("__name__")) == "numpy.matrixlib.defmatrix":
        return "numpy.matrix"
    return "numpy.vectorize" * frame.f_code.co_qualname.startswith("vectorize.")


# functions of SciPy


def foreign_function(frames: Iterable[FrameType]) -> tuple[str, FrameType] | None:
    """The public function of SciPy that user code called, and its frame; None if it called none.

    Args:
        frames: the frames of a call, the innermost first.
    """
    found: list[FrameType] = []
    for frame in frames:
        if _is_of("scipy", frame) or (found and _is_of("numpy", frame)):
            found.append(frame)
        elif found and _module(frame).startswith(_OF_OURS):
            return None  # ours called SciPy, and explains its errors
        else:
            break
    for frame in reversed(found):
        for name in _public_names(frame):
            return name, frame
    return ("SciPy", found[-1]) if found else None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_of(library: str, frame: FrameType) -> bool:
    return _module(frame).partition(".")[0] == library


def _public_names(frame: FrameType) -> Iterator[str]:
    """The names under which SciPy publishes the function of a frame, or its object."""
    first, *rest = frame.f_code.co_qualname.split(".")
    held = frame.f_locals.get("self") if rest else None
    held = getattr(held, "dist", getattr(held, "_dist", held))  # of norm(loc, scale)
    values = [*frame.f_locals.values(), getattr(held, "func", None)] if "<locals>" in rest else []
    for package in _packages(_module(frame)):
        public = vars(sys.modules[package])
        if not rest and first[0] != "_" and callable(public.get(first)):
            yield f"{package}.{first}"
        for name, value in public.items() if held is not None else ():
            if value is type(held):
                yield f"{package}.{name}"
            elif type(value) is type(held):
                yield f"{package}.{name}.{rest[-1]}".removesuffix(".__call__")
    for function in values:
        yield from _decorated(function)


def _decorated(function: Any) -> Iterator[str]:
    """The public name of a function that a decorator of SciPy's holds."""
    if isinstance(function, np.ufunc):
        yield full_name(function)
    name = getattr(function, "__name__", "")
    module = str(getattr(function, "__module__", ""))
    for package in _packages(module) if module.startswith("scipy.") else ():
        if getattr(vars(sys.modules[package]).get(name), "__wrapped__", None) is function:
            yield f"{package}.{name}"


def _packages(module: str) -> Iterator[str]:
    """The public packages around a module of SciPy, the innermost first."""
    parts = module.split(".")
    public = next((n for n, part in enumerate(parts) if part[:1] == "_"), len(parts))
    for n in range(public, 1, -1):
        if ".".join(parts[:n]) in sys.modules:
            yield ".".join(parts[:n])


# functions of math


def _of_math(frame: FrameType) -> str | None:
    """The name of the function of math, or ufunc of SciPy, that a frame calls, or None."""
    function = called(frame)
    if isinstance(function, np.ufunc):  # of a list of traced values
        name = full_name(function)
        return name if name.startswith("scipy.") else None
    module = getattr(function, "__module__", None)
    return f"{module}.{function.__name__}" if module in _LIBRARIES else None


def called(frame: FrameType) -> Any:
    """The function that a frame calls at this moment, None if its name does not say it."""
    loads: list[Instruction] = []
    start = None
    for step in get_instructions(frame.f_code):
        if step.offset == frame.f_lasti and "CALL" in step.opname:
            start = step.positions and (step.positions.lineno, step.positions.col_offset)
        if step.offset < frame.f_lasti and step.opname in _LOADS:
            loads.append(step)
    if start is None:
        return None
    same = [
        x for x in loads if x.positions and (x.positions.lineno, x.positions.col_offset) == start
    ]
    value: Any = None
    for step in same:
        name = str(step.argval)
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            value = getattr(value, name, None)
        else:
            homes = (frame.f_locals, frame.f_globals, vars(builtins))
            value = next((home[name] for home in homes if name in home), None)
    return value


# errors that SciPy raises for a conversion of ours, or for a traced value that C code met


def of_scipy(err: Exception) -> Exception:
    """The error for one that SciPy raised for a traced value; any other stays as it is.

    Its traceback ends at the line of user code that called SciPy.
    """
    cause: BaseException | None = err
    while cause is not None and not isinstance(cause, ConversionError):
        cause = cause.__cause__ or cause.__context__
    steps = _steps(err)
    found = foreign_function([step.tb_frame for step in reversed(steps)])
    if cause is None and found is not None and any(map(_holds, found[1].f_locals.values())):
        cause = ConversionError(_message(found[0], "a value of the function"))
    if cause is None or not (cause is err or any(_is_of("scipy", s.tb_frame) for s in steps)):
        return err
    _cut(steps)
    return cause.with_traceback(err.__traceback__)


def _holds(x: Any) -> bool:
    """Whether a value is traced, or is a function or a list that holds a traced value."""
    if isinstance(x, FunctionType):
        return any(_holds(cell.cell_contents) for cell in x.__closure__ or () if cell != CellType())
    return any(map(_holds, x)) if type(x) in (list, tuple) else hasattr(type(x), "_trace")


def _steps(err: BaseException) -> list[TracebackType]:
    """The steps of a traceback, the innermost last."""
    steps, trace = [], err.__traceback__
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    return steps


def _cut(steps: list[TracebackType]) -> None:
    """End a traceback at the last line of user code, if SciPy was called there."""
    inner = [is_inside(t.tb_frame.f_code.co_filename) or _is_of("scipy", t.tb_frame) for t in steps]
    if False in inner and any(_is_of("scipy", t.tb_frame) for t in steps):
        steps[len(steps) - 1 - inner[::-1].index(False)].tb_next = None
