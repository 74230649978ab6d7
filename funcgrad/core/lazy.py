"""Public names of a package, and loading them at first use."""

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from .registry import load


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


def missing(module: str, name: str) -> Exception:
    """The error for a name that a public module lacks; it names the counterpart, if there is one.

    Called by the ``__getattr__`` of the module.
    """
    asking = sys._getframe(2)
    if asking.f_globals.get("__name__", "").startswith(("importlib.", "funcgrad.")):
        return AttributeError(f"module {module!r} has no attribute {name!r}")  # while parts load
    return load("funcgrad.core.missing").attribute(module, name, asking)  # type: ignore[no-any-return]


def answer_keywords(who: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise the error that names our keyword, if a module is given that of another library."""
    switched = isinstance(given.get("bias"), bool)  # a switch, where the array is meant
    unknown = given.keys() - set(known) | ({"bias"} if switched else set())
    if unknown:
        load("funcgrad.core.missing").check_keywords("module", who, unknown, known)


def recipes(package: str, names: str) -> None:
    """Let optimizers name our keyword in the error where they are given another library's."""
    own = vars(sys.modules[package])
    for name in names.split():
        home = vars(sys.modules[own[name].__module__])  # where pickle looks for it
        own[name] = home[name] = _answering(own[name])


def _answering(recipe: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(recipe)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return recipe(*args, **kwargs)
        except TypeError as err:
            load("funcgrad.core.missing").check_keywords("optimizer", recipe.__name__, kwargs)
            raise err.with_traceback(None) from None

    return call


def unknown(kind: str) -> Any:
    """The ``__getattr__`` of a class, for attributes that instances lack, of peers' models, say."""

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807, it is one
        words = f"{type(self).__name__!r} object has no attribute {name!r}"
        hint = "" if name[0] == "_" else load("funcgrad.core.missing").member(kind, name)
        raise AttributeError(words + hint, name=name, obj=self)

    return __getattr__
