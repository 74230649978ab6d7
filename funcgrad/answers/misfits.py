"""Arguments that do not fit the parameters of a function, found after a call of it has failed.

A parameter says what it takes by its annotation; one annotated Any takes numbers, unless its entry
in the docstring says otherwise.
"""

import re
import types
import typing
from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from difflib import get_close_matches
from inspect import Parameter
from os import PathLike
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_arraylike
from ..core.errors import FuncgradError, short, shown
from ..core.registry import load
from ..core.tree import handler_of


class ArgumentError(FuncgradError, TypeError, ValueError):
    """An argument of another kind than the function takes.

    >>> from funcgrad import nn
    >>> nn.softmax("text")
    Traceback (most recent call last):
    funcgrad.answers.misfits.ArgumentError: softmax: x must hold numbers: got 'text'; give an array

    The message names the argument. The fix is a value of the kind that it names.
    """


_CONTAINERS = (list, tuple, dict, set, range)
_WORDS: dict[Any, str] = {
    int: "an integer", float: "a number", complex: "a number", bool: "True or False",
    str: "a string", types.NoneType: "None", np.ndarray: "an array", PathLike: "a path",
    Callable: "a function", Sequence: "a sequence", Collection: "a sequence",
    Iterable: "a sequence", tuple: "a tuple", list: "a list", Mapping: "a dict", dict: "a dict",
}  # fmt: skip


def misfit(
    who: str,
    parameters: Mapping[str, Parameter],
    given: Mapping[str, Any],
    doc: str,
    is_raw: bool = True,
    required: bool = False,
    named: Container[str] = (),
) -> str | None:
    """What is wrong with the first argument that does not fit, what came and the cure; or None.

    Args:
        who: the name of the function.
        parameters: those of the function.
        given: the arguments by name.
        doc: the docstring.
        is_raw: whether None and texts count for parameters annotated Any.
        required: whether these parameters count only if they have no default.
        named: the arguments that were given by name, which stand in no wrong place.
    """
    for name, x in given.items():
        p = parameters[name]
        if p.kind is p.VAR_POSITIONAL and (found := _path_among(x, parameters, given)):
            return found
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or x is p.default:
            continue
        takes = p.annotation
        if takes is Any and type(p.default) in (int, float, bool) and _is_plain(x):
            takes = type(p.default)
        if takes in (Any, p.empty, object):
            judged = (is_raw or _kind(x)) and not (required and p.default is not p.empty)
            if name.endswith("dtype"):
                if _is_dtype(x):
                    continue
                end = f"write {name}=np.float32" if isinstance(x, str) else "name what follows it"
                return f"{name} must be a dtype: got {x!r}; {end}"
            if judged and not may_hold_numbers(x, p, entry(name, doc)):
                is_word = isinstance(x, str) and not _number(x)
                end = _described(name, doc) if is_word and "array" not in entry(name, doc) else ""
                return f"{name} must hold numbers: got {told(x)}{end or f'; {_cure(x)}'}"
        elif not fits(x, takes):
            wanted = " or ".join(dict.fromkeys(_words(takes)))
            cure = _cure_for(wanted, x) or _moved(who, name, parameters, given, name in named)
            cure = cure or _described(name, doc)
            if not cure and isinstance(takes, type) and takes.__module__ != "builtins":
                needed = [n for n, p in parameters.items() if p.default is p.empty]
                cure = f"; write {who}({', '.join(needed)})"
            return f"{name} must be {wanted}: got {told(x)}{cure}"
    return None


def _path_among(
    xs: Sequence[Any], parameters: Mapping[str, Parameter], given: Mapping[str, Any]
) -> str | None:
    """The complaint about a path among the arguments of a function, which has a name for it."""
    paths = [x for x in xs if isinstance(x, (str, PathLike))]
    if paths and "path" in parameters and "path" not in given:
        return f"path must be given by its name: got {shown(paths[0])}; write path={paths[0]!r}"
    return None


def described(words: str, given: Mapping[str, Any], doc: str) -> str:
    """The clause of the docstring about the argument that a message without a cure is about."""
    about = re.match(r"[\w.]+: (\w+) must .*: got [^;]*$", words, re.S)
    return _described(about[1], doc)[2:] if about and about[1] in given else ""


