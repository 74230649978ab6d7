"""One table: of every primitive, the operands and parameters on which its rules are tested.

A new primitive adds one row; ``test_rules.py`` fails until it does. The laws are all there, so a
row says only what the operation needs: shapes that broadcast, a domain in which it is smooth.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from funcgrad.ops.index import ARRAY, Index
from funcgrad.ops.windows import identity_window, transposed_windows, window
from funcgrad.sparse import Pattern

F64, C128 = np.dtype("f8"), np.dtype("c16")


@dataclass(frozen=True)
class Given:
    """An operand that is what it is: an index, a mask, a Python number."""

    value: Any


@dataclass(frozen=True)
class Case:
    """Operands, as a shape to fill with random numbers or as given, and parameters.

    ``domain`` is the interval of the random numbers, or one for each operand; with ``signed``
    about half of them change sign. ``complex`` says that complex operands have a derivative,
    ``smooth`` that central differences in float64 can see it; ``made`` makes of each random array
    one that the operation is defined for.
    """

    shapes: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)
    domain: Any = (-2.0, 2.0)
    signed: bool = False
    complex: bool = False
    smooth: bool = True
    made: Any = field(default=None, repr=False)  # an address would be another seed each time

    def operands(self, *dtypes: Any, seed: str = "") -> list[Any]:
        """Return the operands; the dtypes are dealt out in turn to those that are random."""
        rng = np.random.default_rng(zlib.crc32(f"{self}{seed}".encode()))
        return [self.operand(i, np.dtype(dtypes[i % len(dtypes)]), rng) for i in self.places]

    def operand(self, i: int, dtype: np.dtype, rng: np.random.Generator) -> Any:
        shape = self.shapes[i]
        if isinstance(shape, Given):
            return shape.value
        if dtype.kind in "iub":
            x = rng.integers(1 - (dtype.kind == "b"), 4, shape).astype(dtype)
            return x if self.made is None else np.asarray(self.made(x)).astype(dtype)
        low, high = self.domain if isinstance(self.domain[0], float) else self.domain[i]
        x = np.asarray(rng.uniform(low, high, shape))
        if self.signed:
            x *= rng.choice([-1, 1], shape)
        if dtype.kind == "c":
            x = np.asarray(x + 1j * rng.uniform(0.2, 0.8, shape))
        x = x if self.made is None else self.made(x)
        return x.astype(dtype)

    @property
    def places(self) -> range:
        return range(len(self.shapes))

    @property
    def free(self) -> tuple[int, ...]:
        """Return which operands are random, and so may be differentiated."""
        return tuple(i for i in self.places if not isinstance(self.shapes[i], Given))


def unary(low: float, high: float, **options: Any) -> list[Case]:
    """Return cases of a function of each element."""
    shapes = [(3,), (), (2, 3), (0, 2)]
    return [Case((shape,), domain=(low, high), **options) for shape in shapes]


def binary(a: tuple[float, float], b: tuple[float, float], **options: Any) -> list[Case]:
    """Return cases of a function of two operands that broadcast."""
    pairs = [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (2,)), ((), ()), ((1, 3), (0, 1))]
    return [Case(pair, domain=(a, b), **options) for pair in pairs]


def with_params(shape: Any, *params: dict[str, Any], **options: Any) -> list[Case]:
    """Return cases of one operand, one for each set of parameters."""
    return [Case((shape,), p, **options) for p in params]


def axes_cases(params: dict[str, Any] | None = None, **options: Any) -> list[Case]:
    """Return cases of a reduction."""
    shapes = [((2, 3, 4), (0, 2)), ((3, 2), (1,)), ((3,), (0,)), ((2, 3), ()), ((), ())]
    return [
        Case((s,), {"axes": a, **(params or {})}, **options) for s, a in [*shapes, ((0, 3), (1,))]
    ]


def axis_cases(params: dict[str, Any] | None = None, **options: Any) -> list[Case]:
    """Return cases of an operation along one axis."""
    shapes = [((4,), 0), ((2, 3), 0), ((2, 4), 1), ((2, 1), 1), ((0, 3), 1)]
    return [Case((s,), {"axis": a, **(params or {})}, **options) for s, a in shapes]


def indexed(shape: Any, *entries: Any, values: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return an index split into its parameter and its array operands, and what it reads."""
    arrays = tuple(Given(e) for e in entries if isinstance(e, np.ndarray))
    index = Index(ARRAY if isinstance(e, np.ndarray) else e for e in entries)
    key = index.with_arrays([g.value for g in arrays])
    return {"shape": shape, "arrays": arrays, "index": index, "read": np.empty(shape)[key].shape}


