"""Export of a compiled function as files of C."""

import functools
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..c.literals import NotInCError
from ..c.programs import Parts, function_parts
from ..c.statements import RESERVED, STACKS
from ..compile.finite_checks import masked_program
from ..compile.names import label
from ..compile.passes import optimize
from ..core import tree
from ..core.errors import DtypeError, UnsupportedError, shown
from ..core.jaxpr import Jaxpr
from ..core.lazy import answering
from ..core.tree_code import Static
from ..transforms.abstract import ShapeDtypeStruct
from ..transforms.arguments import check_callable
from ..transforms.jit.api import Compiled, jit
from ..transforms.jit.backends import elementary
from ..transforms.jit.signature import Signature
from . import c99
from .files import write
from .precision import in_single, single


class Options(NamedTuple):
    """The options of :func:`c`, which documents them."""

    is_single: bool
    static: bool
    masked: bool
    stack: int


class Exported(NamedTuple):
    """The files of an exported function."""

    source: Path
    header: Path
    example: Path


@answering
def c(
    fun: Callable[..., Any],
    /,
    *args: Any,
    path: str | os.PathLike[str],
    dtype: Any = None,
    static: bool = False,
    masked: bool = False,
    stack: int = STACKS,
    **kwargs: Any,
) -> Exported:
    """Write a function as C99, with a header and an example, that need neither Python nor NumPy.

    ``build/step.c`` defines the function ``step``, ``build/step.h`` declares it, and
    ``build/example_main.c`` calls it on the arguments. It returns 0 or a code of the header,
    allocates nothing, and keeps no state. Leaves of trees are parameters, named in comments.

    Args:
        fun: a function as :func:`jit` takes it, or a compiled one.
        *args: arguments, or ShapeDtypeStructs for the arrays.
        path: the file ``NAME.c``; the others lie beside it.
        dtype: "float32" for a program in single precision; None keeps the dtypes.
        static: whether arrays are declared with their least sizes, ``x[static 3]``.
        masked: whether a second program, with masks, runs where a derivative is not finite, as in
            Python; without it such a call returns a code.
        stack: bytes of arrays on the stack, at most; others lie in the workspace.
        **kwargs: keyword arguments.

    Raises:
        UnsupportedError: for an operation that cannot be written in C, with its line.
        FileExistsError: if a file exists that is not ours, or that was changed.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = c(lambda x: np.sin(x) / x, 0.5, path=f"{folder}/sinc.c")
    ...     print(sorted(os.listdir(folder)))
    ['example_main.c', 'sinc.c', 'sinc.h']
    """
    check_callable("export.c", fun)
    target = Path(path)
    name = _name_of(target)
    if dtype is not None and np.dtype(dtype) != np.dtype("f4"):
        raise ValueError(f"export.c: dtype must be 'float32' or None: got {shown(dtype)}")
    compiled = fun if isinstance(fun, Compiled) else jit(fun)
    signature, operands = _staged(compiled, args, kwargs, dtype is not None)
    options = Options(dtype is not None, static, masked, stack)
    unit = _unit(signature, operands, name, options)
    files = Exported(target, target.with_suffix(".h"), target.with_name("example_main.c"))
    texts = c99.source(unit), c99.header(unit), c99.example(unit)
    write(dict(zip(files, texts, strict=True)))
    return files


def _name_of(path: Path) -> str:
    """The name of the function in a file."""
    if path.suffix != ".c":
        raise ValueError(f"export.c: path must end in .c: got {shown(os.fspath(path))}; add it")
    name = path.stem
    taken = name in RESERVED or name == "example_main"
    if taken or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"export.c: the file must have the name of a function in C: got {shown(path.name)}; "
            f"write {f'{label(name) or chr(102)}_1' if taken else label(name) or 'f'}.c"
        )
    return name


def _staged(compiled: Compiled[..., Any], args: Any, kwargs: Any, is_single: bool) -> Any:
    """The signature of a call, with its operands."""
    if is_single:
        with suppress(DtypeError):  # beside arrays of double precision that the function holds
            return compiled._signature(*tree.map(_in_single, (args, kwargs)))
    return compiled._signature(args, kwargs)


def _in_single(x: Any) -> Any:
    """An argument of double precision in single precision."""
    if isinstance(x, ShapeDtypeStruct):
        return ShapeDtypeStruct(x.shape, single(np.dtype(x.dtype)))
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc":
        return x.astype(single(x.dtype))
    return x


def _unit(signature: Signature, operands: list[Any], name: str, options: Options) -> c99.Unit:
    """The text of a program in its parts, with names, paths and values."""
    spec = signature.spec
    program = signature.whole()
    inputs = [spec.name_of(*place) for place in signature.inputs]
    paths = _result_paths(signature)
    outputs = [f"out_{label(path)}" if label(path) else "out" for path in paths]
    try:
        program = in_single(program) if options.is_single else program
        parts = _parts(program, name, inputs, outputs, options)
    except NotInCError as err:
        where = f" at {err.line}" if err.line else ""
        cure = "compute it outside of the exported function"
        if any(v.aval.weak and v.aval.dtype.kind == "i" for v in program.invars):
            cure = "pass integers as np.int64, for those of Python have no bounds"
        raise UnsupportedError(
            f"export.c: {signature.name} is not written in C: {err}{where}; {cure}"
        ) from None
    for x, aval in (*parts[0].ins, *parts[0].outs):
        if aval.dtype.kind == "c":  # a header with complex numbers is no C++
            raise UnsupportedError(f"export.c: {x} is {aval}; pass its real and imaginary parts")
    leaves = zip(signature.places, signature.key.leaves, strict=True)
    fixed = [f"{spec.name_of(*place)} = {shown(leaf.value)}"
             for place, leaf in leaves if isinstance(leaf, Static)]  # fmt: skip
    about = (getattr(spec.fun, "__doc__", None) or "").strip().partition("\n")[0]
    values = [None if isinstance(x, ShapeDtypeStruct) else x for x in operands]
    origin = signature.title.removesuffix(", compiled by funcgrad.")
    told = [*inputs, *[f"result{path}" for path in paths]]
    return c99.Unit(name, parts, origin, about, told, values, fixed, options.static)


def _result_paths(signature: Signature) -> list[str]:
    """The tree paths of the results."""
    out_tree = signature.out_tree
    numbered = tree.unflatten(out_tree, range(out_tree.num_leaves))
    return [tree.keystr(path) for path, _ in tree.leaves_with_path(numbered)]


def _parts(
    program: Jaxpr, name: str, inputs: list[str], outputs: list[str], options: Options
) -> tuple[Parts, ...]:
    """The function, or its two parts: the first returns a code where the second is to run."""
    fast = elementary(optimize(program))
    written = functools.partial(function_parts, inputs=inputs, outputs=outputs, stack=options.stack)
    part = written(fast, name)
    if not options.masked or "NOT_FINITE" not in part.codes:
        return (part,)
    second = elementary(optimize(masked_program(program)))
    part = written(fast, f"{name}_fast")
    return part, written(second, f"{name}_masked", taken=part.taken)
