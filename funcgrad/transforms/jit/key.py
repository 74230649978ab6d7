"""The key of a call: calls of a compiled function with equal keys run the same program.

``ArgSpec`` says which arguments are static, and flattens a call. A key holds the tree structure of
its arguments, and the aval or the static value of each leaf. The cache compares keys by hash and
``==``, the entry by lines of Python, see ``signature.py``.
"""

import inspect
import itertools
import operator
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
from typing_extensions import Unpack

from ...core import tree
from ...core.avals import Aval, aval_of, is_arraylike
from ...core.axes import axis_env
from ...core.config import checked_backend, current
from ...core.errors import UnsupportedError, shown
from ...core.integers import several
from ...core.static import holds_foreign
from ...core.trace import Tracer
from ...core.tree_code import Node, Static, typed_nodes
from ...ops.layout import Strides, is_array, strides_of_strided
from ..namedaxes import axis_key
from ..places import Place, argument_name, of_argument
from .placement import Placement

_SIZE = re.compile(r"\s*(\d+\.?\d*)\s*([kmgt]?)(i?)b\s*", re.IGNORECASE)  # "1.5 GiB"


class Key(NamedTuple):
    """The structure, leaves and named axes of a call: its program depends on nothing else."""

    nodes: tuple[Node | None, ...]  # of (args, kwargs) in preorder, None for a leaf
    leaves: tuple[Aval | Static, ...]
    axes: tuple[Hashable, ...] = ()  # the named axes around the call
    arrays: tuple[bool, ...] = ()  # which leaves are 0-d arrays, if the function asks
    strides: tuple[Any, ...] = ()  # of the leaves that are not in C order, if the function asks
    backend: str = "numpy"  # in which the program is written
    keywords: tuple[str, ...] = ()  # in their order, if the function sees it


class JitOptions(TypedDict, total=False):
    """The options of :func:`jit`, which documents them."""

    static_argnums: int | Sequence[int] | None
    static_argnames: str | Sequence[str] | None
    donate_argnums: int | Sequence[int] | None
    donate_argnames: str | Sequence[str] | None
    memory_limit: int | str | None
    threads: int
    debug_nans: bool
    backend: str | None
    device: Any
    in_shardings: Any
    out_shardings: Any


class FlatCall(NamedTuple):
    """One call, flattened, and the key of its program."""

    leaves: list[Any]  # static arguments are one leaf each, a Static
    in_tree: tree.TreeDef  # of (args, kwargs)
    key: Key
    dynamic: list[bool]  # whether each leaf is an array or a Python scalar
    operands: list[Any]  # these leaves


