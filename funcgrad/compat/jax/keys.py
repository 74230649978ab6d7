"""Keys as arrays: leaves of trees, which are indexed and iterated along their axes."""

from collections.abc import Iterator
from typing import Any

from ...core.avals import Shape
from ...random.keys import Key


class KeyDtype:
    """The dtype of keys."""

    name, kind = "key<fry>", "V"
    itemsize = 8

    def __repr__(self) -> str:
        return self.name


KEY_DTYPE = KeyDtype()


class KeyArray:
    """A key of funcgrad.random, or a batch of them."""

    __slots__ = ("__weakref__", "key")
    dtype = KEY_DTYPE

    def __init__(self, key: Key) -> None:
        self.key = key

    @property
    def shape(self) -> Shape:
        return self.key.shape

    @property
    def ndim(self) -> int:
        return self.key.ndim

    @property
    def size(self) -> int:
        return self.key.size

    def __len__(self) -> int:
        return len(self.key)

    def __iter__(self) -> Iterator["KeyArray"]:
        return map(KeyArray, self.key)

    def __getitem__(self, index: Any) -> "KeyArray":
        index = index if isinstance(index, tuple) else (index,)
        return KeyArray(self.key[tuple([getattr(i, "value", i) for i in index])])

    def reshape(self, *shape: Any) -> "KeyArray":
        shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return KeyArray(Key(self.key.data.reshape(*shape, 2), self.key.impl))

    def block_until_ready(self) -> "KeyArray":
        return self

    def astype(self, dtype: Any, copy: bool = False) -> "KeyArray":
        if dtype is not KEY_DTYPE:
            raise TypeError(f"astype: a key has no other dtype: got {dtype}; use key_data(key)")
        return self

    def __eq__(self, other: object) -> Any:
        return self.key == other.key if isinstance(other, KeyArray) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Array({self.shape}, dtype={self.dtype.name})"
