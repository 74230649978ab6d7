"""Filters as polynomials, as zeros and poles, as sections of second order, and as state spaces."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.frames import warn
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops import elementwise as ew
from ...ops.operand import operand
from ..floating import as_floating
from .pairing import nearest, of_values

_NEGLIGIBLE = 1e-14  # leading coefficients of a numerator, which are dropped


def coefficients(who: str, name: str, x: Any) -> Any:
    """A vector of floating numbers with an element at least."""
    x = as_floating(x)
    x = np.reshape(x, (1,)) if not shape_of(x) else x
    if len(shape_of(x)) != 1 or not shape_of(x)[0]:
        raise ShapeError(f"{who}: {name} must be a vector with elements: got {aval_of(x)}")
    return x


def product_of_roots(roots: Any, real: bool = False) -> Any:
    """The polynomial with leading coefficient 1 and these roots; its real part, if asked."""
    found = np.atleast_1d(np.poly(roots)) if shape_of(roots)[0] else np.ones(1)
    return ew.real(found) if real and ew.is_complex(found) else found


@answering
def normalize(b: Any, a: Any) -> tuple[Any, Any]:
    """Numerator and denominator divided by the first coefficient of the denominator.

    Args:
        b: numerator, shape [n], or [outputs, n].
        a: denominator, shape [m].

    Leading zeros are dropped where values are known; under ``jit`` and ``vmap`` they are kept.

    >>> normalize(np.array([2.0, 4.0]), np.array([2.0, 1.0]))
    (array([1., 2.]), array([1. , 0.5]))
    """
    b, a = as_floating(b), coefficients("normalize", "a", a)
    values = known(a)
    if values is not None:
        if not np.any(values):
            raise ValueError("normalize: the denominator must have a nonzero coefficient: got 0")
        a = a[np.flatnonzero(values)[0] :]
    rows = np.atleast_2d(b)
    b, a = rows / a[0], a / a[0]
    values = known(b)
    if values is not None:
        large = np.any(np.abs(values) > _NEGLIGIBLE, axis=0)
        first = int(np.argmax(large)) if large.any() else len(large) - 1
        if np.any(values[:, :first]):
            words = "normalize: leading coefficients of the numerator are dropped, which are tiny"
            warn(words, UserWarning)
        b = b[:, first:]
    return (b[0] if shape_of(b)[0] == 1 else b), a


@answering
def tf2zpk(b: Any, a: Any) -> tuple[Any, Any, Any]:
    """Zeros, poles and gain of a filter that is given by polynomials.

    Args:
        b, a: coefficients of the numerator and the denominator, the highest power first.

    >>> tf2zpk(np.array([2.0, -2.0]), np.array([1.0, -0.5]))
    (array([1.]), array([0.5]), np.float64(2.0))
    """
    b, a = normalize(b, a)
    return np.roots(b), np.roots(a), b[0]


@answering
def zpk2tf(z: Any, p: Any, k: Any) -> tuple[Any, Any]:
    """Polynomials of a filter that is given by zeros, poles and gain.

    Args:
        z, p: zeros [n] and poles [m], complex or real.
        k: gain.

    Returns:
        Coefficients [n + 1] and [m + 1], the highest power first. They are real where the roots
        are known to be real or in conjugate pairs; under ``jit`` and ``vmap`` those of complex
        roots are complex.

    >>> zpk2tf(np.array([1.0]), np.array([0.5j, -0.5j]), 2.0)
    (array([ 2., -2.]), array([1.  , 0.  , 0.25]))
    """
    z, p = (np.atleast_1d(as_floating(x)) for x in (z, p))
    return operand(k) * product_of_roots(z), product_of_roots(p)


def real_tf(z: Any, p: Any, k: Any) -> tuple[Any, Any]:
    """The same, of roots that are in conjugate pairs."""
    return k * product_of_roots(z, real=True), product_of_roots(p, real=True)


def sections_of(who: str, sos: Any) -> Any:
    """Coefficients of sections, checked."""
    sos = as_floating(sos)
    if len(shape_of(sos)) != 2 or shape_of(sos)[1] != 6:
        raise ShapeError(f"{who}: sos must be [sections, 6]: got {aval_of(sos)}")
    return sos


@answering
def sos2tf(sos: Any) -> tuple[Any, Any]:
    """Polynomials of a chain of filters of second order: products of those of the sections.

    Args:
        sos: shape [sections, 6], see :func:`sosfilt`.

    >>> sos2tf(np.array([[1.0, 1.0, 0.0, 1.0, -0.5, 0.0]]))
    (array([1., 1., 0.]), array([ 1. , -0.5,  0. ]))
    """
    sos = sections_of("sos2tf", sos)
    b, a = sos[0, :3], sos[0, 3:]
    for i in range(1, shape_of(sos)[0]):
        b, a = np.convolve(b, sos[i, :3]), np.convolve(a, sos[i, 3:])
    return b, a


@answering
def sos2zpk(sos: Any) -> tuple[Any, Any, Any]:
    """Zeros, poles and gain of a chain of filters of second order.

    >>> z, p, k = sos2zpk(np.array([[2.0, 2.0, 0.0, 1.0, -0.5, 0.0]]))
    >>> print(z.real, p.real, k)
    [-1.  0.] [0.5 0. ] 2.0
    """
    sos = sections_of("sos2zpk", sos)
    z: list[Any] = []
    p: list[Any] = []
    k: Any = 1.0
    for i in range(shape_of(sos)[0]):
        zeros, poles, gain = tf2zpk(sos[i, :3], sos[i, 3:])
        z, p, k = [*z, _two(zeros)], [*p, _two(poles)], k * gain
    return np.concatenate(z), np.concatenate(p), k


def _two(roots: Any) -> Any:
    """The roots of a section as complex numbers, with zeros in place of missing ones."""
    return np.concatenate([roots, np.zeros(2 - shape_of(roots)[0])]) + 0j


@answering
def tf2sos(b: Any, a: Any, pairing: str | None = None, *, analog: bool = False) -> Any:
    """Sections of second order of a filter that is given by polynomials; see :func:`zpk2sos`.

    >>> tf2sos(np.array([1.0, 1.0]), np.array([1.0, -0.5]))
    array([[ 1. ,  1. , -0. ,  1. , -0.5,  0. ]])
    """
    return zpk2sos(*tf2zpk(b, a), pairing, analog=analog)


@answering
def zpk2sos(z: Any, p: Any, k: Any, pairing: str | None = None, *, analog: bool = False) -> Any:
    """Sections of second order of a filter, each with the zeros nearest to its poles.

    Args:
        z, p: zeros and poles, real or in conjugate pairs.
        k: gain.
        pairing: "nearest", "keep_odd", or "minimal", that of analog filters; by the last two, which
            need values, a filter of odd order keeps a section of first order.
        analog: whether the filter is analog.

    Returns:
        Coefficients [sections, 6]. The poles nearest to the unit circle are in the last section.

    >>> zpk2sos(np.array([-1.0, -1.0]), np.array([0.5j, -0.5j]), 2.0)
    array([[ 2.  ,  4.  ,  2.  ,  1.  , -0.  ,  0.25]])
    """
    pairing = ("minimal" if analog else "nearest") if pairing is None else pairing
    _check_pairing(pairing, analog)
    z, p = (np.atleast_1d(as_floating(x)) + 0j for x in (z, p))
    n, m = shape_of(z)[0], shape_of(p)[0]
    if analog and n > m:
        raise ValueError(
            f"zpk2sos: an analog filter must have as many poles as zeros: got {m}, {n}"
        )
    if not n and not m:
        row = [operand(k), *map(np.float64, (0, 0, 1, 0, 0))]
        return np.stack([row[i] for i in (1, 2, 0, 4, 5, 3)] if analog else row)[None]
    if pairing == "minimal":
        rows = of_values(z, p, analog)
    else:
        size = max(n, m) + (max(n, m) % 2 if pairing == "nearest" else 0)
        z, p = (np.concatenate([x, np.zeros(size - shape_of(x)[0])]) for x in (z, p))
        rows = nearest(z, p) if pairing == "nearest" else of_values(z, p, False)
    low = pairing == "minimal"
    sections = [np.concatenate([_section(z, i, low), _section(p, j, low)]) for i, j in rows]
    gain = np.concatenate([np.stack([operand(k)] * 3), np.ones(3)])
    return np.stack([sections[0] * gain, *sections[1:]])


def _check_pairing(pairing: str, analog: bool) -> None:
    kinds = ("minimal",) if analog else ("nearest", "keep_odd", "minimal")
    if pairing not in kinds:
        raise ValueError(
            f"zpk2sos: pairing must be {' or '.join(map(repr, kinds))}: got {pairing!r}"
        )


def _section(roots: Any, pair: list[Any], low: bool) -> Any:
    """Three coefficients of the polynomial with at most two of the roots.

    A shorter one has zeros in front if ``low``, else it is multiplied by a power.
    """
    one, none = np.ones(()), np.zeros(())
    taken = [np.take(roots, i) for i in pair]
    row = {
        0: [one],
        1: [one, *[-x.real for x in taken]],
        2: [one, -(sum(taken) + 0.0).real, (taken[0] * taken[-1]).real if taken else none],
    }[len(taken)]
    rest = [none] * (3 - len(row))
    return np.stack([*rest, *row] if low else [*row, *rest])


# state spaces


@answering
def abcd_normalize(A: Any = None, B: Any = None, C: Any = None, D: Any = None) -> Any:  # noqa: N803
    """Matrices of a state space, with zeros in place of those that are missing.

    Args:
        A, B, C, D: shapes [n, n], [n, inputs], [outputs, n] and [outputs, inputs], or None.

    >>> abcd_normalize(np.eye(1), np.eye(1), np.eye(1))[3]
    array([[0.]])
    """
    given = [None if x is None else np.atleast_2d(as_floating(x)) for x in (A, B, C, D)]
    sizes: dict[str, int] = {}
    for name, x in zip((("n", "n"), ("n", "i"), ("o", "n"), ("o", "i")), given, strict=True):
        for axis, size in zip(name, shape_of(x) if x is not None else (), strict=False):
            if sizes.setdefault(axis, size) != size:
                raise ShapeError(
                    "abcd_normalize: the shapes must be [n, n], [n, i], [o, n] and [o, i]: got "
                    + ", ".join("None" if y is None else str(aval_of(y)) for y in given)
                )
    if len(sizes) < 3:
        raise ValueError("abcd_normalize: the matrices do not give n, inputs and outputs: add D")
    n, i, o = sizes["n"], sizes["i"], sizes["o"]
    shapes = (n, n), (n, i), (o, n), (o, i)
    return tuple(
        np.zeros(shape) if x is None else x for x, shape in zip(given, shapes, strict=True)
    )


@answering
def tf2ss(num: Any, den: Any) -> tuple[Any, Any, Any, Any]:
    """State space of a transfer function, in controller canonical form.

    Args:
        num: numerator, shape [n], or [outputs, n].
        den: denominator, shape [m] with m >= n.

    Returns:
        A [m - 1, m - 1], B [m - 1, 1], C [outputs, m - 1] and D [outputs, 1].

    >>> A, B, C, D = tf2ss(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    >>> print(A, B, C, D)
    [[-2.]] [[1.]] [[1.]] [[1.]]
    """
    num, den = normalize(num, den)
    num = np.atleast_2d(num)
    (outputs, n), m = shape_of(num), shape_of(den)[0]
    if n > m:
        raise ShapeError(
            f"tf2ss: num must not have more coefficients than den: got {aval_of(num)} and "
            f"{aval_of(den)}"
        )
    num = np.concatenate([np.zeros((outputs, m - n), dtype_of(num)), num], axis=1)
    d = num[:, :1]
    if m == 1:
        return np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((outputs, 1)), d
    a = np.concatenate([-den[None, 1:], np.eye(m - 2, m - 1, dtype=dtype_of(den))])
    return a, np.eye(m - 1, 1), num[:, 1:] - num[:, :1] * den[1:], d


@answering
def ss2tf(A: Any, B: Any, C: Any, D: Any, input: int = 0) -> tuple[Any, Any]:  # noqa: N803
    """Transfer function of a state space, of one of its inputs.

    Args:
        A, B, C, D: see :func:`abcd_normalize`.
        input: int, the input.

    Returns:
        Numerators [outputs, n + 1] and the denominator [n + 1].

    Source: Faddeev & Faddeeva 1963, "Computational methods of linear algebra", section 47. The
    coefficients are polynomials in those of the matrices, and smooth at equal eigenvalues.

    >>> num, den = ss2tf(-np.eye(1), np.eye(1), np.eye(1), np.zeros((1, 1)))
    >>> print(num, den)
    [[0. 1.]] [1. 1.]
    """
    a, b, c, d = abcd_normalize(A, B, C, D)
    b, d = b[:, input : input + 1], d[:, input : input + 1]
    n = shape_of(a)[0]
    unit = np.eye(n)
    m: Any = unit
    powers: list[Any] = [np.ones(())]
    rows: list[Any] = [np.zeros(shape_of(d))]
    for k in range(1, n + 1):
        rows.append(c @ m @ b)
        product = a @ m
        powers.append(-np.trace(product) / k)
        m = product + powers[-1] * unit
    den = np.stack(powers)
    return np.concatenate(rows, axis=1) + d * den, den


@answering
def zpk2ss(z: Any, p: Any, k: Any) -> tuple[Any, Any, Any, Any]:
    """State space of zeros, poles and gain; see :func:`tf2ss`.

    >>> print(zpk2ss(np.array([]), np.array([-1.0]), 2.0)[2])
    [[2.]]
    """
    return tf2ss(*zpk2tf(z, p, k))


@answering
def ss2zpk(A: Any, B: Any, C: Any, D: Any, input: int = 0) -> tuple[Any, Any, Any]:  # noqa: N803
    """Zeros, poles and gain of a state space with one output; see :func:`ss2tf`.

    >>> print(ss2zpk(-np.eye(1), np.eye(1), np.eye(1), np.eye(1)))
    (array([-2.]), array([-1.]), np.float64(1.0))
    """
    return tf2zpk(*ss2tf(A, B, C, D, input))
