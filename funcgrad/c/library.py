"""Calls of compiled functions: one tuple of NumPy objects, read in C, with the GIL released.

A loop that may take long asks Python now and then whether a signal has come.

ctypes converts an argument in 0.1 us, more than a small program takes. So a call has one, a tuple,
and its entry in C reads the addresses of the data from NumPy's own structures: an array holds it
behind the header of all objects, a scalar its value. That they lie there is checked first.
"""

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import UnsupportedError
from .literals import ctype
from .objects import loaded
from .programs import CODES, Function
from .statements import TOO_MANY_STEPS

HEADER = object.__basicsize__  # bytes in front of the fields of an object
ITEMS = tuple.__basicsize__  # bytes in front of the items of a tuple
SHORT = 2000  # ticks up to which a call keeps the GIL
KEPT = 1 << 26  # bytes of memory for rows up to which it is kept between calls
ROOM = 1 << 14  # bytes for the rows of loops at first
STRIDED = -1  # the code of an operand that is not in C order

_SHIM = """
/* The call from Python: the operands and results, as the items of a tuple. */
#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

static void *(*release_gil)(void);
static void (*take_gil)(void *);
static int (*check_signals)(void);

EXPORTED void prepare(void *(*release)(void), void (*take)(void *), int (*check)(void)) {{
    release_gil = release;
    take_gil = take;
    check_signals = check;
}}

static int poll_signals(void *thread) {{
    take_gil(*(void **)thread);
    const int raised = check_signals();
    *(void **)thread = release_gil();
    return raised;
}}

static char *tuple_item(char *args, int i) {{ return ((char **)(args + {items}))[i]; }}
static char *array_data(char *array) {{ return *(char **)(array + {header}); }}

static ptrdiff_t array_length(char *array) {{ return ((ptrdiff_t **)(array + {header}))[2][0]; }}

static int is_in_order(char *array, size_t alignment) {{
    const int rank = *(int *)(array + {header} + sizeof(char *));
    const ptrdiff_t *shape = ((ptrdiff_t **)(array + {header}))[2];
    const ptrdiff_t *strides = ((ptrdiff_t **)(array + {header}))[3];
    ptrdiff_t expected = alignment;
    for (int d = rank - 1; d >= 0; d--) {{
        if (shape[d] != 1 && strides[d] != expected)
            return 0;
        expected *= shape[d];
    }}
    return (uintptr_t)array_data(array) % alignment == 0;
}}

static char *scalar_data(char *args, int i, int last) {{
    char *x = tuple_item(args, i);
    return ((char **)x)[1] == tuple_item(args, last) ? array_data(x) : x + {header};
}}

"""


def entries(count: int) -> list[str]:
    """The names of the entries of a file, one for each of its functions."""
    return [f"call_{k + 1}" for k in range(count)]


def shim_of(functions: Sequence[Function]) -> str:
    """The entries of a file, with the functions that they call."""
    rows = zip(entries(len(functions)), functions, strict=True)
    return _SHIM.format(items=ITEMS, header=HEADER) + "".join([_entry(*row) for row in rows])


def _entry(name: str, function: Function) -> str:
    """The C function that takes the tuple of a call: operands, results, memory, and np.ndarray."""
    count = len(function.ins) + len(function.outs) + bool(function.work) + function.rows
    checks, given = [], []
    for i, aval in enumerate(function.ins):
        kind = ctype(aval.dtype)
        item = f"tuple_item(_args, {i})"
        if aval.shape:
            checks.append(f"!is_in_order({item}, sizeof({kind}))" if aval.size else "0")
            given.append(f"({kind} *)array_data({item})")
        else:
            given.append(f"*({kind} *)scalar_data(_args, {i}, {count})")
    start = len(function.ins)
    given += [f"({ctype(a.dtype)} *)array_data(tuple_item(_args, {start + j}))"
              for j, a in enumerate(function.outs)]  # fmt: skip
    if function.work:
        given.append(f"(void *)array_data(tuple_item(_args, {start + len(function.outs)}))")
    if function.rows:
        rows = f"tuple_item(_args, {count - 1})"
        given += [f"array_data({rows})", f"array_length({rows})"]
    given += ["poll_signals", "&_thread"] if function.polls else []
    lines = [f"    if ({' || '.join(checks)})", f"        return {STRIDED};"] if checks else []
    call = f"{function.name}({', '.join(given)})"
    if function.ticks < SHORT and not function.polls:
        lines.append(f"    return {call};")
    else:
        lines += ["    void *_thread = release_gil();", f"    const int _code = {call};"]
        lines += ["    take_gil(_thread);", "    return _code;"]
    return "\n".join(["", f"EXPORTED int {name}(char *_args) {{", *lines, "}", ""])


Call: TypeAlias = Callable[[tuple[Any, ...]], int]


