"""Notes on errors that Python and NumPy raise in user code that a function of ours has called.

The error passes unchanged; a note (PEP 678) has the arguments of the call, and one cure.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from ..core.errors import FuncgradError
from ..core.frames import is_inside, is_user
from ..core.registry import load
from .misfits import told

CALLED = re.compile(r"([\w.<>]+)\(\) (?:takes|missing|got an unexpected)")  # does not bind
_ARRAY = "make it an array: np.asarray(x)"
_RETURN = "None comes from a function without a return statement; return its result"

# words of an error of Python: the cure
_OF_PYTHON = (
    (r"unsupported operand .*'NoneType'|bad operand .*'NoneType'", _RETURN),
    (r"unsupported operand .*'(?:builtin_)?function", "call the function: f(x)"),
    (r"unsupported operand .*'str'", "convert the text: float(x)"),
    (r"unsupported operand .*'dict'", "combine dicts leaf by leaf: funcgrad.tree.map(f, a, b)"),
    (r"unsupported operand .*'list'|bad operand .*'list'", _ARRAY),
    (r"unsupported operand .*'tuple'|bad operand .*'tuple'", "unpack the tuple: y, z = f(x)"),
    (r"can't multiply sequence by non-int", "unpack a tuple, or " + _ARRAY),
    (r"can only concatenate (?:list|tuple)|must be str, not", _ARRAY),
    (r"'NoneType' object (?:is not|does not)", _RETURN),
    (r"'numpy.ndarray' object is not callable", "index by brackets: x[i]"),
    (r"'dict' object is not callable", "index a dict by brackets: p['w']"),
    (r"'tuple' object is not callable", "index a tuple by brackets: x.shape[0]"),
    (r"'\w*Tracer' object is not callable", "index an array by brackets: x[i]"),
    (r"(?:tuple|list) indices must be integers", "index by position: p[0]"),
    (r"'module' object is not callable", "call a function of the module"),
    (r"'(?:float|int|numpy.\w+)' object is not callable", "write the product with *"),
    (r"'(?:builtin_)?(?:function|method)\w*' object is not (?:sub|iter)", "call it: f(x)[i]"),
    (r"'(?:float|int|numpy.float64)' object is not (?:sub|iter)", "write np.atleast_1d(x)"),
    (r"invalid index to scalar variable", "write np.atleast_1d(x)[i]"),
    (r"too many values to unpack|not enough values to unpack", "write one name for each value"),
    (r"(?:list|tuple) index out of range", "count from 0"),
    (r"(?:stack|concatenate|block)\(\) takes", "give the arrays as one list: np.hstack([x, y])"),
    (r"unhashable type: '\w*Tracer'", "make the argument static by static_argnums"),
    (r"'NoneType' object cannot be interpreted", _RETURN),
    (r"object of type '(?:float|int|numpy.\w+)' has no len|unsized object", "write np.size(x)"),
)  # fmt: skip

# words of NumPy
_OF_NUMPY = (
    (r"could not convert string to float", "encode texts: np.unique(x, return_inverse=True)[1]"),
    (r"only integer scalar arrays can be|zero-dimensional arrays cannot be conc",
     "give the arrays as one list: np.concatenate([x, y])"),
    (r"'(?:float|str)' object cannot be interpreted|expected a sequence of integers or a single",
     "write integers: int(n) for a length, 0 for an axis"),
    (r"Cannot interpret '.*' as a data type|Cannot construct a dtype",
     "give a shape, and several axes, as one tuple: (0, 1)"),
    (r"data type .* not understood", "name a dtype of NumPy: float, np.float32, int, ..."),
    (r"truth value of an array", "choose elementwise: np.where(condition, x, y)"),
    (r"not aligned|core dimension", "transpose one operand: x.T"),
    (r"not be broadcast|broadcast to a single shape", "make the lengths equal, or 1: x[:, None]"),
    (r"cannot reshape array of size (\d+)",
     r"the product of the lengths must be \1; one may be -1"),
    (r"mode '\w+' is not supported", "write mode='constant'"),
    (r"upper bound is less than", "write (low, high), the lower bound first"),
    (r"diag requires an array of at least two", "give a matrix, as np.diag(x)"),
    (r"equally many rows|as many rows", "select the rows of one: b[: len(a)]"),
    (r"both operands must have one axis", "write x.ravel()"),
    (r"inhomogeneous shape", "give all rows one length: funcgrad.data.pad_sequences(rows)"),
    (r"all (?:the )?input arrays? (?:dimensions|must have)", "give all one shape but for the axis"),
    (r"axis -?\d+ is out of bounds for array of dimension 0", "it has no axes"),
    (r"axis -?\d+ is out of bounds for array of dimension 1$", "the one axis is 0"),
    (r"Singular matrix", "for such matrices there are lstsq and pinv"),
    (r"not positive definite", "add a multiple of the identity: a + 1e-6 * np.eye(n)"),
    (r"Incompatible dimensions", "give both as many rows"),
    (r"got <U", "an array has no names: index it by position"),
    (r"more operands provided to einstein|fewer operands provided|subscripts name \d+ operands",
     "name each operand: np.einsum('ij,j->i', a, x)"),
    (r"does not result in an equal division", "use np.array_split"),
    (r"either both or neither of x and y", "give both values: np.where(condition, x, 0.0)"),
    (r"[Nn]orm order", "ord is None, 1, 2, np.inf, -np.inf, or 'fro' or 'nuc' of a matrix"),
    (r"need at least one array", "give a list that is not empty"),
    (r"requires? .*at least (?:one|two) dimension|diff requires input", "write np.atleast_1d(x)"),
    (r"bins must be monotonic|increase monotonically", "sort them: np.sort(bins)"),
    (r"same length|equal length|same size|same number of elements", "cut the longer one: x[:n]"),
    (r"must be one-dimensional|must be 1-?[dD]|1-?[dD] sequences?|must be a vector|expected 1D",
     "write x.ravel()"),
    (r"cross product|3-dimensional vectors", "give vectors of 3 elements on the last axis"),
    (r"axes don't match array", "give one axis for each of x.ndim"),
    (r"size not equal to one", "squeeze an axis of length 1"),
    (r"does not broadcast to", "add an axis first: x[:, None]"),
    (r"cannot be empty|empty sequence|must not be empty", "give one element at least"),
    (r"Use one of|valid method", "take one of these"),
    (r"in the range \[0, 1\]|Percentiles must be|Quantiles must be", "divide per cents by 100"),
    (r"out of range for .* axis|must be non-?negative|negative dimensions", "write 0 or more"),
    (r"shape mismatch: indexing arrays", "give index arrays of one shape, or np.ix_(i, j)"),
    (r"boolean index did not match", "make the mask of the array itself: x > 0"),
    (r"is not a linear|Array must be at least two-dimensional", "write x[:, None]"),
    (r"Integers to negative integer powers", "write a float: x ** -1.0"),
    (r"assignment destination is read-only|output array is read-only", "write into x.copy()"),
    (r"too many indices", "write one index for each axis"),
    (r"only integers, slices", "convert the index: i.astype(int), or int(i)"),
    (r"must be at least two-dimensional", "give a matrix, as x[:, None] or np.diag(x)"),
    (r"zero-size array to reduction", "test x.size first"),
    (r"Last 2 dimensions of the array must be square", "for other shapes there are lstsq and pinv"),
)  # fmt: skip


def cure_of(words: str, of_python: bool = False) -> str:
    """The cure for an error of NumPy, or of Python in user code; "" if none is known."""
    if rank := re.search(r"axis -?\d+ is out of bounds for array of dimension ([2-9]\d*)", words):
        return f"count axes from 0 to {int(rank[1]) - 1}"
    if size := re.search(r"index -?\d+ is out of bounds for axis \d+ with size (\d+)", words):
        return f"count from 0 to {int(size[1]) - 1}" if int(size[1]) else "it has no elements"
    for start, cure in (*_OF_NUMPY, *(_OF_PYTHON if of_python else ())):
        if found := re.search(start, words):
            return found.expand(cure)
    return ""


def explained(err: Exception, origin: Any) -> Exception:
    """The error for one of a function that a transform ran: for a call that does not bind, ours."""
    fun = getattr(origin, "fun", None)
    fun = getattr(getattr(fun, "__self__", None), "fun", fun)  # of DiffArguments
    called = CALLED.match(str(err)) if type(err) is TypeError and fun is not None else None
    if called is None or called[1] != qualname(fun) or is_user(err.__traceback__):
        annotate(err)
        return err
    option = called[0].endswith("unexpected") and re.search(r"'(\w+)'$", str(err))
    if option and option[1] in _options(origin.who):
        return TypeError(
            f"{origin.who}: {option[1]} is an option of the transform: got it in the call of the "
            f"result; write {origin.who}(f, {option[1]}=...)(x)"
        )
    told: Any = TypeError(
        f"{origin.who}: the function does not take the arguments of its call: got {err}; give one "
        f"for each of its parameters, {parameters_of(fun)}"
    )
    told.unmet = str(err)  # for the function of ours that knows its form
    return told  # type: ignore[no-any-return]


def _options(who: str) -> Mapping[str, Any]:
    """The parameters of a transform, by its public name."""
    made = getattr(load("funcgrad"), who, None)
    return inspect.signature(made).parameters if callable(made) else {}


def qualname(f: Any) -> str:
    """The name by which Python's errors call a function, or the ``__call__`` of an object."""
    return str(getattr(f, "__qualname__", f"{type(f).__qualname__}.__call__"))