def _is_dtype(x: Any) -> bool:
    """Whether a value may be a dtype; True where it is no text and no number."""
    try:
        return not isinstance(x, (str, float)) or np.dtype(str(x)) is not None
    except TypeError:
        return False


def _described(name: str, doc: str) -> str:
    """The end of a message with the first clause of the docstring about an argument."""
    clause = re.split(r"[.;:](?:\s|$)|, (?:or|by default|unless|which|such)\b", entry(name, doc))[0]
    text = " ".join(clause.replace("`", "").split())
    return f"; give {name} as documented: {text}" if 0 < len(text) < 100 else ""


def _moved(
    who: str,
    name: str,
    parameters: Mapping[str, Parameter],
    given: Mapping[str, Any],
    named: bool = False,
) -> str:
    """The end of a message where the argument, or another one, stands in the wrong place."""
    x, wants_function = given[name], "a function" in _words(parameters[name].annotation)
    if isinstance(x, str) and wants_function:
        return f"; write {'nn.' + x if x in dir(load('funcgrad.nn')) else 'lambda x: ...'}"
    if wants_function and any(callable(y) and not isinstance(y, type) for y in given.values()):
        for other, y in given.items():
            if callable(y) and "a function" not in _words(parameters[other].annotation):
                order = [n for n, p in parameters.items() if p.default is p.empty]
                return f"; write {who}({', '.join(order)})"
    if not named and (isinstance(x, str) or (callable(x) and not isinstance(x, type))):
        text = x if isinstance(x, str) else getattr(x, "__name__", "f")
        for other, p in parameters.items():
            open_ended = p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            if other in given or open_ended or p.annotation in (Any, p.empty, object):
                continue
            if isinstance(x, str) and text in dir(load("funcgrad.nn")):
                if "a function" in _words(p.annotation):
                    return f"; write {other}=nn.{text}"
            elif fits(x, p.annotation):
                return f"; write {other}={repr(x) if isinstance(x, str) else text}"
    return _of_function(x) if wants_function else ""


def no_function(who: str, x: Any) -> ArgumentError:
    """The error for a value that should be a function; ``answered`` says which argument it is."""
    return ArgumentError(f"{who}: it takes a function: got {told(x)}{_of_function(x)}")


def _of_function(x: Any) -> str:
    """The end of a message for a value that is no function."""
    if x is None:
        return "; return the function from the one that makes it"
    if isinstance(x, type):
        return f"; write {x.__name__}(...)"
    return "; pass the function itself: f, not f(x)"


def _cure_for(wanted: str, x: Any) -> str:
    """The end of a message where one call gives what is wanted."""
    if type(x) is str and wanted.startswith(("an integer", "a number")) and _number(x):
        return f"; {_cure(x)}"
    if wanted.startswith("an Initializer"):
        return _of_initializer(x)
    if wanted.startswith("a tuple of integers") and type(x) is int:
        return f"; write ({x},)"
    return "; write [x]" if wanted.startswith("a sequence") else ""


def _of_initializer(x: Any) -> str:
    """The end of a message for a value where an initializer is wanted."""
    names = dir(load("funcgrad.nn").init)
    text = x.lower() if isinstance(x, str) else ""
    begins = [name for name in names if text and name.startswith(text)]
    near = begins or get_close_matches(text, names, 1, 0.5)
    if isinstance(x, (int, float)):
        return f"; write nn.init.constant({x!r})"
    return f"; write nn.init.{near[0]}()" if near else "; write nn.init.normal()"


def told(x: Any) -> str:
    """A value in a message: the aval of an array, the start of another one."""
    return str(aval_of(x)) if hasattr(x, "dtype") and _kind(x) else short(shown(x), 100)


def _kind(x: Any) -> str:
    """The kind of the dtype of an array or a scalar, "" of what is neither."""
    try:
        return dtype_of(x).kind if isinstance(x, np.ndarray) or is_arraylike(x) else ""
    except FuncgradError:
        return ""


def _cure(x: Any) -> str:
    if type(x) is str and (number := _number(x)):
        return f"write {number}({x!r})"
    if x is None:
        return "return it from its function"
    if type(x).__name__ == "Key":
        return "draw numbers by it: random.normal(key, shape)"
    if _kind(x):
        return "convert it by astype(float)"
    return "give an array"


