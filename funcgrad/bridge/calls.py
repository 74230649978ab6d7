"""Calls of functions for arrays of another library: one program for each signature."""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval
from ..core.cache import Cache
from ..core.lists import compress
from ..core.tree_code import orders

MOVES = object()  # stands for an array among static leaves

# of flat arrays; the second is the structure of the outputs
Staged = tuple[Callable[..., Sequence[Any]], tree.TreeDef]


class Signature(NamedTuple):
    """The structure of ``(args, kwargs)``, the avals of arrays, and the other leaves."""

    in_tree: tree.TreeDef
    orders: tuple[Any, ...]  # of the keys of its dicts
    avals: tuple[Aval, ...]
    still: tuple[Any, ...]
    context: tuple[Hashable, ...]

    def arguments(self, arrays: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with these arrays."""
        rest = iter(arrays)
        leaves = [next(rest) if x is MOVES else x for x in self.still]
        args, kwargs = tree.unflatten(self.in_tree, leaves)
        return args, kwargs


def by_signature(
    fun: Callable[..., Any],
    aval: Callable[[Any], Aval],
    stage: Callable[[Signature], Staged],
    context: Callable[[], tuple[Hashable, ...]] = tuple,
) -> Callable[..., Any]:
    """The function by a program for each signature.

    Args:
        fun: the function, for its name.
        aval: the aval of an array.
        stage: makes the program of a signature.
        context: of a call: the program depends on it too.
    """
    programs: Cache[Staged] = Cache()

    @functools.wraps(fun)
    def apply(*args: Any, **kwargs: Any) -> Any:
        leaves, in_tree = tree.flatten((args, kwargs))
        moving = [hasattr(x, "dtype") or type(x) in PYTHON_SCALARS for x in leaves]
        arrays = compress(leaves, moving)
        still = tuple([MOVES if m else x for m, x in zip(moving, leaves, strict=True)])
        key = Signature(in_tree, orders(in_tree), tuple(map(aval, arrays)), still, context())
        found = programs.get(key)
        if found is None:
            found = stage(key)
            programs.put(key, found)
        run, out_tree = found
        return tree.unflatten(out_tree, run(*arrays))

    return apply