class ArgSpec:
    """The parameters of a function: which are static, and which are donated.

    Args:
        fun: the function.
        **options: the options of :func:`jit`.
    """

    def __init__(self, fun: Callable[..., Any], **options: Unpack[JitOptions]) -> None:
        self.fun = fun
        self.backend = options["backend"]  # None for the default at each call
        if self.backend is not None:
            checked_backend("jit: backend", self.backend)
        self.placement = Placement(
            options["device"], options["in_shardings"], options["out_shardings"]
        )
        given = [n for n, x in zip(Placement._fields, self.placement, strict=True) if x is not None]
        if given and self.backend != "jax":
            raise ValueError(f"jit: {given[0]} is an option of XLA; give backend='jax' with it")
        if given[0:1] == ["device"] and given[1:]:
            raise ValueError(f"jit: device and {given[1]} both place arrays; leave out device")
        self.checks = options["debug_nans"]
        limit = options["memory_limit"]
        self.memory_limit = None if limit is None else bytes_of(limit)
        self.threads = _at_least(1, "threads", options["threads"])
        try:
            self.parameters = list(inspect.signature(fun).parameters.values())
        except (TypeError, ValueError):  # a built-in without a signature
            self.parameters = []
        self.static = self._places("static", options["static_argnums"], options["static_argnames"])
        self.donated = self._places("donate", options["donate_argnums"], options["donate_argnames"])
        kinds = [p.kind for p in self.parameters]
        self.sees_order = not kinds or inspect.Parameter.VAR_KEYWORD in kinds  # of its keywords
        self.tells_scalars = False  # whether it writes into a 0-d argument
        self.tells_layouts = False  # whether what it writes depends on the layout of arguments
        both = self.static & self.donated
        if both:
            raise ValueError(
                f"jit: an argument cannot be both static and donated: got {both}"
                "; remove it from one"
            )

    def _places(self, word: str, argnums: Any, argnames: Any) -> set[Place]:
        """The arguments chosen, each by position and by name where both are known."""
        if argnums is None and argnames is None:
            return set()
        nums = () if argnums is None else several(argnums)
        names = () if argnames is None else argnames
        names = (names,) if isinstance(names, str) else tuple(names)
        keywords = [p.name for p in self.parameters]
        variadic = any(p.kind is p.VAR_KEYWORD for p in self.parameters) or not keywords
        for name in names:
            if name not in keywords and not variadic:
                raise ValueError(
                    f"jit: {word}_argnames names {shown(name)}, which is no argument: got a "
                    f"function of {', '.join(keywords)}; name one of these"
                )
        count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in self.parameters)
        variadic_positions = any(p.kind is p.VAR_POSITIONAL for p in self.parameters)
        places: set[Place] = set(names)
        for n in nums:
            if not hasattr(n, "__index__"):
                raise TypeError(
                    f"jit: {word}_argnums must be integers: got {shown(n)}; count arguments from 0"
                )
            n = operator.index(n)
            if not -count <= n < count and not variadic_positions and self.parameters:
                raise ValueError(
                    f"jit: {word}_argnums={n} names no argument: the function takes {count}; "
                    f"count from 0"
                )
            n = n + count if n < 0 else n
            places.add(n)
            if n < count and self.parameters[n].kind is not inspect.Parameter.POSITIONAL_ONLY:
                places.add(self.parameters[n].name)
        places.update(keywords.index(name) for name in names if name in keywords[:count])
        return places

    def flatten(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> FlatCall:
        """Flatten a call.

        Raises:
            TypeError: if an argument is neither array, tree nor hashable value, naming it.
        """
        positional, keywords = args, kwargs
        if self.static:
            wrapped = lambda p, x: x if isinstance(x, Static) or p not in self.static else Static(x)
            positional = tuple([wrapped(i, x) for i, x in enumerate(args)])
            keywords = {name: wrapped(name, x) for name, x in kwargs.items()}
        leaves, in_tree = tree.flatten((positional, {k: keywords[k] for k in sorted(keywords)}))
        facts: list[Aval | Static] = []
        try:
            dynamic = list(map(is_arraylike, leaves))
        except UnsupportedError as err:
            rows = zip(places_of(args, kwargs), leaves, strict=True)
            raise of_argument(err, "jit", self.fun, [(*p, x) for p, x in rows]) from None
        for i, x in enumerate(leaves):
            if dynamic[i]:
                aval = aval_of(x)
                if aval.dtype.kind not in "biufc":
                    raise _without_numbers(aval.dtype)
                facts.append(aval)
                continue
            self._check_static(positional, keywords, i, x)
            # the object of a compiled method is passed as a Static, and compared as one
            own = isinstance(x, Static) and not any(x is y for y in args)
            facts.append(x if own else Static(x))
        axes = [axis_key(name, axis) for name, axis in axis_env.get({}).items()]
        backend = self.backend or current.get().backend
        order = tuple(kwargs) if self.sees_order else ()
        key = Key(typed_nodes(in_tree.nodes), tuple(facts), tuple(axes), (), (), backend, order)
        if self.tells_scalars:
            key = key._replace(arrays=arrays_of(leaves, facts))
        if self.tells_layouts:
            key = key._replace(strides=layouts_of(leaves))
        try:
            hash(key)
        except TypeError as err:
            raise TypeError(
                f"jit: the static data of the arguments' trees must be hashable: {err}"
            ) from None
        return FlatCall(leaves, in_tree, key, dynamic, list(itertools.compress(leaves, dynamic)))

    def _check_static(self, args: Any, kwargs: Any, i: int, x: Any) -> None:
        """Raise unless a leaf that is no array can be part of a key."""
        static = isinstance(x, Static)
        value = x.value if static else x
        try:
            hash(value)
            plain = static or callable(value) or type(value).__hash__ is not object.__hash__
            if plain and not holds_foreign(value):
                return
            cure = "name it in static_argnums if it never changes, or register its class as a tree"
        except TypeError:
            cure = "make it a tuple, or a frozen dataclass" if static else "pass an array"
        place, path = places_of(args, kwargs)[i]
        name = argument_name(self.fun, place, path)
        if holds_foreign(value):
            raise UnsupportedError(
                f"jit: {name} is static, and holds an array of another library, which may change; "
                f"give it as an array of NumPy, not static"
            )
        kind = "static, and must be hashable" if static else "no array, and cannot be part of a key"
        raise TypeError(f"jit: {name} is {kind}: got {type(value).__name__}; {cure}")

    def name_of(self, place: Place, path: tree.Path) -> str:
        """How the source calls a leaf of an argument."""
        if isinstance(place, int):
            named = [p for p in self.parameters if p.kind is not p.VAR_POSITIONAL]
            fits = place < len(named) and named[place].kind is not inspect.Parameter.KEYWORD_ONLY
            place = named[place].name if fits else f"arg{place}"
        try:
            return place + tree.keystr(path) if path else place
        except Exception:  # a key that has no repr
            return f"{place}[...]"


def _without_numbers(dtype: np.dtype[Any]) -> TypeError:
    return TypeError(
        f"jit: an argument must hold numbers: got {dtype}; convert it, or name it in static_argnums"
    )


def bytes_of(limit: Any) -> int:
    """A memory limit in bytes: an integer, or a size with a unit.

    Raises:
        ValueError: if it is neither.

    >>> bytes_of("200 MB"), bytes_of("1.5GiB")
    (200000000, 1610612736)
    """
    size = _SIZE.fullmatch(limit) if isinstance(limit, str) else None
    if size is not None:
        number, prefix, binary = size.groups()
        power = " kmgt".index((prefix or " ").lower())
        return int(float(number) * (1024 if binary else 1000) ** power)
    if isinstance(limit, str):
        raise ValueError(
            f"jit: memory_limit must be an integer, or a size such as '200 MB': got {shown(limit)}"
        )
    return _at_least(0, "memory_limit", limit)


def _at_least(least: int, name: str, value: Any) -> int:
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not whole or operator.index(value) < least:
        raise ValueError(f"jit: {name} must be an integer of at least {least}: got {shown(value)}")
    return operator.index(value)


def places_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[Place, tree.Path]]:
    """The argument that holds each leaf, and the path to the leaf."""
    pairs: list[tuple[Place, Any]] = [*enumerate(args), *((k, kwargs[k]) for k in sorted(kwargs))]
    places: list[tuple[Place, tree.Path]] = []
    for place, x in pairs:
        node = tree.handler_of(x) is not None
        places += [(place, path) for path, _ in tree.leaves_with_path(x)] if node else [(place, ())]
    return places


def arrays_of(leaves: Sequence[Any], facts: Sequence[Aval | Static]) -> tuple[bool, ...]:
    """Which leaves are 0-d arrays: these are written in place, scalars are not."""
    pairs = zip(leaves, facts, strict=True)
    return tuple([type(a) is Aval and not (a.shape or a.weak) and is_array(x) for x, a in pairs])


def layouts_of(leaves: Sequence[Any]) -> tuple[Strides | None, ...]:
    """The strides of each leaf that is an array, but not in C order."""
    arrays = (np.ndarray, Tracer)
    return tuple([strides_of_strided(x) if isinstance(x, arrays) else None for x in leaves])
