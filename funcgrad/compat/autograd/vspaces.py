"""Vector spaces of values: zeros, sums, inner products and bases of arrays and of trees."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...core.errors import DtypeError
from ...core.trace import Tracer


class VSpace:
    """The space in which a value lies; a subclass is registered for its type of values."""

    mappings: ClassVar[dict[type, Callable[[Any], Any]]] = {}
    iscomplex: ClassVar[bool] = False

    def __init__(self, value: Any) -> None:
        pass

    @classmethod
    def register(cls, value_type: type, vspace_maker: Callable[[Any], Any] | None = None) -> None:
        """Use this class, or a function that makes an instance, for values of a type."""
        VSpace.mappings[value_type] = vspace_maker or cls

    @property
    def size(self) -> int:
        """The dimension over the real numbers."""
        raise NotImplementedError(f"{type(self).__name__} must define size")

    def zeros(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define zeros")

    def ones(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define ones")

    def standard_basis(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define standard_basis")

    def randn(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define randn")

    def add(self, x_prev: Any, x_new: Any) -> Any:
        return self._add(x_prev, x_new)

    def mut_add(self, x_prev: Any, x_new: Any) -> Any:
        return self._add(self.zeros() if x_prev is None else x_prev, x_new)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        return self._scalar_mul(x, a)

    def inner_prod(self, x: Any, y: Any) -> Any:
        return self._inner_prod(x, y)

    def covector(self, x: Any) -> Any:
        return self._covector(x)

    # methods that a subclass overrides

    def _add(self, x: Any, y: Any) -> Any:
        return x + y

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return x * a

    def _inner_prod(self, x: Any, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _inner_prod")

    def _covector(self, x: Any) -> Any:
        return x

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}_{vars(self)}"


class ArrayVSpace(VSpace):
    """Arrays of one shape and real dtype."""

    units: ClassVar[tuple[complex, ...]] = (1.0,)

    def __init__(self, value: Any) -> None:
        self.shape, self.dtype = shape_of(value), dtype_of(value)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return len(self.units) * int(np.prod(self.shape, dtype=int))

    def zeros(self) -> Any:
        return np.zeros(self.shape, self.dtype)

    def ones(self) -> Any:
        return np.full(self.shape, sum(self.units), self.dtype)

    def standard_basis(self) -> Iterator[Any]:
        for index in np.ndindex(*self.shape):
            for unit in self.units:
                vector = np.zeros(self.shape, self.dtype)
                vector[index] = unit
                yield vector

    def randn(self) -> Any:
        parts = [unit * np.asarray(np.random.randn(*self.shape)) for unit in self.units]
        return np.asarray(sum(parts)).astype(self.dtype)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.dot(np.ravel(x), np.ravel(y))


class ComplexArrayVSpace(ArrayVSpace):
    """Complex arrays, as a space over the real numbers."""

    iscomplex = True
    units = (1.0, 1.0j)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.real(np.vdot(x, y))

    def _covector(self, x: Any) -> Any:
        return np.conj(x)


class TreeVSpace(VSpace):
    """Lists, tuples and dicts of values."""

    def __init__(self, value: Any) -> None:
        leaves, self.treedef = tree.flatten(value)
        self.spaces = list(map(vspace, leaves))

    def _map(self, f: Callable[..., Any], *values: Any) -> Any:
        columns = [tree.flatten_up_to(self.treedef, x) for x in values]
        return tree.unflatten(self.treedef, list(map(f, self.spaces, *columns)))

    @property
    def size(self) -> int:
        return sum([vs.size for vs in self.spaces])

    @property
    def shape(self) -> Any:
        """The tree of the spaces of the leaves."""
        return self._map(lambda vs: vs)

    def zeros(self) -> Any:
        return self._map(lambda vs: vs.zeros())

    def ones(self) -> Any:
        return self._map(lambda vs: vs.ones())

    def randn(self) -> Any:
        return self._map(lambda vs: vs.randn())

    def standard_basis(self) -> Iterator[Any]:
        zeros = [vs.zeros() for vs in self.spaces]
        for i, vs in enumerate(self.spaces):
            for x in vs.standard_basis():
                yield tree.unflatten(self.treedef, [*zeros[:i], x, *zeros[i + 1 :]])

    def _add(self, x: Any, y: Any) -> Any:
        return self._map(lambda vs, a, b: vs.add(a, b), x, y)

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return self._map(lambda vs, y: vs.scalar_mul(y, a), x)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        columns = tree.flatten_up_to(self.treedef, x), tree.flatten_up_to(self.treedef, y)
        rows = zip(self.spaces, *columns, strict=True)
        return sum([vs.inner_prod(a, b) for vs, a, b in rows])

    def _covector(self, x: Any) -> Any:
        return self._map(lambda vs, y: vs.covector(y), x)


def _array_vspace(x: Any) -> ArrayVSpace:
    return (ComplexArrayVSpace if dtype_of(x).kind == "c" else ArrayVSpace)(x)


_SCALARS = (
    float, complex, np.longdouble, np.float64, np.float32, np.float16, np.clongdouble,
    np.complex64, np.complex128, np.ndarray,
)  # fmt: skip
for _type in _SCALARS:
    VSpace.register(_type, _array_vspace)
for _container in (list, tuple, dict):
    VSpace.register(_container, TreeVSpace)


def vspace(value: Any) -> Any:
    """The vector space of a value.

    Raises:
        DtypeError: if it has none, such as an integer or a string.
    """
    if isinstance(value, Tracer):
        return _array_vspace(value)
    maker = VSpace.mappings.get(type(value))
    if maker is not None:
        return maker(value)
    if not tree.all_leaves([value]):
        return TreeVSpace(value)
    raise DtypeError(
        f"vspace: a value of type {type(value).__name__} is not differentiable: got {value!r}; "
        f"use real or complex floating numbers"
    )
