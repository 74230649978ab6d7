"""Walks over trees of modules: which modules there are, at which paths, and copies of them."""

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from ..core import tree
from ..core.nodes import GetAttrKey, Path


def is_module(x: Any) -> TypeGuard[Any]:
    """Return whether an object is of a class that the decorator ``module`` has made."""
    return hasattr(type(x), "__children__")


def modules_in(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every module of a tree with its path, parents before their children."""
    if is_module(node):
        yield path, node
    below = lambda x: x is not node and is_module(x)
    for step, x in tree.leaves_with_path(node, is_leaf=below):
        if is_module(x):
            yield from modules_in(x, (*path, *step))


def text_of(path: Path) -> str:
    """Return a path as one writes it after the model's name and a dot."""
    return tree.keystr(path).removeprefix(".")


def path_of(inner: Any, outer: Any) -> Path | None:
    """Return the first path at which this very module stands in a tree."""
    return next((path for path, m in modules_in(outer) if m is inner), None)


def rebuilt(node: Any, fields_of: Callable[[Path, Any], dict[str, Any]], path: Path = ()) -> Any:
    """Return a copy of a tree in which modules have new values for some of their fields.

    Args:
        fields_of: ``(path, module) -> {name: value}``, called with the modules of ``node``.
    """

    def below(step: Path, x: Any) -> Any:
        return rebuilt(x, fields_of, (*path, *step)) if is_module(x) else x

    if not is_module(node):
        return tree.map_with_path(below, node, is_leaf=is_module)
    fields = {**node.__dict__}
    given = fields_of(path, node)
    for name in (n for n in node.__children__ if n not in given):
        here = GetAttrKey(name)
        fields[name] = tree.map_with_path(
            lambda step, x, here=here: below((here, *step), x), fields[name], is_leaf=is_module
        )
    return with_fields(node, {**fields, **given})


def with_fields(module: Any, fields: dict[str, Any]) -> Any:
    """Return a module of the same class with these fields, unchecked."""
    copy = object.__new__(type(module))
    copy.__dict__.update(fields)
    return copy
