"""Options of transforms, checked where the transform is made, before its first call."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import tree
from ..core.registry import load


def check_options(who: str, argnums: Any, argnames: Any, **flags: Any) -> None:
    """Raise unless argnums are integers, argnames texts, and the flags True or False."""
    if argnums is not None and type(argnums) is not int:
        _check_integers(who, "argnums", argnums)
    names = [] if argnames is None or isinstance(argnames, str) else argnames
    if not (isinstance(names, Iterable) and all(isinstance(n, str) for n in names)):
        raise TypeError(
            f"{who}: argnames must be a string, or a tuple of them: got {_told(argnames)}; give "
            f"positions as argnums"
        )
    check_flags(who, **flags)


def check_flags(who: str, **flags: Any) -> None:
    """Raise unless the flags are True or False."""
    for name, x in flags.items():
        if type(x) is not bool and not (isinstance(x, (np.bool_, int)) and x in (0, 1)):
            raise TypeError(
                f"{who}: {name} must be True or False: got {_told(x)}; write {name}=True"
            )


def check_positions(who: str, name: str, positions: Any) -> None:
    """Raise unless positions of arguments are an integer, or several."""
    if type(positions) is not int:
        _check_integers(who, name, positions)


def _check_integers(who: str, name: str, given: Any) -> None:
    try:
        is_one = getattr(given, "shape", None) == () or not isinstance(given, Iterable)
        few = (given,) if is_one else tuple(given)
        for n in few:
            operator.index(n)
    except TypeError:
        raise TypeError(
            f"{who}: {name} must be integers: got {_told(given)}; {_cure(who, name, given)}"
        ) from None


def _cure(who: str, name: str, given: Any) -> str:
    if isinstance(given, str) or any(isinstance(n, str) for n in np.atleast_1d(given)):
        return f"use {name.replace('nums', 'names')}"
    if isinstance(given, (float, complex)) and given == int(given.real):
        return f"write {name}={int(given.real)}"
    return f"an argument of the function is given to the result: write {who}(f)(x)"


def check_batching(in_axes: Any, out_axes: Any, axis_name: Any, chunk_size: Any) -> None:
    """Raise for options of vmap that no function could take."""
    if isinstance(in_axes, dict):
        raise TypeError(
            f"vmap: in_axes must be an integer, None or a tuple, with one entry for each argument: "
            f"got {in_axes!r}; write in_axes=({in_axes!r},) for an argument that is a dict"
        )
    _check_axes("vmap", "in_axes", in_axes)
    _check_axes("vmap", "out_axes", out_axes)
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(
            f"vmap: chunk_size must be at least 1: got {chunk_size}; None runs all at once"
        )
    if chunk_size is not None and axis_name is not None:
        raise ValueError("vmap: axis_name needs all examples at once; leave chunk_size out")


def _check_axes(who: str, name: str, axes: Any) -> None:
    """Raise unless batch axes are integers, None, or trees of them."""
    if type(axes) is int or axes is None:
        return
    for d in tree.leaves(axes):
        try:
            operator.index(d)
        except TypeError:
            cure = (
                f"write {name}={int(d)}"
                if isinstance(d, float)
                else f"an argument of the function is given to the result: write {who}(f)(x)"
                if axes is d and not isinstance(d, str)
                else "an axis is an integer, and None one that all examples share"
            )
            raise TypeError(
                f"{who}: {name} must be integers or None, or a tree of them: got {_told(d)}; {cure}"
            ) from None


def check_pair(who: str, primals: Any, tangents: Any) -> None:
    """Raise unless primals and tangents are tuples or lists, with one entry for each argument."""
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, (tuple, list)):
            raise TypeError(
                f"{who}: {name} must be a tuple or list of arguments: got "
                f"{type(value).__name__}; write ({name[:-1]},)"
            )


def _told(x: Any) -> str:
    return str(load("funcgrad.answers.misfits").told(x))
