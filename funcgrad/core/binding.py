"""Errors for calls whose arguments do not fit the parameters of a public function."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from .avals import aval_of
from .errors import FuncgradError, shown
from .registry import load

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@functools.lru_cache(1)
def _rows() -> dict[str, list[tuple[str, str]]]:
    """Keywords of other libraries: names of ours, each with the words of the cure."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in filter(None, load("funcgrad.peers").KEYWORDS.splitlines()):
        theirs, ours, *words = line.split(None, 2)
        found.setdefault(theirs, []).append((ours, words[0] if words else ours))
    return found


def keyword(name: str, known: Iterable[str]) -> str | None:
    """The cure for a keyword that is not known: ours for that of another library, or a near one."""
    known = list(known)
    for ours, words in _rows().get(name, []):
        if ours in known:
            return f"use {words}"
    near = get_close_matches(name, known, 1, 0.7)
    return f"use {near[0]}" if near else None


def check_keywords(who: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise the error that names our keyword, if one is that of another library."""
    known = list(known)
    for name in given:
        if name not in known and (cure := keyword(name, known)):
            raise TypeError(f"{who}: unexpected keyword argument {name!r}; {cure}") from None


def check_options(who: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise the error for keywords of which none is known."""
    known = list(known)
    check_keywords(who, given, known)
    for name in given:
        if name not in known:
            raise TypeError(
                f"{who}: unexpected keyword argument {name!r}; use one of {', '.join(known)}"
            )


def check_method(function: Any, given: Iterable[str]) -> None:
    """The same for a method of an array that calls a function of NumPy."""
    try:
        known = inspect.signature(function).parameters
    except ValueError:  # of a function in C
        return
    check_keywords(f"ndarray.{function.__name__}", given, known)


def note_operands(err: Exception, who: str, args: Iterable[Any]) -> None:
    """Add the operands to an error that has NumPy's words."""
    if isinstance(err, FuncgradError) or hasattr(err, "__notes__"):
        return
    flat = [x for a in args for x in (a if isinstance(a, (list, tuple)) else [a])]
    avals = [str(aval_of(x)) for x in flat if hasattr(x, "dtype")]
    err.add_note(f"{who}: got {', '.join(avals)}")


def unbound(
    who: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> TypeError:
    """The error for a call whose arguments do not bind, with the call as it should be.

    Args:
        who: the name of the function or class.
        function: the function, or ``__init__`` or ``__call__`` of a class, whose ``self`` is in
            ``args``.
    """
    parameters = dict(inspect.signature(function).parameters)
    if function.__name__ in ("__init__", "__call__"):
        parameters.pop(next(iter(parameters)))
        args = args[1:]
    return TypeError(f"{who}: {_complaint(who, parameters, args, kwargs)}")


def _complaint(
    who: str, parameters: dict[str, Parameter], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    written = f"{who}({', '.join(_shown(p) for p in parameters.values())})"
    for name in kwargs.keys() - parameters.keys():
        cure = keyword(name, parameters) or f"write {written}"
        return f"unexpected keyword argument {name!r}; {cure}"
    positional = [n for n, p in parameters.items() if p.kind in _POSITIONAL]
    if len(args) > len(positional):
        return f"{len(positional)} positional arguments at most: got {len(args)}; write {written}"
    twice = [n for n in positional[: len(args)] if n in kwargs]
    if twice:
        return f"the argument {twice[0]!r} was given twice, by place and by name; write {written}"
    given = {*positional[: len(args)], *kwargs}
    lacks = [n for n, p in parameters.items() if p.default is p.empty and n not in given]
    got = ", ".join([*map(shown, args), *(f"{n}={shown(x)}" for n, x in kwargs.items())])
    needed = ", ".join(n for n, p in parameters.items() if p.default is p.empty)
    return (
        f"the argument {lacks[0] if lacks else '?'!r} is missing: got {who}({got}); "
        f"write {who}({needed})"
    )


def _shown(p: Parameter) -> str:
    """A parameter without its annotation; a function as default by its name."""
    plain = p.replace(annotation=p.empty, default=p.empty)
    default = (
        ""
        if p.default is p.empty
        else f"={getattr(p.default, '__name__', None) or shown(p.default)}"
    )
    return f"{plain}{default}"
