"""Models as frozen dataclasses that are trees: arrays are leaves, all other fields are static.

The constructor describes a module (sizes, activations); ``init(key)`` returns a copy with a value
for each declared parameter. A module is never changed in place. The gradient of a loss with respect
to a module is a module of the same class.
"""

import dataclasses
import functools
import sys
import zlib
from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from typing_extensions import dataclass_transform

from ..answers.misfits import told
from ..core import tree
from ..core.avals import Shape, aval_of, is_arraylike, is_foreign
from ..core.errors import FuncgradError, MutationError
from ..core.lazy import answering, checking, unknown
from ..core.nodes import (
    GetAttrKey,
    Parameters,
    Path,
    handlers,
    register_dataclass,
    register_parameters,
)
from ..core.outline import outline
from ..core.registry import load
from ..core.trace import Tracer
from ..random import Key, fold_in
from ..random.keys import no_key
from .annotations import mentions_children
from .apply import check_drawn, no_number, ready
from .init import Initializer
from .traverse import replace_fields

T = TypeVar("T")


class ModuleError(FuncgradError, TypeError):
    """A module whose fields contradict their annotations.

    >>> from funcgrad import nn
    >>> @nn.module
    ... class Net:
    ...     layers: tuple
    >>> Net((nn.Dense(2, 1),))
    Traceback (most recent call last):
    funcgrad.nn.module.ModuleError: Net: the field 'layers' is static by its annotation, so ...

    Fields of arrays and modules are trained, all others are structure. The fix is the annotation
    ``layers: tuple[nn.Module, ...]``.
    """


@dataclasses.dataclass(frozen=True)
class Param:
    """How a parameter is drawn: an initializer, or the name of its field, and the shape."""

    initializer: Initializer | str
    shape: Shape | Callable[[Any], Shape | None]
    is_state: bool = False

    def draw(self, owner: Any, key: Key, dtype: Any) -> Any:
        shape = self.shape_in(owner)
        if shape is None:
            return None
        given = self.initializer
        return (getattr(owner, given) if isinstance(given, str) else given)(key, shape, dtype)

    def shape_in(self, owner: Any) -> Shape | None:
        return self.shape(owner) if callable(self.shape) else self.shape


@checking
def param(initializer: Initializer | str, shape: Any = (), *, init: Literal[False] = False) -> Any:
    """Declare a field of a module as a parameter, which ``init(key)`` draws.

    The field is keyword-only, and None until it is drawn.

    Args:
        initializer: a function ``(key, shape, dtype) -> array``, see ``nn.init``; or the name of
            the field that holds one.
        shape: a tuple, or a function of the module that returns one, or None for no parameter.
        init: tells type checkers that the constructor needs no value for the field.

    >>> import funcgrad as fg
    >>> from funcgrad import nn
    >>> @nn.module
    ... class Scale:
    ...     size: int
    ...     factor: nn.Array = nn.param(nn.init.ones, shape=lambda self: (self.size,))
    >>> Scale(3).init(fg.random.key(0))
    Scale(size=3, factor=f32[3])
    """
    return _declared(Param(initializer, shape))


@answering
def state(initializer: Initializer | str, shape: Any = (), *, init: Literal[False] = False) -> Any:
    """Declare a field as state, which ``init(key)`` draws and which is not trained.

    It is a leaf of the model like a parameter, but False in ``nn.trainable``. A layer reads it with
    ``stop_gradient``, and updates it with ``nn.refresh``.

    Args:
        initializer, shape, init: as in :func:`param`.

    >>> from funcgrad import nn
    >>> nn.BatchNorm(3).__states__
    ('mean', 'var')
    """
    return _declared(Param(initializer, shape, is_state=True))


def _declared(spec: Param) -> Any:
    return dataclasses.field(default=None, kw_only=True, metadata={"param": spec})


