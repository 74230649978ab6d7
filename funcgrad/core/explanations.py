"""Errors of NumPy and of other libraries for traced values, explained with a cure."""

import re
import sys
from dis import get_instructions, opname
from typing import Any

import numpy as np

from .errors import ConcretizationError, ConversionError, FuncgradError, MutationError, NestingError
from .frames import is_inside
from .registry import load

_CALLERS, _HINTS = "funcgrad.core.callers", "funcgrad.answers.hints"  # loaded by the first error

# attributes of an ndarray that a tracer does not have, and why
ABSENT = {
    **dict.fromkeys(
        ("__array_interface__", "__array_struct__", "base", "ctypes", "data", "flags", "setflags",
         "strides"),
        "a traced array has no memory of its own",
    ),
    **dict.fromkeys(
        ("__array_finalize__", "__array_wrap__", "__class_getitem__", "__setstate__"),
        "a traced array is not a subclass of ndarray",
    ),
}  # fmt: skip


def too_deep(who: object, err: RecursionError) -> NestingError:
    """The NestingError for a RecursionError; one that is there already stays."""
    if isinstance(err, NestingError):
        return err
    return NestingError(
        f"{who}: functions nest deeper than Python's recursion limit of {sys.getrecursionlimit()}, "
        f"as in an infinite recursion; transform the outermost function alone"
    )


# the cure where a traced value is written into an ndarray x
WRITABLE = (
    "make x by numpy.zeros(shape, like=value) or numpy.array(x, like=value), or write `from "
    "funcgrad import numpy as np`, whose zeros, ones, empty and full can"
)

_NO_HOLDER = "an ndarray cannot hold a traced value"
_WRITERS = ("__setitem__", "fill", "put")  # methods of an ndarray that convert the value


def raise_explained(err: Exception, trace: Any) -> None:
    """Raise an error that explains one of a function that a transform with this trace runs, if any.

    The outermost transform gives our error for NumPy's, which is raised where a traced value is
    written into an ndarray.
    """
    told = _explained(err, trace)
    try:
        if told is not err:
            told.__suppress_context__ = True
            raise told
    finally:
        del told, err  # the frame of a traceback would hold its error


def _explained(err: Exception, trace: Any) -> Exception:
    if isinstance(err, RecursionError):
        return too_deep(trace.origin, err)
    if _is_of_a_store(err) and not (trace and trace.around):
        return _not_stored(err)
    if isinstance(err, FuncgradError) and not isinstance(err, ConversionError):
        return err
    if type(err) is TypeError:
        if "'Traced(" in str(err):  # NumPy asked it for an integer, and hid our answer
            return ConcretizationError(
                f"a shape: its lengths must be concrete: {err}; make the argument static by "
                f"static_argnums"
            )
        _note_of_keyword(err)
    told: Exception = load(_CALLERS).of_scipy(err)
    return told if told is not err else load(_HINTS).explained(err, getattr(trace, "origin", None))


def _is_of_a_store(err: Exception) -> bool:
    """Whether NumPy raised the error for a traced value, not a user with one of ours as cause."""
    caused = isinstance(err.__cause__, (ConversionError, ConcretizationError))
    return caused and str(err).startswith("setting an array element with a sequence")


def _begins(prefix: str, frame: Any, at: int) -> bool:
    """Whether a frame runs, at a place of its code, an instruction whose name begins so."""
    return opname[frame.f_code.co_code[at]].startswith(prefix)


