"""Distributions with fixed parameters: ``norm(loc=1, scale=2).pdf(x)``."""

from collections.abc import Callable
from typing import Any

from ...core.nodes import register_node

# the methods whose first argument is no parameter
OF_POINTS = frozenset((
    "pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "interval",
))  # fmt: skip


class Frozen:
    """A distribution with its parameters; its methods take the other arguments.

    A tree, whose leaves are the parameters: it can be an argument of a differentiated function.

    >>> from funcgrad.scipy.stats import norm
    >>> print(norm(loc=1.0, scale=2.0).cdf(1.0))
    0.5
    """

    def __init__(self, dist: Any, args: tuple[Any, ...] = (), kwds: Any = None) -> None:
        self.dist, self.args, self.kwds = dist, tuple(args), dict(kwds or {})

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwds.items())]
        return f"{self.dist.name}({', '.join(given)})"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or "dist" not in self.__dict__:
            raise AttributeError(name)
        method = getattr(self.dist, name)

        def without_points(**options: Any) -> Any:
            return method(*self.args, **self.kwds, **options)

        def at_points(x: Any) -> Any:
            return method(x, *self.args, **self.kwds)

        bound = at_points if name in OF_POINTS else without_points
        bound.__qualname__ = f"{self!r}.{name}"  # Python's errors about arguments name it
        return bound


class Freezable:
    """A distribution that can be called with parameters."""

    name: str

    def __call__(self, *args: Any, **given: Any) -> Frozen:
        """The distribution with these parameters; its methods take the points alone."""
        return Frozen(self, args, given)


register_node(
    Frozen,
    lambda x: ((x.args, x.kwds), x.dist),
    lambda dist, parts: Frozen(dist, *parts),
)