class Module(ABC):  # noqa: B024, abstract only in that it registers other classes
    """Base of all modules, for annotations and ``isinstance``.

    A class decorated with :func:`module` need not inherit from it; if it does, type checkers know
    its method ``init``.
    """

    __children__: ClassVar[tuple[str, ...]] = ()
    __static__: ClassVar[tuple[str, ...]] = ()
    __params__: ClassVar[dict[str, Param]] = {}  # with the states
    __states__: ClassVar[tuple[str, ...]] = ()
    __frozen__: ClassVar[bool] = False  # whether none of the children is trained
    if TYPE_CHECKING:
        __call__: Callable[..., Any]  # the arguments differ between modules
    else:
        __getattr__ = unknown("model")
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = no_number

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if "__children__" not in vars(cls):
            raise ModuleError(
                f"{cls.__name__}: the class is not a module: write @nn.module above "
                f"`class {cls.__name__}(...)`"
            )
        if isinstance(kwargs.get("bias"), bool):  # a switch, where the array is meant
            load("funcgrad.answers.binding").check_keywords(
                cls.__name__, ["bias"], getattr(cls, "__dataclass_fields__", {}).keys() - {"bias"}
            )
        return super().__new__(cls)

    @answering
    def init(self, key: Key, dtype: Any = np.float32) -> Self:
        """A copy with all parameters drawn, including those of inner modules.

        Args:
            key: a single key. The key of a parameter is this key folded with the parameter's path,
                so adding a layer does not change the parameters of the others.
            dtype: dtype of the parameters.
        """
        if not isinstance(key, Key):
            raise no_key(f"{type(self).__name__}.init", key)
        if is_arraylike(dtype) or isinstance(dtype, tuple):
            raise TypeError(
                f"{type(self).__name__}.init: dtype must be a dtype: got {outline(dtype)}; write "
                f"init(key), since a layer knows its sizes"
            )
        return _drawn(self, key, dtype)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_building" not in self.__dict__:
            raise _frozen(self, name)
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        raise _frozen(self, name)

    def __eq__(self, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        (xs, one), (ys, two) = tree.flatten(self), tree.flatten(other)
        return one == two and all(map(_same, xs, ys))

    def __hash__(self) -> int:
        return hash(tree.structure(self))

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        every: Any = dataclasses.fields(type(self))  # type: ignore[arg-type]
        fields = [f for f in every if _is_shown(getattr(self, f.name, None), f)]
        return type(self).__name__, [(f.name, getattr(self, f.name)) for f in fields]

    __repr__ = outline

    def _repr_html_(self) -> str:
        return str(load("funcgrad.core.html").tree_html(self))


# not frozen to type checkers, since __init__ and __post_init__ may assign to self
@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field, param, state))
def module(cls: type[T]) -> type[T]:
    """Make a class a frozen dataclass and a tree node, with a method ``init(key)``.

    A field is a child (its arrays are leaves) if it is declared with :func:`param`, or if its
    annotation mentions ``Array``, ``np.ndarray``, ``nn.Module``, a module class or a registered
    node, also in a container: ``tuple[nn.Dense, ...]``. Other fields are static: they are part of
    the structure, and must be hashable. ``field(metadata={"static": True})`` overrides this.
    Only ``__init__`` and ``__post_init__`` may assign to ``self``. Trees have no identity: a layer
    in two fields becomes two layers with separate parameters. To share a layer, hold it in one
    field and call it twice.

    Raises, when a module is built:
        ModuleError: if a static field holds an array, a module or an unhashable object, or an
            attribute that is no field a module.

    >>> import funcgrad as fg
    >>> from funcgrad import nn
    >>> @nn.module
    ... class Block:
    ...     inner: nn.Dense
    ...     scale: float = 1.0
    ...     def __call__(self, x, *, key=None):
    ...         return x + self.scale * self.inner(x)
    >>> Block(nn.Dense(3, 3)).init(fg.random.key(0))(np.ones(3)).shape
    (3,)
    """
    if not isinstance(cls, type):
        raise ModuleError(
            f"module: it takes a class: got {told(cls)}; a function needs no decorator"
        )
    names = _names_seen_by(cls, sys._getframe(1).f_locals)
    for name in ("init", "__eq__", "__hash__", "__repr__", "_repr_html_", "__getattr__"):
        if getattr(cls, name, None) is getattr(object, name, None):  # nobody has defined it
            setattr(cls, name, vars(Module)[name])
    if cls.__repr__ is outline and not hasattr(cls, "__outline__"):
        cls.__outline__ = Module.__outline__  # type: ignore[attr-defined]
    # instead of frozen=True: better errors, and a third of the time to build
    built: Any = dataclasses.dataclass(eq=False, repr=False)(cls)
    built.__setattr__, built.__delattr__ = Module.__setattr__, Module.__delattr__
    Module.register(built)
    names[cls.__name__] = built
    fields = dataclasses.fields(built)
    built.__children__ = tuple(f.name for f in fields if _is_child(built, f, names))
    built.__static__ = tuple(f.name for f in fields if f.name not in built.__children__)
    built.__params__ = {f.name: f.metadata["param"] for f in fields if "param" in f.metadata}
    built.__states__ = tuple(name for name, spec in built.__params__.items() if spec.is_state)
    register_dataclass(built, built.__children__, built.__static__)
    untrained = built.__children__ if getattr(built, "__frozen__", False) else built.__states__
    register_parameters(built, Parameters(frozenset(map(GetAttrKey, untrained)), check_drawn))
    built.__init__ = _checked(built.__init__)
    if "__call__" in vars(built):
        built.__call__ = ready(vars(built)["__call__"])
    return built


# the decorator


def _names_seen_by(cls: type, local: dict[str, Any]) -> dict[str, Any]:
    """The values of names in the annotations of a class, which may be strings."""
    names: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        names |= vars(sys.modules.get(base.__module__, sys))
    return names | local


