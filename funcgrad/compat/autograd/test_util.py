"""Checks of derivatives against central differences."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from .core import make_jvp, make_vjp, vspace
from .wrap_util import get_name, unary_to_nary

TOL = RTOL = EPS = 1e-6


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers differ by at most 1e-6, or by 1e-6 of their sum."""
    return bool(abs(a - b) < TOL or abs(a - b) < RTOL * abs(a + b))


def make_numerical_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The map from a tangent to that of the output, by central differences."""
    inputs, outputs = vspace(x), vspace(f(x))

    def moved(v: Any, step: float) -> Any:
        return f(inputs.add(x, inputs.scalar_mul(v, step)))

    def jvp(v: Any) -> Any:
        above, below = moved(v, EPS / 2), moved(v, -EPS / 2)
        difference = outputs.add(above, outputs.scalar_mul(below, -1.0))
        return outputs.scalar_mul(difference, 1 / EPS)

    return jvp


def check_equivalent(x: Any, y: Any) -> None:
    """Raise AssertionError unless two values have the same structure, dtypes and numbers."""
    space, other = vspace(x), vspace(y)
    assert space == other, f"VSpace mismatch:\nx: {space}\ny: {other}"
    v = space.randn()
    close = scalar_close(space.inner_prod(x, v), space.inner_prod(y, v))
    assert close, f"Value mismatch:\nx: {x}\ny: {y}"


def check_vjp(f: Callable[[Any], Any], x: Any) -> None:
    """Compare the reverse mode of a function with differences, along random directions."""
    vjp, y = make_vjp(f, x)
    inputs, outputs = vspace(x), vspace(y)
    t, ct = inputs.randn(), outputs.randn()
    pulled = inputs.covector(vjp(outputs.covector(ct)))
    assert vspace(pulled) == inputs, f"VSpace mismatch:\n{vspace(pulled)}\n{inputs}"
    exact = inputs.inner_prod(t, pulled)
    numeric = outputs.inner_prod(ct, make_numerical_jvp(f, x)(t))
    assert scalar_close(numeric, exact), (
        f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\n"
        f"analytic: {exact}\nnumeric:  {numeric}"
    )


def check_jvp(f: Callable[[Any], Any], x: Any) -> None:
    """Compare the forward mode of a function with differences, along a random direction."""
    t = vspace(x).randn()
    check_equivalent(make_jvp(f, x)(t)[1], make_numerical_jvp(f, x)(t))


@unary_to_nary
def check_grads(
    f: Callable[[Any], Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> None:
    """Check derivatives of a function, and those of its derivatives up to an order."""
    if not set(modes) <= {"fwd", "rev"}:
        raise ValueError(f'check_grads: modes are "fwd" and "rev": got {modes}')
    if "fwd" in modes:
        check_jvp(f, x)
        if order > 1:
            pushed = lambda x, v: make_jvp(f, x)(v)[1]
            pushed.__name__ = f"jvp_{get_name(f)}"
            check_grads(pushed, (0, 1), modes, order=order - 1)(x, vspace(x).randn())
    if "rev" in modes:
        check_vjp(f, x)
        if order > 1:
            pulled = lambda x, v: make_vjp(f, x)[0](v)
            pulled.__name__ = f"vjp_{get_name(f)}"
            check_grads(pulled, (0, 1), modes, order=order - 1)(x, vspace(f(x)).randn())


def combo_check(fun: Callable[..., Any], *options: Any, **named: Any) -> Callable[..., None]:
    """Check derivatives for all combinations of the given arguments and keywords."""

    def check(*choices: Any, **keywords: Any) -> None:
        pairs = [[(key, x) for x in values] for key, values in keywords.items()]
        for args in product(*choices):
            for kwargs in product(*pairs):
                check_grads(fun, *options, **named)(*args, **dict(kwargs))

    return check