def parameters_of(fun: Any) -> str:
    """The parameters of a function as it is written, without annotations."""
    try:
        found = inspect.signature(fun).parameters.values()
    except (TypeError, ValueError):  # of a function in C
        return "(...)"
    return f"({', '.join(str(p.replace(annotation=p.empty)) for p in found)})"


def annotate(err: Any) -> None:
    """Add a note with the cure to an error that Python or NumPy raised in user code."""
    if isinstance(err, FuncgradError) or hasattr(err, "__notes__"):
        return
    frame = _user_frame(err)
    if frame is None:
        return
    cure = ""
    if ";" in str(err):
        return
    if type(err) is AttributeError and "'NoneType'" in str(err):
        cure = _RETURN
    elif type(err) is AttributeError:
        cure = _of_attribute(getattr(err, "obj", None), str(err.name or ""))
    elif type(err) is KeyError:
        cure = _of_key(err.args[0] if err.args else None, frame.f_locals)
    elif called := CALLED.match(str(err)) if type(err) is TypeError else None:
        function = getattr(np, called[1], None)
        cure = cure_of(str(err), of_python=True)
        if not cure and callable(function) and called[1] not in frame.f_globals:
            cure = f"write np.{called[1]}{parameters_of(function)}"
    elif isinstance(err, (TypeError, ValueError, IndexError)):
        cure = cure_of(str(err), of_python=True)
    if cure:
        given = ", ".join(_arguments(frame))
        err.add_note(f"{frame.f_code.co_name}: got {given or 'no arguments'}; {cure}")