def _is_child(cls: Any, f: dataclasses.Field, names: dict[str, Any]) -> bool:
    if "param" in f.metadata:
        return True
    if "static" in f.metadata:
        return not f.metadata["static"]
    for base in cls.__mro__[1:]:
        if f is getattr(base, "__dataclass_fields__", {}).get(f.name) and base in handlers:
            return f.name in base.__children__  # decided where it was declared
    return mentions_children(f.type, names, Module)


_OURS = __name__.rpartition(".")[0]  # where annotations say all that a field takes


def _checked(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a constructor so that it may assign to self, and that the result is checked."""

    @functools.wraps(init)
    def build(self: Any, *args: Any, **kwargs: Any) -> None:
        outermost = "_building" not in self.__dict__
        self.__dict__["_building"] = True
        try:
            init(self, *args, **kwargs)
        except Exception as err:
            who = type(self).__name__
            told = load("funcgrad.answers.binding").answered(err, who, init, (self, *args), kwargs)
            if told is err:
                raise
            raise told from None
        if outermost:
            del self.__dict__["_building"]
            check_fields(self)
            if type(self).__module__.startswith(_OURS):
                check = load("funcgrad.answers.binding").check_arguments
                check(type(self).__name__, init, (self, *args), kwargs)

    return build


# drawing and checking


def _drawn(model: Any, key: Key, dtype: Any) -> Any:
    """A copy of a module with all parameters drawn."""

    def fields_of(path: Path, m: Any) -> dict[str, Any]:
        return {
            name: spec.draw(m, fold_in(key, _number((*path, GetAttrKey(name)))), dtype)
            for name, spec in m.__params__.items()
        }

    return replace_fields(model, fields_of)


def _number(path: Path) -> int:
    return zlib.crc32(tree.keystr(path).encode())


def check_fields(model: Any) -> None:
    """Raise if the fields of a module contradict its declaration."""
    who = type(model).__name__
    if type(model) not in handlers:
        raise ModuleError(
            f"{who}: a subclass of a module is not a module, and its arrays would not be "
            f"trained: decorate it with @nn.module"
        )
    for name in (*model.__children__, *model.__static__):
        if not hasattr(model, name):
            raise ModuleError(f"{who}: the field {name!r} was not set: set it in __init__")
    check_declared(model)
    for name in model.__static__:
        value = getattr(model, name)
        if type(value) is str and "Callable" in str(model.__dataclass_fields__[name].type):
            found = f"nn.{value}" if hasattr(load("funcgrad.nn"), value) else "a function of nn"
            raise ModuleError(
                f"{who}: the field {name!r} must be a function: got {value!r}; write {found}"
            )
        for x in tree.leaves(value, is_leaf=lambda x: isinstance(x, Module)):
            if isinstance(x, np.ndarray | Tracer | Module) or is_foreign(x):
                if "Callable" in str(model.__dataclass_fields__[name].type) and value is x:
                    raise ModuleError(
                        f"{who}: the field {name!r} must be a function: got {aval_of(x)}; give the "
                        f"function itself: nn.relu, not nn.relu(x)"
                    )
                raise ModuleError(
                    f"{who}: the field {name!r} is static by its annotation, so its value "
                    f"would not be trained: got {outline(x)}; annotate it with nn.Array or "
                    f"nn.Module, in a container tuple[nn.Module, ...]"
                )
        try:
            hash(value)
        except TypeError:
            raise ModuleError(
                f"{who}: the field {name!r} is static, so it must be hashable: got "
                f"{outline(value)}; use a tuple for a list, or annotate it with nn.Array"
            ) from None


def check_declared(model: Any) -> None:
    """Raise if an attribute that is no field holds a module: its arrays would not be trained."""
    for name, value in {**vars(type(model)), **vars(model)}.items():
        if name in model.__dataclass_fields__ or not isinstance(value, Module | list | tuple):
            continue
        for x in tree.leaves(value, is_leaf=lambda x: isinstance(x, Module)):
            if isinstance(x, Module):
                who, kind = type(model).__name__, type(x).__name__
                text = kind if value is x else f"tuple[{kind}, ...]"
                raise ModuleError(
                    f"{who}: the attribute {name!r} is no field, so its module would not be "
                    f"trained: got {outline(value)}; declare it in the class: {name}: {text}"
                )


def _frozen(model: Any, name: str) -> MutationError:
    return MutationError(
        f"{type(model).__name__}.{name}: a module cannot be changed in place: write "
        f"model = dataclasses.replace(model, {name}=value)"
    )


def _same(x: Any, y: Any) -> bool:
    if not (is_arraylike(x) and is_arraylike(y)):
        return bool(x == y)
    return x is y or (aval_of(x) == aval_of(y) and bool(np.all(x == y)))


def _is_shown(value: Any, f: dataclasses.Field) -> bool:
    """Whether ``repr`` shows a field: its value is not the default."""
    return value is not f.default and (
        isinstance(value, (np.ndarray, Module)) or is_arraylike(value) or value != f.default
    )