ALL = slice(None)
INDICES = [
    indexed((4, 3), 1),
    indexed((4, 3), slice(1, None, 2), None, -1),
    indexed((4, 3), ALL, slice(None, None, -1)),
    indexed((4, 3), slice(-1, 0, -2), slice(5, 9)),
    indexed((), None),
    indexed((4, 3), np.array([[0, 2], [2, -1]])),
    indexed((4, 3), np.array([0, 0, 3]), np.array([1, 1, 2])),
    indexed((4, 3), np.array([[0], [0]]), np.array([1, -2])),
    indexed((2, 3, 4), np.array([0, 1]), ALL, np.array([3, 3])),
    indexed((2, 3, 4), ALL, np.array([2, 0, 2]), None),
    indexed((2, 3, 4), 1, ALL, np.array([0, 3])),
    indexed((2, 3, 4), ALL, 2, np.array([0, 3])),
    indexed((2, 3, 4), np.array(1), ALL, 0),
    indexed((4,), np.array(-2)),
    indexed((4, 3), np.array(1), np.array(2)),
    indexed((4, 3), np.zeros((0,), int)),
    indexed((0, 3), ALL, np.array([2, 2])),
]

GETITEM = [Case((i["shape"], *i["arrays"]), {"index": i["index"]}, complex=True) for i in INDICES]
SCATTER = [
    Case((i["read"], *i["arrays"]), {"index": i["index"], "shape": i["shape"]}, complex=True)
    for i in INDICES
]
SET_AT = [
    Case((i["shape"], v, *i["arrays"]), {"index": i["index"]}, complex=True)
    for i in INDICES
    for v in dict.fromkeys([i["read"], (), i["read"][-1:]])
]
LAST_WRITER = [
    Case(i["arrays"], {"index": i["index"], "shape": i["shape"]}) for i in INDICES if i["arrays"]
]
MATMUL = [
    Case(pair, complex=True)
    for pair in [
        ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)),
        ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (5, 3, 4)), ((0, 2, 3), (3, 2)),
    ]
]  # fmt: skip
# a row without elements, and a column
SPARSE = Pattern.from_dense([[1, 0, 1], [0, 0, 0], [1, 0, 0], [1, 0, 1]])
SPARSE_PRODUCTS = [
    [((5,), (n,)), ((2, 5), (n,)), ((5,), (2, 1, n)), ((2, 5), (3, 1, n)), ((0, 5), (n,))]
    for n in (3, 4)
]
EINSUM = [
    Case(shapes, {"names": names, "out": out}, complex=True)
    for shapes, names, out in [
        (((2, 3), (3, 4)), ("ij", "jk"), "ik"),
        (((2, 3), (3, 4)), ("ij", "jk"), "ki"),
        (((2, 3), (2, 3)), ("ij", "ij"), ""),
        (((2, 3), (2, 3)), ("ij", "ij"), "ji"),
        (((2,), (3,)), ("i", "j"), "ij"),
        (((5, 2, 3), (5, 3, 4)), ("bij", "bjk"), "bik"),
        (((2, 3), (3, 4), (4, 2)), ("ij", "jk", "ki"), ""),
        (((2, 3), (2,), (3,)), ("ij", "i", "j"), "j"),
        (((2, 3), ()), ("ij", ""), "ij"),
        (((2, 3),), ("ij",), "ji"),
        (((0, 3), (3, 2)), ("ij", "jk"), "ik"),
        (((2, 0), (0, 2)), ("ij", "jk"), "ik"),
    ]
]
CONCATENATE = [
    Case(shapes, {"axis": axis}, complex=True)
    for shapes, axis in [
        (((2,), (3,)), 0), (((2, 3), (2, 1), (2, 2)), 1), (((4,),), 0), (((2, 3), (0, 3)), 0),
    ]
]  # fmt: skip

C: dict[str, Any] = {"complex": True}

# windows on one axis: size, stride, padding, dilation of the window and of the array
WINDOWS = [
    (), (window(5, 3, 1, 1, 1),), (window(5, 2, 2, 0, 1), window(4, 3, 1, 2, 0)),
    (window(3, 2, 2, 1, -1, 2, 3),), transposed_windows((window(5, 3, 2, 1, 1),)),
    (window(2, 3, 1, 0, 0),),
    (window(0, 2, 1, 1, 1), identity_window(2)),
]  # fmt: skip


def lengths(windows: Any, side: int) -> tuple[int, ...]:
    """Return the lengths of the source (0), the result (1) or the windows (2)."""
    return tuple(axis[side] for axis in windows)


