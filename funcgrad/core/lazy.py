"""Public names of a package, and loading them at first use."""

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from .registry import load

Public = TypeVar("Public", bound=Callable[..., Any])


def homes_of(contents: Mapping[str, str]) -> dict[str, str]:
    """Name -> module, from module -> names."""
    return {name: module for module, names in contents.items() for name in names.split()}


def fetched(package: str, module: str, name: str) -> Any:
    """Value of a name in a module below a package, which is stored in the package."""
    return kept(package, name, getattr(load(f"{package}.{module}"), name))


def kept(package: str, name: str, value: Any) -> Any:
    """Store a value in a module unless another thread was faster; the stored value."""
    return vars(sys.modules[package]).setdefault(name, value)


def publish(name: str, more: Iterable[str] = ()) -> None:
    """Set ``__all__`` and ``__dir__`` of a public module; called at its end.

    Names without an underscore are public, submodules only if they are in ``more``, which also
    lists names that are loaded later. A module with helpers defines ``__all__`` itself.
    """
    module = sys.modules[name]
    own = vars(module)
    names = own.get("__all__") or [n for n, x in own.items() if not isinstance(x, ModuleType)]
    listed = sorted({n for n in [*names, *more] if n[0] != "_"})
    module.__all__ = listed  # type: ignore[attr-defined]
    module.__dir__ = listed.copy  # type: ignore[method-assign]
    if "__getattr__" not in own:

        def __getattr__(name: str) -> Any:  # noqa: N807, asked for names that the module lacks
            raise missing(module.__name__, name)

        module.__getattr__ = __getattr__  # type: ignore[method-assign]


def late(
    package: str, parts: Iterable[str], homes: Mapping[str, str], more: Iterable[str] = ()
) -> None:
    """``publish`` for a package of which submodules, and names of modules, are loaded at first use.

    Args:
        package: its name.
        parts: the public submodules.
        homes: name -> module.
        more: further public names.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807, asked for names that the package lacks
        if name in parts:
            return load(f"{package}.{name}")
        if name in homes:
            return fetched(package, homes[name], name)
        raise missing(package, name)

    vars(sys.modules[package])["__getattr__"] = __getattr__
    publish(package, [*parts, *homes, *more])


def missing(module: str, name: str) -> Exception:
    """The error for a name that a public module lacks; it names the counterpart, if there is one.

    Called by the ``__getattr__`` of the module.
    """
    asking = sys._getframe(2)
    if asking.f_globals.get("__name__", "").startswith(("importlib.", "funcgrad.")):
        return AttributeError(f"module {module!r} has no attribute {name!r}")  # while parts load
    return load("funcgrad.core.missing").attribute(module, name, asking)  # type: ignore[no-any-return]


def answering(public: Public, who: str = "") -> Public:
    """Let a public function, or class, name itself and its arguments in errors of its body.

    Args:
        public: the function or class; or a closure, which has no public name.
        who: the name in errors, of a closure.
    """
    function: Any = public.__init__ if isinstance(public, type) else public  # type: ignore[misc]
    local = "<locals>" in public.__qualname__
    name = who or (public.__name__ if local else public.__qualname__)
    if hasattr(function, "answers"):  # another decorator is around it
        return public

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            out = function(*args, **kwargs)
        except Exception as err:
            told = load("funcgrad.answers.binding").answered(err, name, function, args, kwargs)
            if told is err:
                raise
            raise told from None
        if local or (
            _NO_SCALARS.isdisjoint(map(type, args))
            and not (kwargs and not _NO_SCALARS.isdisjoint(map(type, kwargs.values())))
        ):
            return out
        _check_scalars(name, function, args, kwargs)
        return out

    if who:
        return call  # type: ignore[return-value]  # pickle finds it by its place here
    functools.update_wrapper(call, function)
    call.answers = True  # type: ignore[attr-defined]
    if function is public:
        return call  # type: ignore[return-value]
    public.__init__ = call  # type: ignore[misc, method-assign]
    return public


# types of arguments that are no scalars, which Python may take for one: "no" is true
_NO_SCALARS: frozenset[type] = frozenset({str, bytes, dict, list, set, object})
_SCALARS = frozenset(
    {bool, int, float, str, bool | None, int | None, float | None, int | float, str | None}
)


def _check_scalars(
    name: str, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Raise for a text or a container where a function, which has returned, takes a scalar."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    takes, code = getattr(function, "__annotations__", {}), getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    documented: Any = type(args[0]) if function.__name__ == "__init__" else function
    given = {}
    for n, x in (*zip(names, args, strict=False), *kwargs.items()):
        if type(x) is str and _takes_text(function, n, documented):
            continue
        if type(x) is str or (type(x) in _NO_SCALARS and takes.get(n) in _SCALARS):
            given[n] = x
    if given:
        load("funcgrad.answers.binding").check_given(name, function, given, documented)


@functools.lru_cache(1024)
def _takes_text(function: Any, name: str, documented: Any) -> bool:
    """Whether a parameter of a public function takes texts, as far as is known."""
    takes = load("funcgrad.answers.binding").takes_text
    return takes(function, name, documented)  # type: ignore[no-any-return]


def checking(public: Public) -> Public:
    """The same, and check the arguments of each call: for what makes an object."""
    function: Any = answering(public)
    if isinstance(function, type):
        function.__init__ = _checking(function.__init__, public.__name__)  # type: ignore[misc]
        return function  # type: ignore[return-value]
    return _checking(function, public.__name__)  # type: ignore[no-any-return]


def _checking(function: Callable[..., Any], who: str) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        load("funcgrad.answers.binding").check_arguments(who, function, args, kwargs)
        return made

    return call


def recipes(package: str, names: str) -> None:
    """The same for functions of a package, in the modules where pickle looks for them."""
    own = vars(sys.modules[package])
    for name in names.split():
        own[name] = vars(sys.modules[own[name].__module__])[name] = answering(own[name])


def calls(package: str, names: str) -> None:
    """Let the optimizers that functions of a package return keep the call, which they show."""
    own = vars(sys.modules[package])
    for name in names.split():
        own[name] = vars(sys.modules[own[name].__module__])[name] = _keeping(own[name])


def _keeping(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        load("funcgrad.answers.binding").check_arguments(call.__name__, function, args, kwargs)
        made.update.call = call, args, kwargs
        return made

    return call


def is_inside_call(err: TypeError) -> bool:
    """Whether an error, just caught where a function is called, was raised in its body."""
    return err.__traceback__ is None or err.__traceback__.tb_next is not None


_PROBED = ("aval", "dtype", "shape")  # by which we find arrays


def unknown(kind: str) -> Any:
    """The ``__getattr__`` of a class, for attributes that instances lack, of peers' models, say."""

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807, it is one
        words = f"{type(self).__name__!r} object has no attribute {name!r}"
        asked = name[0] != "_" and name not in _PROBED
        hint = "" if not asked else load("funcgrad.core.missing").member(kind, name, dir(self))
        if asked and not hint and kind == "object":
            public = [n for n in dir(type(self)) if n[0] != "_"]
            hint = f"; it has {', '.join(public[:12])}"
        if asked and not hint and kind == "model":
            fields = ", ".join(getattr(self, "__dataclass_fields__", {}))
            hint = (
                f"; its fields are {fields}" if fields else "; declare it as a field of its class"
            )
        raise AttributeError(words + hint, name=name, obj=self)

    return __getattr__
