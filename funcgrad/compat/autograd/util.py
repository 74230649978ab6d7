"""Tuples with some items replaced, the order of a graph, and names of derived functions."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...core.registry import load


def subvals(x: Sequence[Any], items: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """A tuple with items replaced, given as pairs (position, value)."""
    replaced = list(x)
    for place, value in items:
        replaced[place] = value
    return tuple(replaced)


def subval(x: Sequence[Any], i: int, v: Any) -> tuple[Any, ...]:
    """A tuple with one item replaced."""
    return subvals(x, [(i, v)])


def toposort(
    end_node: Any, parents: Callable[[Any], Iterable[Any]] = lambda node: node.parents
) -> Iterator[Any]:
    """Nodes of a graph, each before its parents."""
    waiting: dict[Any, int] = {}  # edges from children that are not given yet
    stack = [end_node]
    while stack:
        node = stack.pop()
        waiting[node] = waiting.get(node, 0) + 1
        if waiting[node] == 1:
            stack.extend(parents(node))
    ready = [end_node]
    while ready:
        node = ready.pop()
        yield node
        for parent in parents(node):
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)


def func(f: Any) -> Any:
    """Pass a function through, as Python 2's methods needed."""
    return f


def quick_grad_check(
    fun: Callable[..., Any], arg0: Any, extra_args: Sequence[Any] = (), kwargs: Any = None, **_: Any
) -> None:
    """Check first derivatives in reverse mode; :func:`check_grads` is the newer name."""
    warnings.warn("quick_grad_check is deprecated: use test_util.check_grads", stacklevel=2)
    check_grads = load(f"{__package__}.test_util").check_grads
    of_first = lambda x: fun(x, *extra_args, **(kwargs or {}))
    check_grads(of_first, modes=["rev"], order=1)(arg0)