GROUPS = [(1, 2, 3), (1, 9, 1), (2, 1, 1), (2, 2, 1), (1, 2, 2), (1, 1, 1), (1, 2, 1)]
CONVOLVE = [
    Case(((2, *lengths(w, 0), g * s), (*lengths(w, 2), s, g * t)), {"windows": w, "groups": g}, **C)
    for w, (g, s, t) in zip(WINDOWS, GROUPS, strict=True)
]
CONV_KERNEL = [
    Case(((2, *lengths(w, 0), g * s), (2, *lengths(w, 1), g * t)), {"windows": w, "groups": g}, **C)
    for w, (g, s, t) in zip(WINDOWS, GROUPS, strict=True)
]
POOLS = [
    (), (identity_window(2), window(6, 2, 2, 0, 0)),
    (window(5, 3, 2, 1, 1), window(4, 3, 1, 0, 1, 2)),
    (window(4, 2, 3, -1, 0),), (window(3, 2, 1, 1, 0),),
    (identity_window(0), window(3, 2, 1, 0, 0)),
    (window(4, 4, 1, 0, 0), window(2, 2, 1, 0, 0)),
]  # fmt: skip


def pooled(*sides: int, windows: Any = POOLS, **options: Any) -> list[Case]:
    """Return cases of a function of windows, with operands on these sides."""
    return [
        Case(tuple(lengths(w, side) for side in sides), {"windows": w}, **options) for w in windows
    ]


def hit(side: int) -> list[Case]:
    """Return cases of a function of an array and of which element of each window is meant."""
    return [
        Case((lengths(w, side), Given(np.zeros(lengths(w, 1), np.uint8))), {"windows": w}, **C)
        for w in [*POOLS[:2], (window(5, 3, 2, 0, 1), window(4, 3, 1, 0, 1, 2))]
    ]


POS, BOTH, UNIT = (0.4, 2.0), (-2.0, 2.0), (-0.9, 0.9)
MASK = Given(np.array([[True], [False]]))
KEYS = {"philox": Given(np.arange(6, dtype=np.uint64).reshape(3, 2)),
        "threefry2x32": Given(np.arange(6, dtype=np.uint32).reshape(3, 2))}  # fmt: skip
BITS = Given(np.array([[5, 3, 5, 1]], np.uint32))


def positive(x: Any) -> Any:
    """Return positive definite matrices."""
    return x @ np.conjugate(x.mT) + np.eye(x.shape[-1], dtype=x.dtype)


def regular(x: Any) -> Any:
    """Return matrices, not symmetric, that are far from singular and from equal eigenvalues."""
    return x + np.diag(3 * np.arange(1, x.shape[-1] + 1)).astype(x.dtype)


def of_matrices(*shapes: Any, **options: Any) -> list[Case]:
    """Return cases of an operation on a stack of matrices, without parameters."""
    return [Case((shape,), **C, **options) for shape in shapes]


SQUARES = [(3, 3), (1, 1), (2, 3, 3), (0, 0), (0, 2, 2)]
SYSTEMS = [((3, 3), (3, 2)), ((2, 3, 3), (3, 1)), ((3, 3), (2, 3, 1)), ((2, 2), (2, 0))]


def free(**options: Any) -> list[Case]:
    return unary(0.2, 2.0, signed=True, **options)


def keyed(**params: Any) -> list[Case]:
    """Return cases of a function of random keys."""
    return [Case((key,), {**params, "impl": impl}) for impl, key in KEYS.items()]


def fourier(*params: dict[str, Any], length: int | None = None, **options: Any) -> list[Case]:
    """Return cases of a transform along one axis, of even and odd length unless one is given."""
    shapes = [((4,), 0), ((3, 2), 0), ((2, 5), 1), ((0, 3), 1), ((1,), 0)]
    return [
        Case((s[:d] + (length or s[d],) + s[d + 1 :],), {"axis": d, "norm": norm, **p}, **options)
        for p in params
        for (s, d), norm in zip(shapes, ["backward", "ortho", "forward"] * 2, strict=False)
    ]


def drawn(*domain: Any, smooth: bool = True, **params: Any) -> list[Case]:
    """Return cases of draws by keys and parameters, each of an interval."""
    return [
        Case((key, *[(*lead, 2)] * len(domain)), {**params, "shape": (2,), "dtype": F64, "impl": i},
             domain=[(0, 1), *domain], smooth=smooth)
        for i, key in KEYS.items() for lead in ((), (3,))
    ]  # fmt: skip


def rounded(low: float, high: float) -> list[Case]:
    """Return cases of a quotient that is rounded: of both signs, away from the jumps."""
    return [
        *binary((low, high), (0.9, 0.98)), *binary((-high, -low), (0.9, 0.98)),
    ]  # fmt: skip


# an operand, the extremum, and the other operand: won, lost, tied
XS = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 3.0]), np.array([0.0, 4.0, 3.0])