class Library:
    """The functions of a program, compiled when one is first asked for; it pickles as its source.

    Args:
        files: the text of each file, and its functions.
    """

    def __init__(self, files: Sequence[tuple[str, Sequence[Function]]]) -> None:
        self.files = files

    @functools.cached_property
    def calls(self) -> dict[str, Call]:
        """By the name of a function, that of a tuple: operands, results, memory, ``np.ndarray``."""
        if not _is_as_expected():
            raise UnsupportedError(
                "jit: backend='c' reads the structures of CPython and NumPy, and these differ; "
                "use backend='numpy'"
            )
        python = ctypes.pythonapi
        needs = python.PyEval_SaveThread, python.PyEval_RestoreThread, python.PyErr_CheckSignals
        found: dict[str, Call] = {}
        objects = loaded([text + shim_of(functions) for text, functions in self.files])
        for (_, functions), library in zip(self.files, objects, strict=True):
            library.prepare(*[ctypes.cast(f, ctypes.c_void_p) for f in needs])
            for name, function in zip(entries(len(functions)), functions, strict=True):
                call = library[name]
                call.argtypes, call.restype = [ctypes.py_object], ctypes.c_int
                found[function.name] = Growing(call) if function.rows else call
        return found

    def __reduce__(self) -> Any:
        return Library, (self.files,)


class Callee:
    """A function of a library.

    ``lines``: the part of its time that each source line takes, by the cost model.
    """

    def __init__(
        self, library: Library, function: Function, lines: Mapping[str, float] | None = None
    ) -> None:
        self.library, self.function, self.lines = library, function, lines or {}

    @functools.cached_property
    def call(self) -> Call:
        """The function of a tuple of operands, results, workspace and ``np.ndarray``."""
        return self.library.calls[self.function.name]

    def __reduce__(self) -> Any:
        return Callee, (self.library, self.function, self.lines)


class Growing:
    """A call with memory for the rows of loops, which grows until it is enough."""

    def __init__(self, call: Call) -> None:
        self.call, self.room = call, ROOM
        self.free: list[np.ndarray] = []  # threads take them by pop(), one at a time

    def __call__(self, args: tuple[Any, ...]) -> int:
        try:
            rows = self.free.pop()
        except IndexError:
            rows = np.empty(self.room, np.uint8)
        while True:
            code = self.call((*args[:-1], rows, args[-1]))
            if code != CODES[TOO_MANY_STEPS]:
                break
            self.room = max(self.room, 4 * rows.size)
            rows = np.empty(self.room, np.uint8)
        if rows.size <= KEPT:
            self.free.append(rows)
        return code


@functools.lru_cache(1)
def _is_as_expected() -> bool:
    """Whether arrays, scalars and tuples hold their data where ``call`` looks for it."""
    array, pair = np.arange(6.0).reshape(2, 3), (object(), object())
    word = ctypes.c_ssize_t
    fields = [word.from_address(id(array) + HEADER + 8 * k).value for k in (0, 2, 3)]
    rank = ctypes.c_int.from_address(id(array) + HEADER + 8).value
    if fields[0] != array.ctypes.data or rank != 2:
        return False
    shape, strides = ([word.from_address(p + 8 * d).value for d in (0, 1)] for p in fields[1:])
    if (tuple(shape), tuple(strides)) != (array.shape, array.strides):
        return False
    if [word.from_address(id(pair) + ITEMS + 8 * k).value for k in (0, 1)] != list(map(id, pair)):
        return False
    if word.from_address(id(array) + 8).value != id(np.ndarray):
        return False
    samples = [2.5, np.float64(2.5), np.float32(2.5), np.int64(-7), np.uint8(200), np.bool_(True),
               np.complex64(1 - 2j), np.complex128(1 - 2j)]  # fmt: skip
    for x in samples:
        same = np.asarray(x)
        if ctypes.string_at(id(x) + HEADER, same.nbytes) != same.tobytes():
            return False
    return True


def recover(call: Call, code: int, args: tuple[Any, ...]) -> int:
    """Answer the code of a call: call again with copies, or raise; 1 if a value is not finite."""
    if code == STRIDED:
        args = tuple([_in_order(x) for x in args])
        code = call(args)
    if code == CODES["INDEX_OUT_OF_RANGE"]:
        raise IndexError("an index is out of bounds of its axis")
    if code == CODES["SINGULAR_MATRIX"]:
        raise np.linalg.LinAlgError("Singular matrix")
    if code == CODES["NOT_POSITIVE_DEFINITE"]:
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    return code


def _in_order(x: Any) -> Any:
    """An array in C order, aligned; results are so, and stay the same object."""
    if type(x) is not np.ndarray or not x.shape or (x.flags.c_contiguous and x.flags.aligned):
        return x
    return np.array(x, order="C")