def _writes(frame: Any, at: int) -> bool:
    """Whether a frame, at a place of its code, assigns to an element, or calls put or fill."""
    line, _, column, _ = list(frame.f_code.co_positions())[at // 2]
    found = [i.positions for i in get_instructions(frame.f_code) if i.argval in _WRITERS]
    calls = [(place.lineno, place.col_offset) for place in found if place]
    return _begins("STORE_", frame, at) or (line, column) in calls


def not_plain(who: str, aval: Any, cure: str) -> ConversionError:
    """The error for a traced value that becomes plain data, as by float()."""
    return ConversionError(
        load(_CALLERS).refused_by(aval)
        or f"{who}: a traced value cannot become plain data, because its derivative would be lost: "
        f"got {aval}; {cure}",
        aval=aval,
    )


def not_converted(aval: Any) -> ConversionError:
    """The error for a traced value that NumPy converts, with the cure of the calling line."""
    if (words := load(_CALLERS).refused_by(aval)) is not None:
        return ConversionError(words)
    frame: Any = sys._getframe(1)
    while frame.f_code.co_name in ("_array", "__array__"):
        frame = frame.f_back  # to the code that called NumPy, or to NumPy
    called = _of_numpy(frame)
    cure = (
        "for array[x] write funcgrad.numpy.take(array, x, axis)"
        if _begins("BINARY_", frame, frame.f_lasti)
        else f"use funcgrad.numpy.{called}"
        if called and _is_own(called)
        else "call it outside the traced function, on plain arrays"
        if called
        else "use the function of the same name from funcgrad.numpy (array, asarray, full, arange, "
        "dot, sum of a list, ...)"
    )
    error = ConversionError(
        f"x[index] = value: {_NO_HOLDER}: got {aval}; {WRITABLE}"
        if _begins("STORE_", frame, frame.f_lasti)
        else f"{f'numpy.{called}' if called else 'NumPy conversion'}: a traced value cannot become "
        f"plain data, because its derivative would be lost: got {aval}; {cure}"
    )
    error.writes = _writes(frame, frame.f_lasti)
    return error


def _is_own(name: str) -> bool:
    """Whether funcgrad.numpy has a function of that name which is not NumPy's."""
    homes: list[Any] = [load("funcgrad.numpy"), np]
    for part in name.split("."):
        homes = [getattr(home, part, None) for home in homes]
    return homes[0] is not homes[1]


def _of_numpy(frame: Any) -> str:
    """The public function of NumPy, written in Python, whose frames these are; "" if none."""
    name = home = ""
    while frame is not None and (module := frame.f_globals.get("__name__", ""))[:6] == "numpy.":
        home = "linalg." if module.startswith("numpy.linalg") else ""
        name, frame = frame.f_code.co_name, frame.f_back
    known = hasattr(np.linalg if home else np, name)
    return home + name if known and hasattr(load(f"funcgrad.numpy.{home}"[:-1]), name) else ""


def _not_stored(err: BaseException) -> ConversionError:
    """The error for one of NumPy, raised where a traced value was written into an ndarray."""
    frames = err.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    assigns = frames is not None and _begins("STORE_", frames.tb_frame, frames.tb_lasti)
    text = (
        "NumPy was called with a traced value, which an ndarray cannot hold; keep it an array, use "
        "the function of the same name from funcgrad.numpy, and for x.fill(value) make x by "
        "numpy.zeros(shape, like=value)"
    )
    if assigns:
        got = getattr(err.__cause__, "aval", "a traced value")
        text = f"x[index] = value: {_NO_HOLDER}: got {got}; {WRITABLE}"
    return ConversionError(text).with_traceback(err.__traceback__)


def _note_of_keyword(err: Exception) -> None:
    """Add our word to an error of NumPy for a keyword of another library."""
    found = re.fullmatch(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'", str(err))
    if found is not None and callable(getattr(np, found[1], None)):
        known = ("axis", "keepdims", "dtype", "out", "where")
        if found[2] in known:
            err.add_note(f"numpy.{found[1]}: it has no {found[2]}; leave it out")
        elif cure := load("funcgrad.answers.binding").keyword(found[2], known):
            err.add_note(f"numpy.{found[1]}: {cure}")


def is_traced_write(err: Exception) -> bool:
    """Whether an array could not hold a traced value that was written into it."""
    if isinstance(err, ConversionError):
        return err.writes or _is_at_a_write(err)
    if isinstance(err, MutationError) or _is_of_a_store(err):
        return True
    return type(err) is ValueError and str(err).startswith("Error setting single item")  # x.flat[i]


def _is_at_a_write(err: Exception) -> bool:
    """Whether user code was writing an element, as where NumPy calls int() or complex()."""
    at = frames = err.__traceback__
    while frames is not None:
        at = at if is_inside(frames.tb_frame.f_code.co_filename) else frames
        frames = frames.tb_next
    return at is not None and _writes(at.tb_frame, at.tb_lasti)


def is_refused_write(err: Exception) -> bool:
    """Whether NumPy, or a library that takes its arrays, refused to write a read-only array."""
    if isinstance(err, FuncgradError) or not isinstance(err, (ValueError, TypeError)):
        return False
    words = str(err)
    return any(each in words for each in ("read-only", "readonly", "writable", "writeable"))
