"""Buffers: writable arrays of no transform, until a traced value is written into one.

NumPy programs allocate an array and fill it. Inside a transform the elements may be traced values,
which an ndarray cannot hold. A buffer holds an ndarray and behaves as one: NumPy itself runs all
operations without traced operands. When a traced value is written into it, it becomes an array of
that value's trace, and so do its views.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from .companions import NO_PROGRAMS
from .errors import FuncgradError, MissingAttributeError
from .exports import changed, check_unshared, exported, kept_copy, written
from .memory import Owner, View, owner_of, snapshot
from .ownership import unaliased_outputs
from .registry import overrides
from .trace import ConcreteTracer, Primitive, Trace, Tracer, running, serials


class NoTrace(Trace):
    """The trace of buffers: it is outside all others, and runs NumPy."""

    __slots__ = ()

    @override
    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        arrays = [x._read() if isinstance(x, Buffer) else x for x in args]
        outs = prim.run(*arrays, **params)
        if prim.holds is not NO_PROGRAMS:
            outs = unaliased_outputs(outs, arrays)
        return [new_buffer(y, arrays) if type(y) is np.ndarray else y for y in outs]

    @override
    def position(self, x: Any) -> int:
        return x._mark

    @override
    def check_alone(self, x: Any) -> None:
        check_unshared(x)


no_trace = NoTrace("no transform")
no_trace.serial = 0


class Buffer(ConcreteTracer):
    """A writable array, which holds an ndarray until a traced value is written into it."""

    __slots__ = ()
    _uses = ("value", "_note")

    def __init__(self, array: np.ndarray) -> None:
        self._trace = no_trace
        self.value = array
        self._mark = next(serials)  # later than all traces that run now
        self._note = None  # in an owner: a copy for operations, and a reference to an Exported
        self._memory = None

    # NumPy's protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        note_read(self)
        return np.array(self.value if copy else exported(self, self.value), dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        traced = ConcreteTracer.__array_ufunc__
        if holds_traced(inputs) or holds_traced(kwargs.values()):
            return traced(self, ufunc, method, *inputs, **kwargs)
        return applied(getattr(ufunc, method), traced, inputs, kwargs)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        traced = lambda *args, **kwargs: ConcreteTracer.__array_function__(
            self, func, types, args, kwargs
        )
        if holds_traced(args) or holds_traced(kwargs.values()):
            return traced(*args, **kwargs)
        return applied(func, traced, args, kwargs)

    def _read(self) -> np.ndarray:
        note_read(self)
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.value.__reduce_ex__(protocol)  # it becomes an ndarray

    # elements

    def __getitem__(self, index: Any) -> Any:
        if holds_traced(index):
            return ConcreteTracer.__getitem__(self, index)
        note_read(self)
        found = self.value[plain_in(index)]
        if type(found) is not np.ndarray:
            return found
        return _one_result(found, [self], ConcreteTracer.__getitem__, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if holds_traced(index) or holds_traced(value):
            ConcreteTracer.__setitem__(self, index, value)
        else:
            written(self)
            self.value[plain_in(index)] = plain_in(value)

    # attributes of the memory

    @property
    def flat(self) -> Any:
        return ConcreteTracer.flat.fget(self)  # type: ignore[attr-defined]

    @flat.setter
    def flat(self, value: Any) -> None:
        if holds_traced(value):
            ConcreteTracer.flat.fset(self, value)  # type: ignore[attr-defined]
        else:
            written(self)
            self.value.flat = plain_in(value)

    def __getattr__(self, name: str) -> Any:
        if name in ("data", "ctypes"):
            return getattr(exported(self, self.value), name)
        if name in ("base", "flags", "setflags", "strides"):
            return getattr(self.value, name)
        try:
            return super().__getattr__(name)
        except MissingAttributeError:
            raise AttributeError(f"'Buffer' object has no attribute {name!r}") from None

    def copy(self, order: Any = "C") -> "Buffer":
        return Buffer(self.value.copy(order))

    def flatten(self, order: Any = "C") -> "Buffer":
        return Buffer(self.value.flatten(order))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> "Buffer":
        found = self.value.astype(dtype, *args, **kwargs)
        return self if found is self.value else Buffer(found)

    def __copy__(self, memo: Any = None) -> "Buffer":
        return self.copy("K")

    __deepcopy__ = __copy__


def _attribute(name: str) -> Any:
    """An attribute of the ndarray that is a view."""
    found, traced = vars(np.ndarray)[name], getattr(ConcreteTracer, name)

    get = lambda self: applied(found.__get__, traced.fget, (self,), {})

    def put(self: Any, value: Any) -> None:
        if holds_traced(value):
            traced.fset(self, value)
        else:
            written(self)
            found.__set__(self.value, plain(value))

    return property(get, None if traced.fset is None else put)


def _method(name: str) -> Callable[..., Any]:
    """A method or operator of the ndarray."""
    found, traced = getattr(np.ndarray, name), getattr(ConcreteTracer, name)
    in_place = name.startswith("__i") and name != "__invert__"

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if in_place and (trace := running.get()) is not None and trace.rebinds:
            return NotImplemented
        if holds_traced(args) or (kwargs and holds_traced(kwargs.values())):
            return traced(self, *args, **kwargs)
        if in_place or name in _WRITE:
            written(self)
        return applied(found, traced, (self, *args), kwargs)

    method.__name__ = method.__qualname__ = name
    return method


def _conversion(name: str) -> Callable[..., Any]:
    return lambda self: getattr(self._read(), name)()


def _of_export(name: str) -> Callable[..., Any]:
    """A method of the ndarray whose result is other data in the same memory."""
    return lambda self, *args, **kwargs: getattr(exported(self, self.value), name)(*args, **kwargs)


_WRITE = frozenset({"byteswap", "fill", "partition", "put", "resize", "setfield", "sort"})
_OPERATORS = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift divmod"
_METHODS = """
__lt__ __le__ __gt__ __ge__ __eq__ __ne__ __neg__ __pos__ __abs__ __invert__ __contains__
__delitem__ all any argmax argmin argpartition argsort byteswap choose clip compress conj conjugate
cumprod cumsum diagonal dot dump dumps fill item max mean min nonzero partition prod put ravel
repeat reshape resize round searchsorted setfield sort squeeze std sum swapaxes take tobytes tofile
tolist trace transpose var
"""
for _name in ("bool", "complex", "float", "index", "int"):
    setattr(Buffer, f"__{_name}__", _conversion(f"__{_name}__"))
for _name in _METHODS.split():
    setattr(Buffer, _name, _method(_name))
for _name in _OPERATORS.split():
    for _place in ("", "r", "i") if _name != "divmod" else ("", "r"):
        setattr(Buffer, f"__{_place}{_name}__", _method(f"__{_place}{_name}__"))
for _name in ("view", "getfield", "__dlpack__"):
    setattr(Buffer, _name, _of_export(_name))
for _name in ("T", "mT", "real", "imag"):
    setattr(Buffer, _name, _attribute(_name))


def plain(x: Any) -> Any:
    """The ndarray of a buffer; other values are returned."""
    return x.value if isinstance(x, Buffer) else x


def plain_in(x: Any) -> Any:
    """A value, list or tuple, with ndarrays in place of buffers at any depth."""
    if type(x) in (list, tuple):
        return type(x)([plain_in(part) for part in x]) if holds_buffer(x) else x
    return x.value if isinstance(x, Buffer) else x


def holds_buffer(x: Any) -> bool:
    """Whether a value, list or tuple holds a buffer at any depth."""
    if isinstance(x, (list, tuple)):
        return any(map(holds_buffer, x))
    return isinstance(x, Buffer)


def note_read(x: "Buffer") -> None:
    """Note in the transforms that run that they read a buffer, which may be written later."""
    trace = running.get()
    if trace is not None:
        made = owner_of(x)._mark
        for each in (trace, *(outer for outer, _ in trace.around)):
            each.took = each.took or made < each.serial


def holds_traced(x: Any) -> bool:
    """Whether a value, or an iterable of values, holds a traced value that is no buffer."""
    if isinstance(x, Tracer):
        return type(x) is not Buffer
    return isinstance(x, _NESTED) and any(map(holds_traced, x))


_NESTED: Any = (list, tuple, type({}.values()))


def _buffers(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for x in values:
        if isinstance(x, Buffer):
            note_read(x)
            found.append(x)
        elif isinstance(x, (list, tuple)):
            found += _buffers(x)
    return found


def applied(function: Any, traced: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The result of NumPy for buffers: their ndarrays take their place.

    A result that is the array of a buffer becomes that buffer (of ``out=``). A view of one is
    computed again by ``traced``, the function of traced arrays, which remembers how it was taken.
    New floating arrays are buffers too, integers are not: those take no traced values.
    """
    given = _buffers((*args, *kwargs.values()))
    for x in given:
        changed(x)
    options = {name: plain_in(x) for name, x in kwargs.items()} if kwargs else kwargs
    found = function(*map(plain_in, args), **options)
    return _as_result(found, traced, args, kwargs, given)


