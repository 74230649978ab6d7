"""The types that are nodes of a tree, how each is flattened, and the steps of a path.

The rules are JAX's: the children of a dict are in the order of its sorted keys, ``None`` is a node
without children, and objects of unknown types are leaves. Unlike JAX's, a dict that is built again
holds its keys in the order of the first, so that a function reads the dict that its caller wrote.
"""

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .lazy import answering

T = TypeVar("T")


class DictKey(NamedTuple):
    """A step into a mapping."""

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class SequenceKey(NamedTuple):
    """A step into a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx}]"


class GetAttrKey(NamedTuple):
    """A step into an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class FlattenedIndexKey(NamedTuple):
    """A step into a node without named children."""

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


Path: TypeAlias = tuple[Any, ...]


class Parameters(NamedTuple):
    """The static information of a type of nodes about its parameters, read by optimizers."""

    untrained: frozenset[Any]  # the steps to children that are not trained
    check: Callable[[Any], None]  # raises unless each parameter of the node has a value


class Handler(NamedTuple):
    """How a type of node is flattened and unflattened."""

    flatten: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten: Callable[[Any, Sequence[Any]], Any]
    keys: Callable[[Any, Any, int], Iterable[Any]]  # node, aux, arity -> steps
    parameters: Parameters | None = None


handlers: dict[type, Handler] = {}


def _namedtuple_keys(node: Any, aux: Any, arity: int) -> list[GetAttrKey]:
    return [GetAttrKey(name) for name in type(node)._fields]


NAMEDTUPLE = Handler(lambda t: (t, type(t)), lambda cls, children: cls(*children), _namedtuple_keys)


@answering
def register_node(
    cls: type,
    flatten: Callable[[Any], tuple[Iterable[Any], Hashable]],
    unflatten: Callable[[Any, Sequence[Any]], Any],
    flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Hashable]] | None = None,
) -> None:
    """Register a class as a node by its functions ``flatten`` and ``unflatten``.

    Args:
        cls: the class; subclasses are not included.
        flatten: ``flatten(x) -> (children, aux)``, with hashable static data ``aux``.
        unflatten: ``unflatten(aux, children) -> x``; the children may be any objects.
        flatten_with_keys: like ``flatten``, with ``(key, child)`` pairs as children.

    Raises:
        ValueError: if the class is already registered.
    """
    if cls in handlers:
        raise ValueError(f"register_node: {cls.__name__} is already registered")

    def keys(node: Any, aux: Hashable, arity: int) -> Iterable[Any]:
        if flatten_with_keys is None:
            return map(FlattenedIndexKey, range(arity))
        return [key for key, _ in flatten_with_keys(node)[0]]

    handlers[cls] = Handler(flatten, unflatten, keys)


