"""``stop_gradient``: the identity, with derivative 0."""

from typing import Any

from typing_extensions import override

from ..core import tree
from ..core.avals import Aval
from ..core.companions import Codegen
from ..core.errors import shown
from ..core.lazy import answering
from ..core.ownership import copied
from ..core.trace import Primitive, Tracer
from ..core.tree import handler_of
from .structure import Batched


class StopGradient(Primitive, Codegen):
    """The identity, with derivative 0."""

    differentiable = False

    @override
    def run(self, x: Any) -> tuple[Any, ...]:
        return (copied(x),)  # the user may write to the copy, and a derivative may read x

    @override
    def infer(self, x: Aval) -> tuple[Aval, ...]:
        return (x,)

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        return self.bind(*args), axes

    def lower(self, build: Any, x: Any) -> Any:
        return x


stop_gradient_p = StopGradient("stop_gradient")


@answering
def stop_gradient(x: Any) -> Any:
    """``x``, an array or a tree, as a constant in every derivative.

    >>> from funcgrad import grad
    >>> print(grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    if callable(x) and handler_of(x) is None and not isinstance(x, Tracer):
        raise TypeError(
            f"stop_gradient: x must be an array or a tree: got {shown(x)}; write "
            f"stop_gradient(f(x)) for the value of a function"
        )
    return tree.map(lambda leaf: stop_gradient_p(leaf) if isinstance(leaf, Tracer) else leaf, x)
