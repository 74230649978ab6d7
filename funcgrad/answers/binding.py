"""Errors for calls whose arguments do not fit the parameters of a public function."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from ..core.avals import aval_of
from ..core.errors import ConversionError, FuncgradError, shown
from ..core.frames import is_user
from ..core.lazy import is_inside_call
from ..core.registry import load
from .cures import cure
from .hints import CALLED, annotate, cure_of, parameters_of, qualname
from .misfits import ArgumentError, described, entry, fits, may_hold_numbers, misfit, told

_HEAD = re.compile(r"([\w.]+)(?:\(.*?\))?: ")  # of a message of ours
_ABOUT = re.compile(r"[\w.]+(?:\(.*?\))?: (\w+)( must .*?: got )(.*?)(?:;|$)")
_OF_NUMBERS = re.compile(
    r"\b(arrays?|ints?|integers?|floats?|scalars?|numbers?|bool(ean)?s?|masks?)\b"
)
_EXPLAINED = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, AssertionError)
_FROM_SEED = ", with key = funcgrad.random.key(0)"
_ANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
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
    err.add_note(f"{who}: got {', '.join(avals)}{_cure_of_numpy(str(err))}")


def _cure_of_numpy(words: str) -> str:
    """The end of a note on an error that has NumPy's words."""
    cure = "" if ";" in words else cure_of(words)
    return f"; {cure}" if cure else ""