# fmt: off
CASES: dict[str, list[Case]] = {
    # arithmetic
    "add":         binary(BOTH, BOTH, **C),
    "sub":         binary(BOTH, BOTH, **C),
    "mul":         binary(BOTH, BOTH, **C),
    "div":         binary(BOTH, POS, **C),
    "pow":         [*binary(POS, BOTH, **C), *(Case(((3,), Given(n)), domain=POS, **C)
                    for n in (3, 2, 1, 0, -1, 0.5, -1.5, 2.0, 1 + 2j)),
                    Case(((3,), Given(3)), domain=POS, signed=True), Case((Given(3), (2,)), **C),
                    Case(((3,), Given(np.array([0, 1, 2]))), domain=POS, signed=True, **C)],
    "float_power": [*binary(POS, BOTH, **C), Case(((3,), Given(2)), domain=POS, signed=True)],
    "power_slope": [Case((Given(j), Given(k), *s), domain=(POS, POS, POS, BOTH), **C)
                    for j, k in ((1, 0), (2, 1)) for s in (((2, 3), (3,)), ((), ()))],
    "mod":         rounded(2.1, 2.4),
    "fmod":        rounded(2.1, 2.4),
    "neg":         unary(*BOTH, **C),
    "pos":         unary(*BOTH, **C),
    "abs":         unary(*POS, signed=True, **C),
    "unit":        unary(*POS, signed=True, **C),
    "fabs":        unary(*POS, signed=True),
    "square":      unary(*BOTH, **C),
    "reciprocal":  unary(*POS, signed=True, **C),
    "sqrt":        unary(*POS, **C),
    "root":        unary(*POS, **C),
    "cbrt":        unary(*POS, signed=True),
    "quotient":    binary(BOTH, POS, **C),
    # exponentials and logarithms
    "exp":         unary(*BOTH, **C),
    "exp2":        unary(*BOTH, **C),
    "expm1":       unary(*BOTH, **C),
    "log":         unary(*POS, **C),
    "log2":        unary(*POS, **C),
    "log10":       unary(*POS, **C),
    "log1p":       unary(*POS, **C),
    "logaddexp":   binary(BOTH, BOTH),
    "logaddexp2":  binary(BOTH, BOTH),
    "share":       binary(BOTH, BOTH),
    "share2":      binary(BOTH, BOTH),
    # angles
    "sin":         unary(*BOTH, **C),
    "cos":         unary(*BOTH, **C),
    "tan":         unary(-1.0, 1.0, **C),
    "arcsin":      unary(*UNIT, **C),
    "arccos":      unary(*UNIT, **C),
    "cos_of_arcsin": unary(*UNIT, **C),
    "arctan":      unary(*BOTH, **C),
    "sinh":        unary(*BOTH, **C),
    "cosh":        unary(*BOTH, **C),
    "tanh":        unary(*BOTH, **C),
    "arcsinh":     unary(*BOTH, **C),
    "arccosh":     unary(1.2, 3.0, **C),
    "arctanh":     unary(*UNIT, **C),
    "sinc":        [*unary(*POS, signed=True, **C), Case(((3,),), domain=(-0.02, 0.02))],
    "sinc_derivative": [Case((Given(n), s), domain=POS, signed=True) for n in (1, 3)
                        for s in [(2, 3), ()]],
    "fraction":    unary(*BOTH),
    "deg2rad":     unary(*BOTH),
    "radians":     unary(*BOTH),
    "rad2deg":     unary(*BOTH),
    "degrees":     unary(*BOTH),
    "arctan2":     binary(BOTH, POS),
    "hypot":       binary(POS, POS, signed=True),
    "gap":         binary(BOTH, BOTH),
    # complex numbers
    "conj":        unary(*BOTH, **C),
    "real":        unary(*BOTH, **C),
    "imag":        unary(*BOTH, **C),
    # choice
    "maximum":     binary(BOTH, BOTH),
    "minimum":     binary(BOTH, BOTH),
    "fmax":        binary(BOTH, BOTH),
    "fmin":        binary(BOTH, BOTH),
    "where":       [Case((MASK, *s), **C) for s in [((2, 3), (2, 3)), ((3,), ()), ((2, 1), (0,))]],
    "clip":        [Case(s, domain=d) for s in [((2, 3), (3,), ()), ((), (), ()), ((0,), (), ())]
                    for d in [(BOTH, (-1.0, -0.5), (0.5, 1.0)), (BOTH, (0.5, 1.0), (-1.0, -0.5))]],
    "copysign":    binary(POS, POS, signed=True),
    "heaviside":   binary(POS, POS, signed=True),
    "ldexp":       [Case(((3,), Given(np.array([-1, 0, 3])))), Case(((2, 1), Given(2)))],
    "nextafter":   binary(BOTH, BOTH),
    # special functions
    "erf":         unary(*BOTH),
    "erfc":        unary(-2.0, 3.0),
    "erfinv":      unary(*UNIT),
    "erfcinv":     unary(0.1, 1.9),
    "erfcx":       unary(*BOTH),
    "ndtr":        unary(*BOTH),
    "log_ndtr":    unary(-3.0, 2.0),
    "ndtri":       unary(0.1, 0.9),
    "gamma":       [*unary(0.2, 4.0), *unary(-1.8, -1.2)],
    "gammaln":     [*unary(0.2, 9.0), *unary(-1.8, -1.2)],
    "gammasgn":    unary(*POS, signed=True),
    "digamma":     [*unary(0.4, 9.0), *unary(-1.8, -1.2)],
    "zeta":        [Case((Given(s), (2, 3)), domain=POS) for s in (2.0, np.array([3.0, 4.5, 1.2]))],
    "beta":        binary(POS, (1.0, 9.0)),
    "betaln":      binary(POS, (1.0, 9.0)),
    "hazard_in_tail": [Case((Given(n), s), domain=(-40.0, -21.0)) for n in (0, 1, 3)
                       for s in [(2, 3), ()]],
    "polygamma_difference": [Case((Given(n), (2, 3), (3,)), domain=(POS,) * 3) for n in (0, 2)],
    "gammainc":    binary((0.4, 3.0), (0.4, 3.0)),
    "gammaincc":   binary((0.4, 3.0), (0.4, 3.0)),
    "gamma_density": binary((0.4, 3.0), (0.4, 3.0)),
    "betainc":     [Case(((2,), (2,), (2,)), domain=(POS, (1.0, 3.0), (0.1, 0.9)))],
    "betaincc":    [Case(((2, 1), (2,), ()), domain=(POS, (1.0, 3.0), (0.1, 0.9)))],
    "betainc_slope": [Case((Given(1), Given(m), (2,), (), ()), domain=(POS,) * 4 + ((0.1, 0.9),))
                      for m in (0, 1)],
    "beta_density": [Case(((2, 1), (2,), ()), domain=(POS, (1.0, 3.0), (0.1, 0.9)))],
    "i0":          unary(*BOTH),
    "i1":          unary(*BOTH),
    "i0e":         unary(*POS, signed=True),
    "i1e":         unary(*POS, signed=True),
    **{name: [Case((Given(n), s), domain=POS) for n in (1, 3) for s in [(2, 3), ()]] for name in (
        "polygamma", "erfcx_integral", "bessel_ratio", "bessel_moment")},
    "gammainc_slope": [Case((Given(n), (2, 3), (3,)), domain=(0.4, 3.0)) for n in (1, 2)],
    **{name: [Case((Given(v), s), domain=POS) for v, s in ((0, ()), (2.5, (3,)))]
       for name in ("jv", "yv", "ive", "kve")},
    **{name: [Case((Given(n), s), domain=BOTH) for n, s in ((0, (2, 3)), (3, ()))]
       for name in ("airy", "faddeeva")},
    "lambertw":    [Case((Given(0), s), domain=POS) for s in ((3,), ())],
    "complex_polygamma": [Case((Given(n), s), domain=POS) for n, s in ((-1, (2, 3)), (1, ()))],
    "complex_erf": unary(*BOTH)[:2],
    "complex_erfc": unary(*BOTH)[:2],
    "expn":        [Case((Given(n), s), domain=POS) for n, s in ((1, (2, 3)), (3, ()))],
    **{name: unary(*POS)[:2] for name in (
        "expi", "sine_integral", "cosine_integral", "fresnel_s", "fresnel_c", "spence", "rgamma")},
    "riemann_zeta": [Case((Given(np.array([1.5, -2.5])),))],
    **{name: unary(0.1, 0.9)[:2] for name in ("ellipkm1", "ellipe")},
    **{name: [Case(((2, 3), (3,)), domain=(POS, (0.1, 0.9)))] for name in (
        "ellipkinc", "ellipeinc", "amplitude", "gammaincinv", "gammainccinv")},
    **{name: [Case(((2,), (2,), (2,)), domain=(POS, (2.5, 3.0), (0.1, 0.9)))] for name in (
        "elliprf", "elliprd")},
    "elliprj":     [Case(((2,),) * 4, domain=(POS, (2.5, 3.0), (0.1, 0.9), (4.0, 5.0)))],
    **{name: [Case((Given(part), Given(n), s), domain=POS) for part, n, s in (
        (0, 0, (2, 3)), (1, 1, ()), (1, 0, (3,)), (0, 2, ()))]
       for name in ("kelvin_first", "kelvin_second")},
    **{name: [Case((Given(v), s), domain=POS) for v, s in ((0.5, (2, 3)), (2.0, ()))]
       for name in ("struve", "modstruve")},
    "owens_t":     [Case(((2, 3), (3,)), domain=(BOTH, BOTH))],
    "hyp0f1":      [Case((Given(1.5), (2, 3)), domain=BOTH)],
    "hyp1f1":      [Case((Given(0.7), Given(1.6), (3,)), domain=BOTH)],
    "hyp2f1":      [Case((Given(0.7), Given(1.6), Given(2.1), s), domain=(-2.0, 0.9))
                    for s in ((3,),)],
    "hyp1f1_slope": [Case((Given(k), Given(0.7), Given(1.6), (3,)), domain=BOTH) for k in (0, 1)],
    "hyp2f1_slope": [Case((Given(k), Given(0.7), Given(1.6), Given(2.1), (3,)),
                          domain=(-2.0, 0.9)) for k in (0, 2)],
    "logit":       unary(0.1, 0.9),
    "xlogy":       binary(BOTH, POS),
    "xlog1py":     binary(BOTH, POS),
    "entr":        unary(*POS),
    "rel_entr":    binary(POS, POS),
    "kl_div":      binary(POS, POS),
    # of models and losses
    "relu":        unary(*POS, signed=True),
    "gate":        [Case((s, MASK)) for s in [(2, 3), (1, 0), ()]],
    "sigmoid":     unary(*BOTH),
    "tailed_sigmoid": unary(*BOTH),
    "tailed_tanh": unary(*BOTH),
    "sech_square": unary(*BOTH),
    "clamped_log": unary(*POS),
    "log_cosh": unary(*BOTH),
    "binary_cross_entropy_slope": binary((0.1, 0.9), (0.1, 0.9)),
    "binary_cross_entropy": binary((0.1, 0.9), (0.1, 0.9)),
    "sigmoid_binary_cross_entropy": binary(BOTH, (0.1, 0.9)),
    # without a derivative
    "wins":        [Case((s, *map(Given, XS))) for s in [(3,), (2, 3)]],
    **{name: binary(BOTH, BOTH) for name in (
        "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor")},
    **{name: free() for name in (
        "logical_not", "isfinite", "isinf", "isnan", "signbit", "sign", "floor", "ceil", "trunc",
        "rint", "spacing", "exponent", "stop_gradient")},
    **{name: [Case((Given(np.array([6, 2, 3])), Given(np.array([[2], [1]]))))] for name in (
        "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm")},
    **{name: [Case((Given(np.array([6, 2, -3])),)), Case((Given(np.array(5, np.int8)),))]
       for name in ("invert", "bitwise_count")},
    "floor_divide": rounded(2.1, 2.4),
    # structure
    "convert":     [*with_params((2, 3), {"dtype": F64}, {"dtype": C128}, **C),
                    Case(((),), {"dtype": F64}, **C),
                    *with_params((0, 3), {"dtype": np.dtype("f4")}, smooth=False),
                    *with_params((2,), {"dtype": np.dtype("c8")}, smooth=False)],
    "truncate":    [Case((s,), {"dtype": np.dtype(d)}) for s in [(2, 3), (), (0,)] for d in "?iq"],
    "broadcast":   [Case((s,), {"shape": shape, "axes": axes}, **C) for s, shape, axes in [
                    ((3,), (2, 3), (0,)), ((3,), (3, 2), (1,)), ((3, 2), (3, 4, 2), (1,)),
                    ((), (), ()), ((), (2, 3), (0, 1)), ((0,), (0, 2), (1,)), ((2,), (0, 2), (0,)),
                    ((2,), (80, 2, 80), (0, 2))]],
    "sum":         axes_cases(**C),
    "mean":        axes_cases(**C),
    "cumsum":      [*axis_cases({"reverse": False}, **C), *axis_cases({"reverse": True}, **C)],
    "name":        with_params((2, 3), {"name": "h"}, **C),
    "reshape":     [Case((s,), {"shape": shape}, **C) for s, shape in [
                    ((2, 3), (3, 2)), ((), (1, 1)), ((1,), ()), ((0, 3), (2, 0)),
                    ((4,), (2, 1, 2))]],
    "transpose":   [Case((s,), {"perm": perm}, **C) for s, perm in [
                    ((2, 3), (1, 0)), ((2, 3, 4), (1, 2, 0)), ((2, 3, 4), (0, 2, 1)), ((), ()),
                    ((0, 3), (1, 0))]],
    "concatenate": CONCATENATE,
    "getitem":     GETITEM,
    "scatter_add": SCATTER,
    "set_at":      SET_AT,
    "add_at":      SET_AT,
    "max_at":      SET_AT,
    "min_at":      SET_AT,
    "last_writer": LAST_WRITER,
    # reductions
    "max":         axes_cases(),
    "min":         axes_cases(),
    "prod":        axes_cases(domain=POS, signed=True, complex=True),
    "norm":        axes_cases({"dtype": np.dtype(float)}, domain=POS, signed=True),
    "cumprod":     axis_cases(domain=POS, signed=True, complex=True),
    "any":         axes_cases(),
    "all":         axes_cases(),
    "count_nonzero": axes_cases(),
    "argmax":      axis_cases(),
    "argmin":      axis_cases(),
    "nanargmax":   axis_cases(),
    "nanargmin":   axis_cases(),
    "argcummax":   axis_cases(),
    "argcummin":   axis_cases(),
    "argsort":     [*axis_cases({"kind": "stable"}), *axis_cases({"kind": None})],
    "argpartition": [Case(((4,),), {"axis": 0, "kth": 2}),
                     Case(((2, 4),), {"axis": 1, "kth": (0, 3)})],
    "searchsorted": [Case((Given(np.arange(3.0)), s), {"side": side})
                     for s in ((2, 3), (), (0,)) for side in ("left", "right")]
                  + [Case(((2, 3), (2, 4)), {"side": "left"})],
    # contraction
    "matmul":      MATMUL,
    "einsum":      EINSUM,
    "vecdot":      [Case((s, s), complex=True) for s in [(3,), (2, 3), (4, 1, 2), (0, 2), (2, 0)]],
    "sparse_product": [Case((n, s), {"pattern": SPARSE, "transposed": t}, complex=True)
                       for t in (False, True) for n, s in SPARSE_PRODUCTS[t]],
    "sparse_sample": [Case(s, {"pattern": SPARSE}, complex=True)
                      for s in [((4,), (3,)), ((2, 1, 4), (2, 3)), ((0, 4), (3,))]],
    # linear algebra
    "inv":         of_matrices(*SQUARES, made=regular),
    "inverse_if_any": of_matrices(*SQUARES, made=regular),
    "solve":       [Case(pair, made=lambda x: regular(x) if x.shape[-1] == x.shape[-2] else x, **C)
                    for pair in SYSTEMS],
    "solve_triangular": [Case(pair, {"lower": low, "unit": unit}, domain=(POS, BOTH), **C)
                    for pair in SYSTEMS for low in (False, True) for unit in (False, True)],
    "solve_banded": [Case(shapes, {"below": below, "above": above}, domain=((2.0, 3.0), BOTH),
                    **C) for shapes, below, above in [
                        (((2, 3), (3, 2)), 0, 1), (((3, 4), (4, 1)), 1, 1),
                        (((2, 4, 3), (3, 2)), 2, 1), (((3, 2), (2, 2, 1)), 0, 2)]],
    "pinv":        [Case((s, Given(1e-12)), {"hermitian": False}, **C)
                    for s in [(3, 2), (2, 3), (2, 2, 3)]],
    "lstsq":       [Case(pair, {"rcond": rcond}, **C) for pair, rcond in [
                    (((4, 2), (4, 3)), None), (((2, 3), (2, 1)), -1.0),
                    (((2, 3, 2), (3, 2)), None)]],
    "det":         of_matrices(*SQUARES),
    "slogdet":     of_matrices(*SQUARES, made=regular),
    "cofactor":    [Case(shapes, **C) for shapes in [((3, 3),), ((3, 3), (3, 3)), ((1, 1),),
                    ((2, 3, 3), (3, 3)), ((3, 3), (3, 3), (3, 3)), ((0, 2, 2),)]],
    "cholesky":    [Case((s,), {"upper": up}, made=positive, **C)
                    for s in SQUARES for up in (False, True)],
    "qr":          [Case((s,), {"complete": c}, **C) for s in [(3, 3), (2, 3), (2, 3, 3)]
                    for c in (False, True)] + [Case(((4, 2),), {"complete": False}, **C)],
    "eigh":        [Case((s,), {"uplo": uplo}, made=positive)  # complex phases are LAPACK's
                    for s in SQUARES for uplo in "LU"],
    "eigvalsh":    [Case((s,), {"uplo": uplo}, **C) for s in SQUARES for uplo in "LU"],
    "eig":         of_matrices((3, 3), (1, 1), (2, 3, 3), (0, 0), made=regular),
    "eigvals":     of_matrices(*SQUARES, made=regular),
    "svd":         [Case((s,), {"full": full}) for s, full in [
                    ((3, 2), False), ((2, 3), False), ((3, 3), True), ((2, 2, 3), False)]],
    "svdvals":     of_matrices((3, 2), (2, 3), (2, 2, 3)),
    "sylvester":   [Case(((3, 3), (2, 2), (3, 2)), made=None), Case(((2, 2, 2), (2, 2), (2, 2)))],
    "polar":       of_matrices((3, 3), (4, 2), (2, 3, 2), (0, 0)),
    # what their derivatives take apart where values are equal
    "eigh_of_rules": [Case((s,), {"uplo": "L"}, made=positive) for s in SQUARES],
    "eig_of_rules": of_matrices((3, 3), (2, 3, 3), made=regular),
    "svd_of_rules": [Case((s,), {"full": False}) for s in [(3, 2), (2, 2, 3)]],
    "fixed_eigh":  [Case((s,), {"uplo": "L"}, made=positive) for s in SQUARES],
    "fixed_svd":   [Case((s,), {"full": False}) for s in [(3, 2), (2, 2, 3)]],
    "equal_values": [Case((s,)) for s in [(3,), (2, 3), (0,), (0, 2)]],
    "negligible_values": [Case((s,)) for s in [(3,), (2, 3), (0,), (0, 2)]],
    "taint":       [Case((Given(np.zeros(s, bool)), (2, 3, 3), Given(np.ones((1, 1)))),
                         {"whole": whole, "who": "eigh"}, **C)
                    for s in [(3, 3), (2, 1, 3)] for whole in (False, True)],
    "undefined":   [Case((Given(np.zeros(s, bool)), (2, 3, 3)), {"who": "eigh"}, **C)
                    for s in [(3, 3), (2, 1, 3)]],
    "inverse_of_values": [Case((s, Given(np.zeros(s, bool)), Given(np.ones(w))), {"order": order},
                         domain=(1.0, 2.0), **C)
                    for s, w in [((3, 3), 3), ((2, 3, 3), (2, 3)), ((1, 3), 3)]
                    for order in (0, 1)],
    "near_values": [Case((s, Given(np.zeros(s, bool)), (3,)), {"order": 1})
                    for s in [(3, 3), (2, 1, 3)]],
    "ldl":         [Case((s,), {"hermitian": h}, **C) for s in SQUARES for h in (False, True)],
    "lu":          [Case((s,), **C) for s in [(3, 3), (4, 2), (2, 3), (2, 3, 3), (0, 0), (1, 0)]],
    "permutation_of_pivots": [Case((Given(np.array(p, np.int32)),), {"size": 3})
                    for p in ([2, 1, 2], [[1, 1], [2, 2]])],
    "expm_squarings": [Case((s,), {"order": n}, domain=(-20.0, 20.0)) for s in [(3, 3), (2, 2, 2)]
                    for n in (7, 13)],
    # windows
    "conv_general_dilated": CONVOLVE,
    "conv_kernel": CONV_KERNEL,
    "window_max":  pooled(0),
    "window_min":  pooled(0),
    "window_sum":  pooled(0, windows=[*POOLS, *WINDOWS], **C),
    "window_argmax": pooled(0, 1),
    "window_argmin": pooled(0, 1),
    "window_pick":  hit(0),
    "window_place": hit(1),
    # Fourier transforms
    "fft":         fourier({"inverse": False}, {"inverse": True}, **C),
    "rfft":        fourier({}),
    "irfft":       fourier({"n": 4}, {"n": 5}, length=3, **C),
    # random numbers
    "random_seed":    [Case((Given(np.arange(s).reshape(-1, 1)),), {"impl": i})
                       for s in (3, 0) for i in KEYS],
    "random_split":   keyed(shape=(2,)),
    "random_fold_in": [Case((k, Given(np.arange(3))), {"impl": i}) for i, k in KEYS.items()],
    "random_bits":    keyed(shape=(2, 2), dtype=np.dtype(np.uint32)),
    "random_uniform": keyed(shape=(2, 2), dtype=np.dtype(np.float32)),
    "random_normal":  keyed(shape=(), dtype=F64),
    **{f"random_{law}": keyed(shape=(2, 2), dtype=np.dtype(np.float32))
       for law in ("exponential", "gumbel", "laplace", "logistic", "cauchy")},
    "random_below":   drawn((0.2, 0.9)),
    "random_remainder": [Case((BITS, Given(np.array([[7], [9]], np.uint32)), Given(np.uint32(n))))
                       for n in (0, 1, 6)],
    "random_order":   [Case((BITS,), {"axis": 1})],
    "random_search":  [Case((Given(np.arange(3.0)), (2, 3)))],
    # implicit derivatives, which are not those of what rejection computes
    "random_gamma":   [*drawn((0.2, 3.0), smooth=False, log=False),
                       *drawn((0.2, 3.0), smooth=False, log=True)],
    "random_wald":    drawn((0.2, 3.0), smooth=False),
    "random_poisson": drawn((0.2, 30.0)),
    "random_geometric": drawn((0.2, 0.9)),
    "random_binomial": drawn((2.0, 90.0), (0.2, 0.9)),
}
# fmt: on