def _number(text: str) -> str:
    """The class that reads a number from a text, "" if it is none."""
    for kind in (int, float):
        try:
            return (kind(text) is not None and kind.__name__) or ""
        except ValueError:
            continue
    return ""


def entry(name: str, doc: str) -> str:
    """What the docstring says of an argument."""
    found = re.search(rf"^ +\*?(?:\w+, )*{name}(?:, \w+)*: (.*(?:\n {{8}}.*)*)", doc, re.M)
    return found[1] if found else ""


def may_hold_numbers(x: Any, p: Parameter, entry: str) -> bool:
    """Whether an argument of a parameter annotated Any may be what the function takes."""
    if x is None:
        return "None" in entry
    if isinstance(x, (str, bytes)):
        if p.name in ("path", "name", "directory", "source"):
            return True
        takes = re.search('"|string|text|file|path|name', entry)
        return isinstance(p.default, str) or takes is not None
    if kind := _kind(x):
        return kind in "biufcmMV"
    if type(x).__name__ == "Key" and "key" not in p.name:
        return False
    if isinstance(x, (list, tuple)):
        return not any(isinstance(one, str) for one in x)
    return callable(x) or isinstance(x, (*_CONTAINERS, PathLike)) or handler_of(x) is not None


def fits(x: Any, takes: Any) -> bool:
    """Whether a value fits an annotation; True where that is not known."""
    origin, parts = typing.get_origin(takes), typing.get_args(takes)
    if origin in (typing.Union, types.UnionType):
        return any(fits(x, part) for part in parts)
    if origin is typing.Literal:
        return any(x is part or x == part for part in parts if type(x) is type(part))
    if takes is Any:
        return True
    if takes is None or takes is types.NoneType:
        return x is None
    if takes in (int, float, complex, bool):
        return _is_scalar(x, takes)
    kind = origin or takes
    if kind in (np.ndarray, np.generic):
        return bool(_kind(x)) or isinstance(x, (list, tuple))
    if kind is Callable:
        return callable(x) and not (isinstance(x, type) and hasattr(x, "__params__"))  # a layer
    if kind in (Sequence, Collection, Iterable, Container, tuple, list):
        return _is_sequence(x, kind, parts)
    if getattr(kind, "_is_protocol", False):
        return callable(x) if "__call__" in vars(kind) else not _is_plain(x)
    return not isinstance(kind, type) or isinstance(x, kind)


def _is_plain(x: Any) -> bool:
    """Whether a value is neither an array, nor a container, nor a function."""
    return not (isinstance(x, _CONTAINERS) or callable(x) or _kind(x))


_KINDS = {bool: "b", int: "biu", float: "biuf", complex: "biufc"}  # of dtypes


def _is_scalar(x: Any, kind: type) -> bool:
    if type(x) is int and kind is bool:
        return x in (0, 1)
    if type(x) is float and kind is int:
        return x.is_integer()
    if array_kind := _kind(x):
        return array_kind in _KINDS[kind]
    return hasattr(x, "__index__" if kind in (bool, int) else "__float__")


def _is_sequence(x: Any, kind: Any, parts: tuple[Any, ...]) -> bool:
    if isinstance(x, (str, bytes)) or not isinstance(x, Iterable):
        return False
    if kind is tuple and parts and Ellipsis not in parts:
        return isinstance(x, (tuple, list)) and len(x) == len(parts)
    element = parts[0] if parts else Any
    return element not in (int, str) or not isinstance(x, (list, tuple)) or all(
        fits(one, element) for one in x
    )  # fmt: skip


def _words(takes: Any) -> Iterator[str]:
    """The words for the kinds of value that an annotation names."""
    origin, parts = typing.get_origin(takes), typing.get_args(takes)
    if origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from _words(part)
    elif origin is typing.Literal:
        yield from map(repr, parts)
    elif takes is None:
        yield "None"
    elif origin in (Sequence, tuple, Iterable, Collection) and parts and parts[0] in (int, str):
        yield f"a tuple of {'integers' if parts[0] is int else 'strings'}"
    elif (kind := origin or takes) in _WORDS:
        yield _WORDS[kind]
    elif kind is not np.generic:
        name = getattr(kind, "__name__", str(kind))
        yield f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