def _as_result(found: Any, traced: Any, args: tuple, kwargs: dict[str, Any], given: Any) -> Any:
    """The result of ``applied``, from that of NumPy."""
    if not isinstance(found, (list, tuple)):
        return _one_result(found, given, traced, args, kwargs)
    if any(_owner_in(given, y) is not None for y in found):
        return _linked(found, given, traced, args, kwargs)
    parts = [_one_result(y, given, traced, args, kwargs) for y in found]
    return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)


def _one_result(y: Any, given: Any, traced: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if type(y) is not np.ndarray:
        return y
    for x in given:
        if y is x.value:
            return x
    if _owner_in(given, y) is not None:
        return _linked(y, given, traced, args, kwargs)
    return new_buffer(y, (args, kwargs.values()))


def new_buffer(y: np.ndarray, args: Iterable[Any]) -> Any:
    """The result of an operation as a buffer, if it is new and floating."""
    return y if y.dtype.kind not in "fc" or _is_of(y, args) else Buffer(y)


def _is_of(y: np.ndarray, values: Iterable[Any]) -> bool:
    """Whether an array is, or is a view of, an ndarray among the arguments."""
    for x in values:
        if isinstance(x, np.ndarray):
            if y is x or (y.base is not None and np.may_share_memory(y, x)):
                return True
        elif isinstance(x, _NESTED) and _is_of(y, x):
            return True
    return False


def _owner_in(given: Any, y: Any) -> Any:
    """The buffer with which an array shares memory, None if it is the array of one."""
    if type(y) is not np.ndarray or y.base is None or any(y is x.value for x in given):
        return None
    return next((x for x in given if np.may_share_memory(y, x.value)), None)


def _linked(found: Any, given: Any, traced: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Views of buffers, as the rules of traced arrays make them, or else NumPy's own."""
    try:
        linked = traced(*args, **kwargs)
    except (FuncgradError, IndexError, TypeError, ValueError):  # an option that only NumPy has
        linked = None
    return linked if holds_buffer(linked) else _exports(found, given)


def _exports(found: Any, given: Any) -> Any:
    """NumPy's own views, as ndarrays that share the memory of buffers."""
    if isinstance(found, (list, tuple)):
        return type(found)([_exports(y, given) for y in found])
    for x in given:
        if np.may_share_memory(found, x.value):
            return exported(x, found)
    return found


def settled(x: Any) -> Any:
    """A value of an outer trace, or a buffer, as it is now: later writes do not change it."""
    if not isinstance(x, Tracer):
        return x
    if not isinstance(x, Buffer):
        return snapshot(x)
    note_read(x)
    if type(x._memory) is View:
        return x.value.copy("K")
    return kept_copy(x)


def fresh_copy(x: Any) -> Any:
    """A copy of a traced array, which is a new array of the transforms that run now."""
    if isinstance(x, Buffer):
        return Buffer(x.value.copy("K"))
    return snapshot(x) if overrides["is_scalar"](x) else new_array(x)


def new_array(x: Any) -> Any:
    """The content of a traced value as a new array, not a scalar."""
    y = snapshot(x)
    y._memory = y._memory or Owner()
    y._memory.born = no_trace, next(serials)
    return y


def own(x: Any) -> Any:
    """A traced array as a function that may write into it takes it: a copy."""
    return fresh_copy(x) if isinstance(x, Tracer) else x


def returned(x: Any) -> Any:
    """A value as a transform gives it to its caller: copies of buffers and of read-only views."""
    if isinstance(x, np.ndarray):
        read_only = not x.flags.writeable and 0 not in x.strides  # of a broadcast array it stays
        return x.copy("K") if read_only else x
    return x.value.copy("K") if isinstance(x, Buffer) else x


def as_given(y: Any, leaves: Iterable[Any]) -> Any:
    """A new array that a transform gives: a buffer if it was given one, into which others write."""
    if type(y) is np.ndarray and y.dtype.kind in "fc":
        for x in leaves:
            if type(x) is Buffer:
                return Buffer(y)
    return y


def buffer(array: np.ndarray) -> Any:
    """An array that was made inside a transform: a buffer, otherwise the array itself."""
    return array if running.get() is None or array.dtype.kind not in "biufc" else Buffer(array)
