"""A compiled program as a file that needs only NumPy: functions of this library are exported.

A function is exported as its source inside another function, whose parameters are its global and
free names, so that names do not collide.
"""

import ast
import base64
import builtins
import functools
import inspect
import math
import textwrap
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError, UnsupportedError
from ..core.jaxpr import NotFiniteError
from ..core.registry import primitives
from ..core.trace import Primitive
from .names import label
from .program import Fallback
from .source import QUIETS, Source
from .text import keywords, literal
from .threads import share

_HEAD = "import base64\nimport functools\nimport types\n\nimport numpy"


class Exporter:
    """The definitions of exported values, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.kept: list[Any] = []  # objects whose ids are keys of ``names``
        self.modules: set[str] = set()
        self.filled: set[tuple[str, str]] = set()

    def expression(self, value: Any) -> str:
        """A value as an expression; its definitions are added.

        Raises:
            UnsupportedError: if the value has no source.
        """
        if id(value) in self.names:
            return self.names[id(value)]
        if isinstance(value, Fallback):
            return self.program(value)
        if value is NotFiniteError:
            name = self.define(value, value.__name__)
            self.lines.append(f"class {name}(Exception):\n    pass\n")
            return name
        if isinstance(value, types.ModuleType):
            return self.module(value)
        if isinstance(value, np.dtype):
            return f"numpy.dtype({value.str!r})"
        if isinstance(value, np.generic):
            return f"{array_text(np.asarray(value))}[()]"
        if isinstance(value, np.ndarray):
            return array_text(value)
        if isinstance(value, (np.ufunc, type(np.sum), types.BuiltinFunctionType, type)):
            return self.of_module(value)
        if type(value) in (tuple, list, dict):
            return self.container(value)
        if isinstance(value, tuple) and hasattr(value, "_asdict"):  # a NamedTuple
            return self.namespace(value, type(value).__name__, value._asdict())
        if type(value) in (set, frozenset):
            return f"{type(value).__name__}({self.container(sorted(value, key=repr))})"
        if isinstance(value, functools.partial):
            parts = [self.expression(x) for x in (value.func, *value.args)]
            parts += keywords({k: self.expression(v) for k, v in value.keywords.items()})
            return f"functools.partial({', '.join(parts)})"
        if isinstance(value, types.MethodType):
            return self.method(value)
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if hasattr(value, "__wrapped__"):
            return self.expression(value.__wrapped__)
        try:
            return literal(value)
        except FuncgradError:
            raise unsupported(value) from None

    def program(self, fallback: Fallback) -> str:
        """Define the function of the program on which this one falls back."""
        source = fallback.ready().source
        name = self.define(fallback, "masked")
        lines = [*self.around_body(source), source.body, _QUIET]
        body = textwrap.indent("\n\n".join(part.strip("\n") for part in lines), "    ")
        self.lines.append(f"def {name}_in():\n{body}\n\n{name} = {name}_in()\n")
        return name

    def around_body(self, source: Source) -> list[str]:
        """The lines that define the constants and functions that the body of a program names."""
        found = [getattr(primitives[prim], part) for _, prim, part in source.parts]
        names = [name for name, _, _ in source.parts]
        if source.shares:
            found, names = [*found, share], [*names, "share"]
        lines = [f"constants = {self.container(list(source.constants))}"]
        lines += [_SETTINGS] if QUIETS in source.body else []
        return [*lines, f"{', '.join(names)}, = {self.container(found)}"] if names else lines

    def module(self, module: types.ModuleType) -> str:
        """Import a module, or define the functions of one of this library."""
        if module.__name__.partition(".")[0] != __name__.partition(".")[0]:
            self.modules.add(module.__name__)
            return module.__name__
        own = {
            k: v
            for k, v in vars(module).items()
            if isinstance(v, types.FunctionType) and v.__module__ == module.__name__
        }
        return self.namespace(module, module.__name__.rpartition(".")[2], own)

    def namespace(self, value: Any, hint: str, attributes: Mapping[str, Any]) -> str:
        """The name of an object with these attributes, and perhaps more."""
        name = self.names.get(id(value))
        if name is None:
            name = self.define(value, hint)
            self.lines.append(f"{name} = types.SimpleNamespace()\n")
        for attribute, x in attributes.items():
            if (name, attribute) not in self.filled:
                self.filled.add((name, attribute))
                self.lines.append(f"{name}.{attribute} = {self.expression(x)}\n")
        return name

    def of_module(self, value: Any) -> str:
        """The name of an object of NumPy or of the standard library."""
        name = value.__name__
        for module in (np, np.linalg, np.lib.stride_tricks, math):
            if getattr(module, name, None) is value:
                return f"{self.module(module)}.{name}"
        if getattr(value, "__module__", "") == "builtins":
            return name
        raise unsupported(value)

    def container(self, value: Any) -> str:
        if isinstance(value, dict):
            rows = (f"{self.expression(k)}: {self.expression(v)}" for k, v in value.items())
            return f"{{{', '.join(rows)}}}"
        inner = ", ".join(map(self.expression, value))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner}{',' if len(value) == 1 else ''})"

    def define(self, value: Any, hint: str) -> str:
        """A new name for a value."""
        base = label(hint) or "value"
        name, count = f"_{base}", 2
        while name in self.names.values():
            name, count = f"_{base}_{count}", count + 1
        self.names[id(value)] = name
        self.kept.append(value)
        return name

    def function(self, function: types.FunctionType) -> str:
        """Define a function inside another, whose parameters are its global and free names."""
        text, is_lambda = source_text(function)
        used = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
        around = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        own = set(function.__code__.co_varnames) - set(function.__code__.co_freevars)
        names = {
            k: self.around(text, k, around[k])
            for k in sorted(used - own)
            if k in around and around[k] is not function
        }
        name = self.define(function, function.__name__)
        head = [f"def {name}_in({', '.join(names)}):"]
        if is_lambda:
            head.append(f"    return {text}")
        else:
            head += [textwrap.indent(text, "    "), f"    return {function.__name__}"]
        call = f"{name} = {name}_in({', '.join(names.values())})"
        self.lines.append("\n".join([*head, "", call, ""]))
        return name

    def around(self, text: str, name: str, value: Any) -> str:
        """The expression of a global or free name; of a primitive, only the attributes read."""
        if not isinstance(value, Primitive):
            return self.expression(value)
        parts = {a: getattr(value, a) for a in sorted(_attributes(text, name))}
        if not parts:
            raise unsupported(value)
        return self.namespace(value, value.name, parts)

    def method(self, method: types.MethodType) -> str:
        """Define a method as a function of the attributes of its object."""
        function, instance = method.__func__, method.__self__
        assert isinstance(function, types.FunctionType)
        first = function.__code__.co_varnames[0]
        names = sorted(_attributes(source_text(function)[0], first))
        parts = {a: getattr(instance, a) for a in names if hasattr(instance, a)}
        owner = self.namespace(instance, getattr(instance, "name", "owner"), parts)
        return f"functools.partial({self.expression(function)}, {owner})"


def unsupported(value: Any) -> UnsupportedError:
    words = f"the primitive {value}" if isinstance(value, Primitive) else repr(value)
    return UnsupportedError(
        f"source: a standalone file cannot hold {words}: it has no source that needs only NumPy; "
        f"leave standalone out"
    )


def _attributes(text: str, name: str) -> set[str]:
    """The attributes of a name that a function reads."""
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


class _Bare(ast.NodeTransformer):
    """Removes annotations and docstrings."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return ast.Assign([node.target], node.value, lineno=node.lineno)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns = None
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            node.body = node.body[1:]
        return self.generic_visit(node)