def answered(
    err: Exception, who: str, function: Callable[..., Any], args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Exception:  # fmt: skip
    """The error for one that a public function has raised: it names that function and what came.

    Errors of user code stay as they are, and those that name the function.
    """
    if type(err) is TypeError and not is_inside_call(err):
        return unbound(who, function, args, kwargs)
    who = _of_instance(who, args)
    words = str(err)
    head = _HEAD.match(words)
    names_it = head and not {*who.split(".")}.isdisjoint(head[1].split("."))
    inner = isinstance(err, ArgumentError)  # of a function of the same name, perhaps
    if isinstance(err, FileNotFoundError) and err.filename and ";" not in words:
        err.add_note(f"{who}: got {shown(err.filename)}; make its folder first, by os.makedirs")
    if not isinstance(err, _EXPLAINED) or isinstance(err, (ConversionError, Warning)):
        return err
    if is_user(err.__traceback__):
        annotate(err)
        return err
    try:
        parameters, given = _bound(function, args, kwargs)
    except TypeError:  # a method that was called with the arguments
        return err if names_it and not inner else unbound(who, function, args, kwargs)
    is_init = function.__name__ == "__init__" and args
    doc = inspect.getdoc(type(args[0]) if is_init else function) or ""
    if unfit := _miscalled(err, who, given, doc):
        return unfit
    if names_it and not inner:
        return _completed(err, given, parameters, doc)
    # None and texts are judged where NumPy or Python refused: our own messages know better
    is_ours = isinstance(err, FuncgradError) or (head is not None and ": got " in words)
    is_raw = inner or not is_ours or head is None  # of deep code, which does not name a function
    found = misfit(who, parameters, given, doc, is_raw, named=kwargs)
    named = found and is_ours and not inner
    if found and not (named and re.search(rf"\b{found.split()[0]}\b", words)):
        return _completed(ArgumentError(f"{who}: {found}"), given, parameters, doc)
    if renamed := _renamed(words, who, given):
        err.args = (renamed,)
    elif not names_it:
        _note(err, who, given)
    return _completed(err, given, parameters, doc) if names_it or renamed else err


def _of_instance(who: str, args: Sequence[Any]) -> str:
    """The name of a method with that of its object: of a distribution its name, else its class."""
    owner, _, method = who.rpartition(".")
    if not owner or not args or owner not in [c.__name__ for c in type(args[0]).__mro__]:
        return who
    name = vars(args[0]).get("name") if hasattr(args[0], "__dict__") else None
    is_name = isinstance(name, str) and name.isidentifier()
    return f"{name if is_name else type(args[0]).__name__}.{method}"


def _completed(
    err: Exception, given: Mapping[str, Any], parameters: Mapping[str, Parameter], doc: str
) -> Exception:
    """An error of ours, with a cure where its message has none."""
    words = err.args[0] if err.args else None
    if type(words) is not str or hasattr(err, "__notes__"):
        return err
    try:
        found = cure(words, given, parameters) or described(words, given, doc)
    except Exception:  # of an odd argument; it must not hide the error
        return err
    if found:
        err.args = (f"{words}; {found}", *err.args[1:])
    return err


def _miscalled(err: Exception, who: str, given: Mapping[str, Any], doc: str) -> TypeError | None:
    """The error for an argument that is a function, and does not take the arguments of its call."""
    words = getattr(err, "unmet", str(err))
    called = CALLED.match(words) if type(err) is TypeError else None
    names = [n for n, f in given.items() if called and qualname(f) == called[1]]
    if not names:
        return None
    if takes := re.search(r"takes (\d+) positional", words):  # of several of one name, as lambdas
        count = lambda n: getattr(getattr(given[n], "__code__", None), "co_argcount", -1)
        names = [n for n in names if count(n) == int(takes[1])] or names
    form = re.search(rf"``(?:{names[0]}|f|fun|func|rule|\w+_fun)(\(.*?\))", entry(names[0], doc))
    each = f"give one for each of its parameters, {parameters_of(given[names[0]])}"
    told: Any = TypeError(
        f"{who}: {names[0]} does not take the arguments of its call: got {words}; "
        f"{f'write {names[0]}{form[1]}' if form else each}"
    )
    told.unmet = words  # for a function around this one
    return told  # type: ignore[no-any-return]


def _renamed(words: str, who: str, given: Mapping[str, Any]) -> str | None:
    """The message of an inner function for the one argument that it is about, or None."""
    found = _ABOUT.match(words)
    names = [name for name, x in given.items() if found and told(x) == found[3]]
    if found is None or "must be a function" in words or not (found[1] in names or len(names) == 1):
        return None
    name = found[1] if found[1] in names else names[0]
    return f"{who}: {name}{words[found.end(1) :].replace(f'write {found[1]}=', f'write {name}=')}"


def check_arguments(
    who: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Raise unless the arguments fit the annotations of a function that has taken them."""
    parameters, given = _bound(function, args, kwargs)
    if found := misfit(who, parameters, given, "", required=True):
        raise _completed(ArgumentError(f"{who}: {found}"), given, parameters, "")


def check_given(
    who: str, function: Callable[..., Any], given: Mapping[str, Any], documented: Any
) -> None:
    """Raise unless some of the arguments of a call fit their annotations.

    ``documented``: the function, or the class that it initializes.
    """
    parameters, doc = inspect.signature(function).parameters, inspect.getdoc(documented) or ""
    if found := misfit(who, parameters, given, doc, named=given):
        raise _completed(ArgumentError(f"{who}: {found}"), given, parameters, doc)


def takes_text(function: Callable[..., Any], name: str, documented: Any) -> bool:
    """Whether a parameter takes texts: one annotated Any, unless its docstring is of numbers."""
    parameter = inspect.signature(function).parameters.get(name)
    if parameter is None:
        return True
    if parameter.annotation not in (Any, Parameter.empty, object):
        return fits("text", parameter.annotation)
    words = entry(name, inspect.getdoc(documented) or "")
    if may_hold_numbers("text", parameter, words):
        return True
    has_scalar = name.endswith("dtype") or type(parameter.default) in (int, float)
    return not (has_scalar or name == "where" or _OF_NUMBERS.search(words))


def _bound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Mapping[str, Parameter], dict[str, Any]]:
    """The parameters of a function, and the arguments by name, without ``self``."""
    signature = inspect.signature(function)
    given = signature.bind(*args, **kwargs).arguments
    given.pop("self", None)
    return signature.parameters, given


def _note(err: Any, who: str, given: Mapping[str, Any]) -> None:
    """Add the call to an error; the outermost function, which the user called, counts."""
    notes = getattr(err, "__notes__", [])
    if notes and getattr(err, "asked", None) != notes[-1]:
        return
    del notes[-1:]
    got = ", ".join(f"{n}={told(x)}" for n, x in given.items())
    note = f"{who}: got {got}{_cure_of_numpy(str(err))}"
    err.asked = note
    err.add_note(note)


def unbound(
    who: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> TypeError:
    """The error for a call whose arguments do not bind, with the call as it should be.

    Args:
        who: the name of the function or class.
        function: the function, or a method, whose ``self`` is in ``args``.
    """
    parameters = dict(inspect.signature(function).parameters)
    if next(iter(parameters), "") == "self":
        parameters.pop("self")
        who, args = _of_instance(who, args), args[1:]
    return TypeError(f"{who}: {_complaint(who, parameters, args, kwargs)}")


def _complaint(
    who: str, parameters: dict[str, Parameter], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    written = f"{who}({', '.join(_shown(p) for p in parameters.values())})"
    for name in kwargs.keys() - parameters.keys():
        cure = keyword(name, parameters) or f"write {written}"
        return f"unexpected keyword argument {name!r}; {cure}"
    positional = [n for n, p in parameters.items() if p.kind in _POSITIONAL]
    is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    if len(args) > len(positional) and not is_open:
        return f"{len(positional)} positional arguments at most: got {len(args)}; write {written}"
    twice = [n for n in positional[: len(args)] if n in kwargs]
    if twice:
        return f"the argument {twice[0]!r} was given twice, by place and by name; write {written}"
    given = {*positional[: len(args)], *kwargs}
    wanted = [n for n, p in parameters.items() if p.default is p.empty and p.kind not in _ANY]
    lacks = [n for n in wanted if n not in given]
    is_drawn = lacks[:1] == ["key"] and "Key" in str(parameters["key"].annotation)
    got = ", ".join([*map(shown, args), *(f"{n}={shown(x)}" for n, x in kwargs.items())])
    return (
        f"the argument {lacks[0] if lacks else '?'!r} is missing: got {who}({got}); "
        f"write {who}({', '.join(wanted)}){_FROM_SEED if is_drawn else ''}"
    )


def _shown(p: Parameter) -> str:
    """A parameter without its annotation; a function as default by its name."""
    plain = p.replace(annotation=p.empty, default=p.empty)
    default = (
        ""
        if p.default is p.empty or repr(p.default) == "<factory>"
        else f"={getattr(p.default, '__name__', None) or shown(p.default)}"
    )
    return f"{plain}{default}"
