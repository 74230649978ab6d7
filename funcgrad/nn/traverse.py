"""Traversal of trees of modules: the modules with their paths, and copies with other fields."""

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from ..core import tree
from ..core.nodes import GetAttrKey, Path


def is_module(x: Any) -> TypeGuard[Any]:
    """Whether the class of an object was decorated with ``nn.module``."""
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
    """The text of a path, as written after ``model.``."""
    return tree.keystr(path).removeprefix(".")


def path_of(inner: Any, outer: Any) -> Path | None:
    """The first path of a module in a tree, by identity."""
    return next((path for path, m in modules_in(outer) if m is inner), None)


def replace_fields(
    node: Any, fields_of: Callable[[Path, Any], dict[str, Any]], path: Path = ()
) -> Any:
    """A copy of a tree with new values for some fields of its modules.

    Args:
        fields_of: ``(path, module) -> {name: value}``, called with each module of ``node``.
    """

    def below(step: Path, x: Any) -> Any:
        return replace_fields(x, fields_of, (*path, *step)) if is_module(x) else x

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
    """A module of the same class with these fields, unchecked."""
    copy = object.__new__(type(module))
    copy.__dict__.update(fields)
    return copy