def source_text(function: types.FunctionType) -> tuple[str, bool]:
    """The source of a function without decorators, and whether it is a lambda."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise unsupported(function) from None
    if function.__name__ != "<lambda>":
        definition = ast.parse(text).body[0]
        assert isinstance(definition, ast.FunctionDef)
        definition.decorator_list = []
        return ast.unparse(_Bare().visit(definition)), False
    lines, _ = inspect.findsource(function)
    wanted = (function.__code__.co_firstlineno, function.__code__.co_varnames)
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.Lambda) and node.lineno == wanted[0]:
            names = tuple(a.arg for a in node.args.args)
            if names == wanted[1][: len(names)]:
                return ast.unparse(node), True
    raise unsupported(function)


def array_text(x: np.ndarray) -> str:
    """An array as an expression: its elements if they are few, else its bytes."""
    plain = x.dtype.kind in "biu" or (x.dtype.kind == "f" and x.dtype.itemsize <= 8)
    if x.size <= 16 and plain and np.isfinite(x).all():
        return f"numpy.array({x.tolist()!r}, {x.dtype.str!r}).reshape({x.shape!r})"
    data = base64.b85encode(np.ascontiguousarray(x).tobytes()).decode()
    return (
        f"numpy.frombuffer(base64.b85decode({data!r}), {x.dtype.str!r}).reshape({x.shape!r}).copy()"
    )


def _row(name: str, aval: Aval) -> tuple[str, Any, str]:
    """The name, shape and dtype of a leaf; for a Python scalar its name, None and type."""
    if aval.weak:
        return name, None, type(aval.dtype.type(0).item()).__name__
    return name, aval.shape, str(aval.dtype)


_QUIET = """
def run(*args):
    with numpy.errstate(all="ignore"):  # the program without masks has warned
        return main(*args)