@answering
def register_dataclass(
    cls: type[T],
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> type[T]:
    """Register a dataclass as a node, with ``data_fields`` as children and static ``meta_fields``.

    By default a field declared with ``field(metadata={"static": True})`` is static, and all others
    are children. It returns the class, so it works as a decorator. Unflattening does not call
    ``__init__``.

    >>> from dataclasses import dataclass
    >>> @register_dataclass
    ... @dataclass
    ... class Point:
    ...     x: float
    >>> from funcgrad import tree
    >>> tree.map(lambda v: 2 * v, Point(1.0))
    Point(x=2.0)
    """
    data, meta = _split_fields(cls, data_fields, meta_fields, drop_fields)

    def flatten(x: Any) -> tuple[list[Any], Hashable]:
        return [getattr(x, n) for n in data], tuple(getattr(x, n) for n in meta)

    def rebuild(aux: Any, children: Sequence[Any]) -> Any:
        x: Any = object.__new__(cls)
        for name, value in zip((*meta, *data), (*aux, *children), strict=True):
            object.__setattr__(x, name, value)
        return x

    def with_keys(x: Any) -> tuple[list[tuple[Any, Any]], Hashable]:
        return [(GetAttrKey(n), getattr(x, n)) for n in data], ()

    register_node(cls, flatten, rebuild, with_keys)
    return cls


def register_parameters(cls: type, parameters: Parameters) -> None:
    """Attach to a registered class which of its children are trained."""
    handlers[cls] = handlers[cls]._replace(parameters=parameters)


def _split_fields(
    cls: Any, data: Sequence[str] | None, meta: Sequence[str] | None, drop: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the children and of the static fields of a dataclass."""
    fields = {f.name: f for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}
    if (data is None or meta is None) and not dataclasses.is_dataclass(cls):
        raise TypeError(
            f"register_dataclass: {cls.__name__} is not a dataclass; give its data_fields and "
            f"meta_fields"
        )
    if meta is None:
        meta = [name for name, f in fields.items() if f.metadata.get("static", False)]
    if data is None:
        data = [name for name in fields if name not in {*meta, *drop}]
    missing = {name for name, f in fields.items() if f.init} - {*data, *meta, *drop}
    if missing or (fields and {*data, *meta} - set(fields)):
        raise ValueError(
            f"register_dataclass: data_fields and meta_fields of {cls.__name__} must be its "
            f"fields, each once: got {tuple(data)} and {tuple(meta)}, it has {tuple(fields)}"
        )
    return tuple(data), tuple(meta)


@answering
def register_static(cls: type[T]) -> type[T]:
    """Register a class whose objects are static: nodes without children, which must be hashable."""
    register_node(cls, lambda x: ((), x), lambda x, _: x)
    return cls


class Keys(tuple[Any, ...]):
    """The sorted keys of a dict, and the order in which it holds them, which ``==`` ignores."""

    order: tuple[Any, ...]


def order_of(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    """The order in which a dict with these sorted keys holds them."""
    return keys.order if type(keys) is Keys else keys


def _dict(d: dict[Any, Any]) -> tuple[list[Any], tuple[Any, ...]]:
    order = tuple(d)
    try:
        keys = tuple(sorted(order))
    except TypeError:  # keys of different types are not ordered
        keys = tuple(sorted(order, key=lambda k: (type(k).__name__, repr(k))))
    if keys != order:
        keys = Keys(keys)
        keys.order = order
    return [d[k] for k in keys], keys


def _items(keys: tuple[Any, ...], children: Sequence[Any]) -> dict[Any, Any]:
    items = dict(zip(keys, children, strict=True))
    return {k: items[k] for k in keys.order} if type(keys) is Keys else items


def _defaultdict(d: Any) -> tuple[list[Any], Hashable]:
    children, keys = _dict(d)
    return children, (d.default_factory, keys)


def _index_keys(node: Any, aux: Hashable, arity: int) -> Iterable[Any]:
    return map(SequenceKey, range(arity))


# fmt: off
handlers.update({
    type(None): Handler(lambda x: ((), None), lambda aux, children: None, _index_keys),
    tuple: Handler(lambda x: (x, None), lambda aux, children: tuple(children), _index_keys),
    list: Handler(lambda x: (x, None), lambda aux, children: list(children), _index_keys),
    dict: Handler(_dict, _items, lambda node, keys, n: map(DictKey, keys)),
    OrderedDict: Handler(lambda d: (d.values(), tuple(d)),
                          lambda keys, children: OrderedDict(zip(keys, children, strict=True)),
                          lambda node, keys, n: map(DictKey, keys)),
    defaultdict: Handler(_defaultdict,
                          lambda aux, children: defaultdict(aux[0], _items(aux[1], children)),
                          lambda node, aux, n: map(DictKey, aux[1])),
})
# fmt: on


class Partial:
    """``functools.partial`` as a node: the function is static, the arguments are children.

    >>> from funcgrad import tree
    >>> tree.leaves(Partial(pow, 2.0))
    [2.0]
    """

    def __init__(self, func: Callable[..., Any], /, *args: Any, **keywords: Any) -> None:
        self.func, self.args, self.keywords = func, args, keywords

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        return self.func(*self.args, *args, **{**self.keywords, **keywords})

    def __repr__(self) -> str:
        return f"Partial({self.func!r}, {self.args!r}, {self.keywords!r})"


register_node(
    Partial,
    lambda p: ((p.args, p.keywords), p.func),
    lambda func, children: Partial(func, *children[0], **children[1]),
    lambda p: ((((GetAttrKey("args"), p.args), (GetAttrKey("keywords"), p.keywords))), p.func),
)


def cure(wanted: type, x: Any, usual: str) -> str:
    """The cure for a node of another type; a notebook cell may have run twice."""
    kind = type(x)
    if kind is not wanted and kind.__qualname__ == wanted.__qualname__:
        return "the class was defined again: make the objects again with the new class"
    return usual
