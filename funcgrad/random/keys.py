"""Keys: the state of a generator as a value; key, split and fold_in."""

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from ..core.avals import Shape, aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, FuncgradError, ShapeError, shown
from ..core.integers import whole
from ..core.lazy import answering
from ..core.nodes import register_dataclass
from ..core.trace import Tracer
from ..ops.compare import eq
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.reduce import all_p
from .arguments import RangeError, ShapeLike, as_shape
from .primitives import DEFAULT, GENERATORS, fold_in_p, seed_p, split_p


class NotAKeyError(FuncgradError, TypeError):
    """An argument is not a key.

    >>> from funcgrad import random
    >>> random.normal(0)
    Traceback (most recent call last):
    funcgrad.random.keys.NotAKeyError: random.normal: the first argument must be a key: got 0; ...

    There is no hidden state: the numbers are a function of the key. The fix is
    ``random.normal(random.key(0))``.
    """


@register_dataclass
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Key:
    """The state of a generator, or a batch of states; a tree with one leaf.

    Use a key once: draw samples with it or split it, not both. ``key``, ``split``, ``fold_in`` and
    ``wrap_key_data`` make keys. A batch of keys has leading axes, along which it is indexed and
    iterated.

    Args:
        data: words, shape [..., 2]; uint64 for philox, uint32 for threefry2x32.
        impl: name of the generator.

    >>> ks = split(key(0), 3)
    >>> ks, ks.shape, ks[0]
    (Key(philox, shape=(3,)), (3,), Key(philox))
    """

    data: Any
    impl: str = field(default=DEFAULT, metadata={"static": True})

    __hash__ = None  # type: ignore[assignment]  # as for arrays: == is elementwise

    @property
    def shape(self) -> Shape:
        return shape_of(self.data)[:-1]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single key; split(key, num) makes a batch")
        return self.shape[0]

    def __iter__(self) -> Iterator["Key"]:
        if not self.shape:
            raise TypeError("iteration over a single key; write `k1, k2 = split(key)`")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> "Key":
        entries = index if isinstance(index, tuple) else (index,)
        if len(entries) > self.ndim:
            raise IndexError(f"too many indices for keys of shape {self.shape}: got {shown(index)}")
        static, arrays = [], []
        for entry, length in zip(entries, self.shape, strict=False):
            if hasattr(entry, "__index__") and not isinstance(entry, np.ndarray | Tracer):
                entry = operator.index(entry)  # an IntEnum, for example
            if not isinstance(entry, int | slice):
                arrays.append(entry if isinstance(entry, Tracer) else np.asarray(entry))
                entry = ARRAY
            elif not isinstance(entry, slice) and not -length <= entry < length:
                raise IndexError(
                    f"index {entry} is out of range for keys of shape {self.shape}; write "
                    f"split(key, {entry + 1}) for more"
                )
            static.append(entry)
        return Key(getitem_p(self.data, *arrays, index=Index(static)), self.impl)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Key) or other.impl != self.impl:
            return NotImplemented
        words = [_has_words(key.data) for key in (self, other)]
        if not all(words):  # a tree map has replaced them
            return not any(words) and self.data == other.data
        same = eq(self.data, other.data)
        return all_p(same, axes=(len(shape_of(same)) - 1,))

    def _refuse(self, other: Any) -> NoReturn:
        raise NotAKeyError(
            f"random.Key: a key is not a number: got arithmetic with a key and {shown(other)}; for "
            f"another key write fold_in(key, number)"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse

    def __repr__(self) -> str:
        shape = shape_of(self.data)[:-1] if is_arraylike(self.data) else ()
        return f"Key({self.impl}, shape={shape})" if shape else f"Key({self.impl})"


def _has_words(data: Any) -> bool:
    """Whether the leaf of a key holds words, not a ShapeDtypeStruct or another object."""
    return isinstance(data, (np.ndarray, Tracer)) and data.ndim > 0


# public functions


@answering
def key(seed: Any, *, impl: str | None = None) -> Key:
    """Key from a seed.

    Args:
        seed: integer in [-2**63, 2**64), taken modulo 2**64.
        impl: "philox" (None), or "threefry2x32" for JAX's bits.

    Raises:
        DtypeError: if the seed is not an integer.
        RangeError: if it has more than 64 bits, or the generator is unknown.

    >>> key(0)
    Key(philox)
    """
    impl = _generator("random.key", impl)
    return Key(seed_p(_integer("random.key", "the seed", seed, 64), impl=impl), impl)


@answering
def split(key: Key, num: ShapeLike = 2) -> Key:
    """Batch of new independent keys.

    Args:
        key: a single key, not to be used again.
        num: number of keys, or the shape of the batch.

    >>> k1, k2 = split(key(0))
    >>> k1 == k2
    np.False_
    """
    shape = as_shape("random.split", num)
    data = split_p(check_single("random.split", key).data, shape=shape, impl=key.impl)
    return Key(data, key.impl)


@answering
def fold_in(key: Key, data: Any) -> Key:
    """New key from a key and an integer, for example a step or the index of a layer.

    Args:
        key: a single key; it may be folded with many integers, but not split or used otherwise.
        data: integer in [0, 2**32), with philox in [0, 2**64).

    >>> fold_in(key(0), 1) == fold_in(key(0), 2)
    np.False_
    """
    words = check_single("random.fold_in", key).data
    width = 8 * GENERATORS[key.impl].words.itemsize
    number = _integer("random.fold_in", "data", data, width, lowest=0)
    return Key(fold_in_p(words, number, impl=key.impl), key.impl)


@answering
def key_data(key: Key) -> Any:
    """Words of a key or a batch of keys, shape [..., 2].

    >>> print(key_data(key(7)))
    [7 0]
    """
    if not isinstance(key, Key):
        raise no_key("random.key_data", key)
    return key.data.copy() if isinstance(key.data, np.ndarray) else key.data


@answering
def wrap_key_data(data: Any, *, impl: str | None = None) -> Key:
    """Key, or batch of keys, from its words; the inverse of ``key_data``.

    Args:
        data: shape [..., 2]; uint64 for philox, uint32 for threefry2x32.
        impl: "philox" (None) or "threefry2x32".

    Raises:
        DtypeError: if the words are not of the generator's dtype.
        ShapeError: if the last axis is not of length 2.

    >>> wrap_key_data(key_data(key(7))) == key(7)
    np.True_
    """
    impl = _generator("random.wrap_key_data", impl)
    data = data if isinstance(data, Tracer) else np.array(data)
    aval = aval_of(data)
    if aval.dtype != GENERATORS[impl].words:
        raise DtypeError(
            f"random.wrap_key_data: the words of {impl} are {GENERATORS[impl].words}: got {aval}; "
            f"pass their generator, impl={' or '.join(map(repr, GENERATORS))}"
        )
    if not aval.shape or aval.shape[-1] != 2:
        raise ShapeError(f"random.wrap_key_data: the last axis must have length 2: got {aval}")
    return Key(data, impl)


def check_single(who: str, key: Any) -> Key:
    """The argument, checked to be a single key."""
    if not isinstance(key, Key):
        raise no_key(who, key)
    if not shape_of(key.data):
        raise ShapeError(
            f"{who}: the key must be a single key: got one of its words, by a map over a single "
            f"key; map over split(key, n), or set in_axes to None for the key"
        )
    if key.ndim:
        raise ShapeError(
            f"{who}: the key must be a single key: got a batch of shape {key.shape}; map over it: "
            f"vmap(lambda k: {who}(k, ...))(keys)"
        )
    return key


def no_key(who: str, x: Any) -> NotAKeyError:
    if isinstance(x, int | np.integer):
        return NotAKeyError(
            f"{who}: the first argument must be a key: got {x!r}; write funcgrad.random.key({x})"
        )
    what, cure = type(x).__name__, "funcgrad.random.key(seed)"
    if is_arraylike(x):
        what = str(aval_of(x))
        cure = "wrap_key_data(words)" if dtype_of(x).kind == "u" else f"{who}(key, ...)"
    return NotAKeyError(f"{who}: the first argument must be a key: got {what}; write {cure}")


def _generator(who: str, impl: str | None) -> str:
    impl = DEFAULT if impl is None else impl
    if impl not in GENERATORS:
        known = " or ".join(map(repr, GENERATORS))
        raise RangeError(f"{who}: unknown generator: got impl={impl!r}; use {known}")
    return impl


def _integer(who: str, what: str, x: Any, width: int, lowest: int | None = None) -> Any:
    """Scalar integer, traced or below 2**width."""
    x = x if is_arraylike(x) else whole(x)
    aval = aval_of(x) if is_arraylike(x) and not isinstance(x, int) else None
    if aval is not None and aval.shape:
        raise ShapeError(
            f"{who}: {what} must be a scalar integer: got {aval}; map over it with vmap"
        )
    if (
        isinstance(x, bool)
        or (aval is None and not isinstance(x, int))
        or (aval is not None and dtype_of(x).kind not in "iu")
    ):
        raise DtypeError(f"{who}: {what} must be an integer: got {x!r}; write one, as 0")
    if isinstance(x, Tracer):
        return x
    lowest = -(2 ** (width - 1)) if lowest is None else lowest
    if not lowest <= int(x) < 2**width:
        raise RangeError(f"{who}: {what} must be in [{lowest}, 2**{width}): got {x}")
    return np.uint64(int(x) % 2**64)