def _user_frame(err: BaseException) -> FrameType | None:
    """The innermost frame of user code."""
    found = None
    trace = err.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not is_inside(name):
            found = trace.tb_frame
        trace = trace.tb_next
    return found


def _arguments(frame: FrameType) -> Iterator[str]:
    """The arguments of a frame, as a message shows them."""
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount][:6]:
        if name in frame.f_locals:
            x = frame.f_locals[name]
            keys = f"a dict with keys {[*x][:8]}" if isinstance(x, dict) else told(x)
            yield f"{name}={keys}"


def _of_attribute(x: Any, name: str) -> str:
    """The cure for an attribute that an object lacks."""
    if isinstance(x, Mapping):
        return f"write [{name!r}]" if name in x else ""
    if isinstance(x, (np.ndarray, np.generic)):
        return str(load("funcgrad.core.missing").member("array", name)).lstrip(":; ")
    if isinstance(x, ModuleType) and x.__name__.partition(".")[0] == "numpy":
        row = load("funcgrad.core.missing").counterpart_in("funcgrad.numpy", name)
        return row.use if row is not None else ""
    if isinstance(x, (list, tuple, float, int)) and hasattr(np.ndarray, name):
        return _ARRAY
    return ""


def _of_key(key: Any, found: Mapping[str, Any]) -> str:
    """The cure for a key that a dict lacks, from the variables where it was asked."""
    dicts = [(name, x) for name, x in found.items() if isinstance(x, dict) and key not in x]
    for depth in range(3):
        for name, x in dicts:
            texts = [k for k in x if isinstance(k, str)]
            lowered = {k.lower(): k for k in texts}
            if near := get_close_matches(str(key).lower(), lowered, 1, 0.6):
                return f"write {name}[{lowered[near[0]]!r}]"
        inner = [(f"{n}[{k!r}]", v) for n, x in dicts for k, v in [*x.items()][:50]]
        dicts = [(n, v) for n, v in inner if isinstance(v, dict) and key not in v and depth < 3]
    for name, x in found.items():
        if isinstance(x, dict) and x:
            return f"write {name}[{next(iter(x))!r}], or another of its keys"
    return ""
