"""Operators of functions of one argument, made operators of functions of several."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .util import subvals


def get_name(f: Any) -> str:
    return getattr(f, "__name__", "[unknown name]")


def get_doc(f: Any) -> str:
    return getattr(f, "__doc__", None) or ""


def wraps(
    fun: Any, namestr: str = "{fun}", docstr: str = "{doc}", **words: Any
) -> Callable[[Any], Any]:
    """Decorator that gives a function the name and docstring of another, by templates."""

    def named(f: Any) -> Any:
        f.__name__ = namestr.format(fun=get_name(fun), **words)
        f.__doc__ = docstr.format(fun=get_name(fun), doc=get_doc(fun), **words)
        return f

    return named


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """Operator that acts on the argument, or the tuple of arguments, at ``argnum``.

    ``unary_operator(f, x, *options)`` takes a function of one argument.
    """

    @functools.wraps(unary_operator)
    def operator(
        fun: Callable[..., Any], argnum: int | Sequence[int] = 0, *options: Any, **named: Any
    ) -> Callable[..., Any]:
        if not isinstance(argnum, (int, tuple, list)):
            raise TypeError(
                f"{get_name(unary_operator)}: argnum must be a position, or a list or tuple of "
                f"positions: got {argnum!r}"
            )

        def applied(*args: Any, **kwargs: Any) -> Any:
            places = [argnum] if isinstance(argnum, int) else argnum

            @wraps(fun)
            def of_one(x: Any) -> Any:
                chosen = [x] if isinstance(argnum, int) else x
                return fun(*subvals(args, zip(places, chosen, strict=True)), **kwargs)

            x = args[argnum] if isinstance(argnum, int) else tuple([args[i] for i in argnum])
            return unary_operator(of_one, x, *options, **named)

        name = get_name(unary_operator)
        title = f"{name}_of_{{fun}}_wrt_argnum_{argnum}"
        words = f"    {name} of function {{fun}} with respect to argument number {argnum}."
        return wraps(fun, title, words)(applied)

    return operator