return run
"""
_SETTINGS = """
quiet = {"all": "ignore"}
settings = types.SimpleNamespace(get=numpy.geterr, set=lambda state: numpy.seterr(**state))
"""
_RUN = """
def run(leaves, statics):
    for (name, shape, dtype), x in zip(wanted, leaves):
        if shape is None:  # a Python scalar
            fits = type(x).__name__ == dtype
        else:
            fits = getattr(x, "shape", None) == shape and str(x.dtype) == dtype
        if not fits:
            got = f"{getattr(x, 'dtype', type(x).__name__)} of shape {numpy.shape(x)}"
            raise TypeError(f"{name} must be {dtype} of shape {shape or ()}: got {got}")
    for (name, value), x in zip(fixed, statics):
        if x is not value and (type(x) is not type(value) or repr(x) != repr(value)):
            raise ValueError(f"{name} is fixed: this file is for {value!r}: got {x!r}")
    return main(*given, *leaves)
"""


def standalone(
    source: Source,
    values: Sequence[Any],
    wanted: Sequence[tuple[str, Aval]],
    fixed: Sequence[tuple[str, str]],
    name: str,
    wrapper: Sequence[str],
) -> str:
    """Write a program as a module that imports only NumPy.

    The program is one function, so that its names do not collide with the user's.

    Args:
        source: the program.
        values: arrays that are its first arguments.
        wanted: the name and aval of each leaf that follows.
        fixed: the name and expression of each static argument, which is compared.
        name: the name of the function that the wrapper defines; it may be a builtin's.
        wrapper: the lines of a function of the user's arguments, which calls ``_run``.

    Raises:
        UnsupportedError: if a function that it calls has no source to export.
    """
    exporter = Exporter()
    around = exporter.around_body(source)
    given = exporter.container(list(values))
    modules = "".join(f"\nimport {name}" for name in sorted(exporter.modules - {"numpy"}))
    shadowed = f"\nfrom builtins import {name}" if hasattr(builtins, name) else ""
    inner = [_HEAD + modules + shadowed, *exporter.lines]
    inner += [*around, f"given = {given}"]
    inner += [f"wanted = {literal(tuple([_row(*pair) for pair in wanted]))}"]
    inner += [f"fixed = ({''.join(f'({literal(name)}, {text}), ' for name, text in fixed)})"]
    inner += [source.body, _RUN, "return run"]
    body = textwrap.indent("\n\n".join(part.strip("\n") for part in inner), "    ")
    program = f"def _program():\n{body}"
    return "\n\n\n".join([f'"""{source.title}"""', program, "\n".join(wrapper)]) + "\n"
