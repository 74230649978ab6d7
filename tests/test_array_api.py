"""The Array API standard 2024.12: ``funcgrad.numpy`` has its names, and computes as NumPy does.

Every function and operator of the standard is compiled for every dtype of it, for numbers, empty
arrays and axes of length 1, and compared with NumPy: values, dtypes, shapes, and whether it raises.
"""

import inspect
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError
from funcgrad.core.trace import Tracer

from .support.compare import difference
from .support.turns import in_one, in_turns

xp = fg.numpy

DTYPES = """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
    complex128"""
SHAPES = {"number": (), "vector": (6,), "none": (0,), "stack": (2, 1, 3), "empty stack": (2, 0, 3)}

FUNCTIONS = """
    e inf nan newaxis pi
    arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like
    tril triu zeros zeros_like astype can_cast finfo iinfo isdtype result_type abs acos acosh add
    asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
    bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor
    floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p
    log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply
    negative nextafter not_equal positive pow real reciprocal remainder round sign signbit sin sinh
    square sqrt subtract tan tanh trunc take take_along_axis matmul matrix_transpose tensordot
    vecdot broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat
    reshape roll squeeze stack tile unstack argmax argmin count_nonzero nonzero searchsorted where
    unique_all unique_counts unique_inverse unique_values argsort sort cumulative_prod
    cumulative_sum max mean min prod std sum var all any diff __array_namespace_info__
"""
EXTENSIONS = {
    "linalg": """cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power
        matrix_rank matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot
        vector_norm""",
    "fft": """fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift
        ifftshift""",
}

UNARY = """abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor
    imag isfinite isinf isnan log log1p log2 log10 logical_not negative positive real reciprocal
    round sign signbit sin sinh square sqrt tan tanh trunc"""
BINARY = """add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp
    logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow remainder
    subtract"""
OPERATORS = "+ - * / // % ** & | ^ << >> == != < <= > >="

DTYPES, UNARY, BINARY, OPERATORS = (s.split() for s in (DTYPES, UNARY, BINARY, OPERATORS))
ELEMENTWISE = [
    *(f"xp.{name}(x)" for name in UNARY),
    *("-x", "+x", "~x", "abs(x)"),
    *(f"xp.{name}(x, y)" for name in BINARY),
    *(f"x {op} y" for op in OPERATORS),
]
OF_NUMBERS = [
    *(f"x {op} {n}" for n in ("2", "1.5", "True", "-1", "2j") for op in OPERATORS),
    *(f"{n} {op} x" for n in ("2", "1.5", "True", "(-1)", "2j") for op in OPERATORS),
    *(f"xp.{name}(x, 2)" for name in BINARY),
    *(f"xp.{name}(1.5, x)" for name in BINARY),
]
OTHERS = """
    xp.clip(x, 1, 3)  xp.clip(x, min=1)  xp.clip(x, max=2)  xp.clip(x, y, None)
    xp.clip(x, None, y)  xp.clip(x, xp.minimum(x, y), y)  xp.astype(x, xp.float64)
    xp.astype(x, xp.bool)  xp.astype(x, xp.int8)  xp.astype(x, xp.uint16, copy=False)
    xp.astype(x, xp.complex64)  xp.astype(x, xp.float32, device=x.device)
    xp.asarray(x)  xp.asarray(x, copy=True)  xp.asarray(x, dtype=xp.float64, device='cpu')
    xp.zeros_like(x)  xp.ones_like(x, dtype=xp.int8)  xp.full_like(x, 1)  xp.from_dlpack(x)
    xp.full_like(x, 1, dtype=xp.float32, device='cpu')  xp.zeros_like(xp.empty_like(x))
    xp.tril(x)  xp.triu(x, k=1)  xp.tril(x, k=-1)  xp.meshgrid(x, y)  xp.meshgrid(x, x, x)
    xp.meshgrid(x, y, indexing='ij')  xp.take(x, xp.asarray([0, 0]), axis=0)
    xp.take(x, xp.asarray([], dtype=xp.int64), axis=-1)
    xp.take_along_axis(x, xp.argsort(x, axis=0), axis=0)  xp.take_along_axis(x, xp.argsort(x))
    xp.broadcast_arrays(x, y[..., :1])  xp.broadcast_to(x, (2,) + x.shape)  xp.concat([x, y])
    xp.concat([x, y, x], axis=-1)  xp.concat([x, y], axis=None)  xp.expand_dims(x, axis=0)
    xp.expand_dims(x, axis=-1)  xp.flip(x)  xp.flip(x, axis=0)  xp.flip(x, axis=(0, -1))
    xp.moveaxis(x, 0, -1)  xp.moveaxis(x, (0, 1), (1, 0))
    xp.permute_dims(x, tuple(range(x.ndim))[::-1])  xp.repeat(x, 2)  xp.repeat(x, 2, axis=0)
    xp.repeat(x, 0, axis=-1)  xp.reshape(x, (-1,))  xp.reshape(x, x.shape + (1,), copy=True)
    xp.reshape(x, x.shape, copy=False)  xp.roll(x, 1)  xp.roll(x, -7, axis=0)
    xp.roll(x, (1, 2), axis=(0, -1))  xp.squeeze(x, axis=1)  xp.squeeze(x, axis=())
    xp.stack([x, y])  xp.stack([x, y], axis=-1)  xp.tile(x, (2, 2))  xp.tile(x, (1,))
    xp.unstack(x)  xp.unstack(x, axis=-1)  xp.argmax(x)  xp.argmax(x, axis=0, keepdims=True)
    xp.argmin(x, axis=-1)  xp.argmin(x, keepdims=True)  xp.count_nonzero(x)
    xp.count_nonzero(x, axis=0, keepdims=True)  xp.where(x, x, y)  xp.argsort(x)
    xp.where(xp.astype(x, xp.bool), x, 1)  xp.where(xp.astype(x, xp.bool), 1, y)
    xp.argsort(x, axis=0, stable=True)  xp.sort(x)  xp.sort(x, axis=0, stable=True)
    xp.cumulative_sum(x, axis=0)  xp.cumulative_sum(x, axis=-1, include_initial=True)
    xp.cumulative_sum(x, axis=-1, dtype=xp.float64)  xp.cumulative_prod(x, axis=-1)
    xp.cumulative_prod(x, axis=0, include_initial=True)  xp.max(x)  xp.max(x, axis=0)
    xp.max(x, axis=-1, keepdims=True)  xp.min(x)  xp.min(x, axis=(0, -1))  xp.mean(x)
    xp.mean(x, axis=-1, keepdims=True)  xp.mean(x, axis=())  xp.prod(x)  xp.prod(x, axis=0)
    xp.prod(x, axis=0, dtype=xp.float32)  xp.sum(x)  xp.sum(x, axis=0, keepdims=True)
    xp.sum(x, axis=(0, -1))  xp.sum(x, axis=())  xp.sum(x, dtype=xp.int64)
    xp.sum(x, dtype=xp.float32)  xp.std(x)  xp.std(x, axis=0, correction=1)
    xp.std(x, axis=-1, correction=0.5, keepdims=True)  xp.var(x)  xp.var(x, axis=0, correction=1)
    xp.all(x)  xp.all(x, axis=0)  xp.any(x)  xp.any(x, axis=-1, keepdims=True)
    xp.any(x, axis=())  xp.diff(x)  xp.diff(x, axis=0, n=2)  xp.diff(x, prepend=x, append=x)
    xp.diff(x, axis=-1, n=0)  xp.matmul(x, xp.matrix_transpose(y))  xp.matmul(x, y)  x @ y
    xp.matrix_transpose(x)  x.mT  x.T  xp.tensordot(x, y, axes=0)  xp.tensordot(x, y, axes=1)
    xp.tensordot(x, y, axes=((0,), (0,)))  xp.tensordot(x, x, axes=x.ndim)  xp.vecdot(x, y)
    xp.vecdot(x, y, axis=-1)  x[0]  x[..., 0]  x[::-1]  x[None]  x[...]  x[()]  x[:1]
    x[xp.asarray([0])]  x[xp.asarray([0, -1]), ...]  x.to_device('cpu')  xp.ptp(x)  xp.isclose(x, y)
"""  # fmt: skip
QUESTIONS = """
    xp.can_cast(x, xp.float64)  xp.result_type(x, y)  xp.result_type(x, xp.int8)
    xp.result_type(x, 1.0)  xp.result_type(x, 1j, xp.uint8)  xp.isdtype(x.dtype, 'numeric')
    xp.isdtype(x.dtype, ('bool', xp.int8))  x.dtype  x.ndim  x.shape  x.size  x.device
"""
LINALG = """
    xp.linalg.cholesky(p)  xp.linalg.cholesky(p, upper=True)  xp.linalg.cross(c, c[..., ::-1])
    xp.linalg.det(a)  xp.linalg.diagonal(r, offset=1)  xp.linalg.diagonal(r, offset=-7)
    xp.linalg.eigh(p).eigenvalues  xp.linalg.eigvalsh(p)  xp.linalg.inv(a)  xp.linalg.matmul(a, r)
    xp.linalg.matrix_norm(r)  xp.linalg.matrix_norm(r, keepdims=True, ord='nuc')
    xp.linalg.matrix_norm(r, ord=1)  xp.linalg.matrix_norm(r, ord=-1)  xp.linalg.svdvals(r)
    xp.linalg.matrix_norm(r, ord=2)  xp.linalg.matrix_norm(r, ord=-2)  xp.linalg.trace(r)
    xp.linalg.matrix_norm(r, ord=xp.inf)  xp.linalg.matrix_norm(r, ord=-xp.inf)
    xp.linalg.matrix_power(a, 0)  xp.linalg.matrix_power(a, 3)  xp.linalg.matrix_power(a, -2)
    xp.linalg.matrix_rank(r)  xp.linalg.matrix_rank(r, rtol=0.5)  xp.linalg.matrix_transpose(r)
    xp.linalg.outer(r[..., 0].ravel(), a[..., 0].ravel())  xp.linalg.pinv(r)
    xp.linalg.pinv(r, rtol=0.1)  abs(xp.linalg.qr(r).R)  abs(xp.linalg.qr(r, mode='complete').R)
    xp.linalg.slogdet(a)  xp.linalg.slogdet(a).logabsdet  xp.linalg.solve(a, r)
    xp.linalg.svd(r).S  xp.linalg.svd(r, full_matrices=False).S  xp.linalg.tensordot(a, r, axes=1)
    xp.linalg.trace(r, offset=1, dtype=xp.complex128)  xp.linalg.vecdot(r, r)
    xp.linalg.vecdot(r, r, axis=-2)  xp.linalg.vector_norm(r)  xp.linalg.vector_norm(r, ord=0)
    xp.linalg.vector_norm(r, axis=-1, keepdims=True)  xp.linalg.vector_norm(r, ord=-1.5)
    xp.linalg.vector_norm(r, axis=(-1, -2), ord=3)  xp.linalg.vector_norm(r, ord=xp.inf)
    xp.linalg.vector_norm(r, ord=-xp.inf, axis=0)
"""
FFT = """
    xp.fft.fft(r)  xp.fft.fft(r, n=7, axis=0, norm='ortho')  xp.fft.ifft(r, n=2, norm='forward')
    xp.fft.fftn(r)  xp.fft.fftn(r, s=(3, 5), axes=(-2, -1))  xp.fft.ifftn(r, axes=(0,))
    xp.fft.rfft(xp.real(r), n=6, axis=0)  xp.fft.irfft(r)  xp.fft.irfft(r, n=5, norm='forward')
    xp.fft.rfftn(xp.real(r))  xp.fft.irfftn(r, s=(3, 4), axes=(-2, -1), norm='ortho')
    xp.fft.hfft(r)  xp.fft.hfft(r, n=7)  xp.fft.ihfft(xp.real(r), n=4, norm='ortho')
    xp.fft.fftshift(r)  xp.fft.fftshift(r, axes=0)  xp.fft.ifftshift(r, axes=(0, -1))
"""
OTHERS, QUESTIONS, LINALG, FFT = (
    [e for line in text.splitlines() for e in line.split("  ") if e]
    for text in (OTHERS, QUESTIONS, LINALG, FFT)
)


ODD = {("bool", "x ** 2")}  # int8 by NumPy's operator alone, int64 by its function and here


def values(dtype, shape, rng):
    """Return numbers of a dtype among them its ends, and what floats have besides numbers."""
    dtype, size = np.dtype(dtype), int(np.prod(shape))
    floats = [0.0, -0.0, 1, -1, 0.5, 2.5, -1.5, 3, 1e-3, 100.25, -7.25, np.nan, np.inf, -np.inf]
    if dtype.kind == "b":
        pool = np.array([False, True])
    elif dtype.kind in "iu":
        ends = np.iinfo(dtype)
        signed = [-1, -2, -3] if dtype.kind == "i" else []
        pool = np.array([0, 1, 2, 3, 5, ends.max, ends.min, *signed], dtype)
    elif dtype.kind == "f":
        pool = np.array(floats, dtype)
    else:  # what becomes of infinite complex numbers depends on the order of operations
        finite = floats[:11]
        pool = np.array([complex(a, b) for a in finite for b in finite], dtype)
    return rng.choice(pool, size).reshape(shape)


def leaves(value):
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def outcomes(expressions, namespace):
    """Return what each expression gives, its error if it raises."""
    results = {}
    for e in expressions:
        try:
            results[e] = leaves(eval(e, dict(namespace)))
        except Exception as err:
            results[e] = err
    return results


def compiled(expressions, operands):
    """Return what each expression gives in one compiled program, its error if staging raises."""
    errors = {}

    def program(operands):
        results = outcomes(expressions, {"xp": xp} | operands)
        errors.update((e, r) for e, r in results.items() if isinstance(r, Exception))
        return {e: r for e, r in results.items() if e not in errors}

    return fg.jit(program)(operands) | errors


def complaint(want, got, ulps=8):
    """Give the words of a result's difference from NumPy's, None if there is none."""
    if isinstance(got, Exception):
        return f"{want} became {got!r}"
    # the same arithmetic, but sums and products in another order
    real = all(w.dtype.kind != "c" for w in want)
    return difference(want, got, ulps=ulps, signs=real, parts=True)


def raises(e, operands):
    """Return whether a compiled expression raises, when it is staged or when it runs."""
    try:
        return isinstance(compiled([e], operands)[e], Exception)
    except Exception:
        return True


def differences(expressions, tolerance=8, **operands):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = outcomes(expressions, {"xp": np} | operands)
        refused = {e for e, r in want.items() if isinstance(r, Exception)}
        got = compiled([e for e in expressions if e not in refused], operands)
        calm = {e: f"no {want[e]!r}" for e in refused if not raises(e, operands)}
    found = {e: complaint(want[e], got[e], tolerance) for e in got}
    return calm | {e: d for e, d in found.items() if d}


@in_turns("dtype, shape, family", DTYPES, SHAPES, ["ELEMENTWISE", "OF_NUMBERS", "OTHERS"])
def test_compiled_functions_compute_as_numpy_does(dtype, shape, family):
    rng = np.random.default_rng(0)
    x, y = values(dtype, SHAPES[shape], rng), values(dtype, SHAPES[shape], rng)
    expressions = [e for e in globals()[family] if (dtype, e) not in ODD]

    assert not differences(expressions, x=x, y=y)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_infinite_complex_numbers_become_nan_where_numpy_makes_them_so(dtype):
    parts = [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan]
    x = np.array([complex(a, b) for a in parts for b in parts], dtype)
    expressions = [
        *(f"xp.{name}(x)" for name in UNARY),
        *("x * 1", "1 * x", "x * -1", "x / 1", "x - 0", "x ** -1", "x ** 2"),
        *("(x * 2) * 3", "(x / 2) * 3", "xp.clip(x, 1 + 1j, None)", "xp.clip(x, None, 1 + 1j)"),
        *("xp.mean(x[:, None], axis=1)", "xp.sum(xp.broadcast_to(x, (3, *x.shape)), axis=0)"),
    ]

    assert not differences(expressions, x=x)


def test_products_of_numbers_as_matrices_are_refused_under_vmap_too():
    with pytest.raises(ValueError, match="at least one axis"):
        fg.vmap(xp.matmul)(np.ones(3), np.ones(3))


@pytest.mark.parametrize("other", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_dtypes_meet_in_compiled_functions_as_in_numpy(dtype, other):
    rng = np.random.default_rng(1)
    x, y = values(dtype, (2, 3), rng), values(other, (2, 1), rng)
    expressions = [
        *(f"xp.{name}(x, y)" for name in BINARY),
        *(f"x {op} y" for op in OPERATORS),
        *("xp.where(x, x, y)", "xp.where(y, x, y)", "xp.concat([x, y], axis=-1)"),
        *("xp.matmul(xp.matrix_transpose(x), y)", "xp.vecdot(x, y)", "xp.tensordot(x, y[0], 0)"),
        *("xp.clip(x, y, y)", "xp.astype(x, y.dtype)", "xp.stack(xp.broadcast_arrays(x, y))"),
        *("xp.searchsorted(xp.sort(xp.reshape(x, (-1,))), y)", "xp.isin(x, y)"),
    ]

    assert not differences(expressions, x=x, y=y)


@pytest.mark.parametrize("rows, columns", [(3, 4), (4, 3), (0, 0)])
@pytest.mark.parametrize("lead", [(), (2, 1), (0,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_compiled_extensions_compute_as_numpy_does(dtype, lead, rows, columns):
    rng = np.random.default_rng(2)

    def normal(*shape):
        x = rng.normal(size=(*lead, *shape))
        return (x + 1j * rng.normal(size=x.shape) if dtype[0] == "c" else x).astype(dtype)

    a, r, c = normal(rows, rows), normal(rows, columns), normal(rows, 3)
    a += (3 * np.eye(rows)).astype(dtype)
    p = a @ np.conj(a.mT) + np.eye(rows, dtype=dtype)

    fft = FFT if columns else []  # which NumPy takes from memory that it has not filled

    # condition numbers of matrices
    assert not differences([*LINALG, *fft], tolerance=1e4, a=a, r=r, c=c, p=p)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_about_tracers_have_numpys_answers(question, dtype):
    x, y = np.ones((2, 1, 3), dtype), np.ones(3, np.float32)
    answers = []
    fg.jit(lambda x: answers.append(eval(question, {"xp": xp, "x": x, "y": y})))(x)
    want = eval(question, {"xp": np, "x": x, "y": y})

    assert type(answers[0]) is type(want) and answers[0] == want


@pytest.mark.parametrize(
    "e",
    [
        "xp.nonzero(x)", "x[x > 0]", "xp.repeat(x, xp.astype(x, xp.int64))",
        *(f"xp.unique_{what}(x)" for what in ("all", "counts", "inverse", "values")),
    ],
)  # fmt: skip
def test_shapes_that_depend_on_numbers_are_computed_where_those_are_known(e):
    x = np.array([2.0, 0.0, 1.0, 2.0])
    with pytest.raises(ConcretizationError, match="depends on values"):
        fg.jit(lambda x: leaves(eval(e, {"xp": xp, "x": x})))(x)
    want = leaves(eval(e, {"xp": np, "x": x}))
    _, got = fg.value_and_grad(
        lambda x: (x.sum(), leaves(eval(e, {"xp": xp, "x": x}))), has_aux=True
    )(x)[0]

    assert complaint(want, got) is None


# names, signatures, defaults


@in_one([*FUNCTIONS.split(), *DTYPES])
def test_every_name_of_the_standard_is_there(name):
    assert hasattr(xp, name)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_name_of_the_extensions_is_there(extension):
    names = vars(getattr(xp, extension))

    assert set(EXTENSIONS[extension].split()) <= set(names)


@in_one([n for n in np.__all__ if callable(vars(np).get(n))])
def test_every_name_of_numpy_is_there_with_its_signature(name):
    changed = {"arange", "array", "asarray", "empty", "eye", "from_dlpack", "fromiter", "full",
               "identity", "linspace", "ones", "tri", "zeros", "vectorize", "sort", "argsort",
               "clip", "finfo", "iinfo", "where", "nonzero", "flatnonzero", "argwhere", "unique",
               "__array_namespace_info__", "ndenumerate", "require", "isscalar",
               "asfortranarray"}  # fmt: skip
    ours, numpys = getattr(xp, name), getattr(np, name)
    if ours is numpys or name in changed:
        return
    try:
        want = inspect.signature(numpys)
    except ValueError:
        want = None

    assert want is None or inspect.signature(ours) == want


# what the standard asks of the functions that are not NumPy's; others' parameters are as NumPy's
CHANGED = {
    # name: by position; by position or keyword; by keyword
    "arange": ("start", "stop step", "dtype device"),
    "argsort": ("x", "", "axis descending stable"),
    "clip": ("x", "min max", ""),
    "finfo": ("type", "", ""),
    "iinfo": ("type", "", ""),
    "sort": ("x", "", "axis descending stable"),
    "asarray": ("obj", "", "dtype device copy"),
    "empty": ("", "shape", "dtype device"),
    "eye": ("n_rows n_cols", "", "k dtype device"),
    "from_dlpack": ("x", "", "device copy"),
    "full": ("", "shape fill_value", "dtype device"),
    "linspace": ("start stop", "num", "dtype device endpoint"),
    "ones": ("", "shape", "dtype device"),
    "zeros": ("", "shape", "dtype device"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_functions_that_are_not_numpys_take_what_the_standard_gives_them(name):
    first, either, keywords = map(str.split, CHANGED[name])
    parameters = inspect.signature(getattr(xp, name)).parameters
    kinds = [p.kind for p in parameters.values()]
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}

    assert set(kinds[: len(first)]) <= positional
    assert list(parameters)[len(first) : len(first) + len(either)] == either
    assert {*either, *keywords} <= set(parameters)
    assert all(
        parameters[n].kind != inspect.Parameter.POSITIONAL_ONLY for n in (*either, *keywords)
    )


def test_all_floats_that_are_created_have_the_default_dtype():
    defaults = xp.__array_namespace_info__().default_dtypes()
    real, complex_, whole = (
        defaults[kind] for kind in ("real floating", "complex floating", "integral")
    )
    floats = [
        xp.asarray(1.0), xp.asarray([1, 2.5]), xp.zeros(2), xp.ones(2), xp.empty(2), xp.eye(2),
        xp.full(2, 1.0), xp.linspace(0, 1, 3), xp.arange(3.0), xp.arange(0, 3, 0.5),
        xp.fft.fftfreq(4), xp.fft.rfftfreq(4),
    ]  # fmt: skip
    complexes = [xp.asarray(1j), xp.asarray([1, 1j]), xp.full(2, 1j), xp.linspace(0, 1j, 3)]
    integers = [xp.asarray(1), xp.asarray([[1]]), xp.full(2, 1), xp.arange(3), xp.arange(1, 9, 2)]

    assert {x.dtype for x in floats} == {real} == {np.dtype("float64")}
    assert {x.dtype for x in complexes} == {complex_}
    assert {x.dtype for x in integers} == {whole}
    assert {x.dtype for x in (xp.asarray(True), xp.full(2, False))} == {np.dtype(bool)}


def test_what_has_a_dtype_keeps_it():
    x = np.ones(2)

    assert xp.asarray(x) is x
    assert {xp.asarray(v).dtype for v in (x[0], [x[0], x[1]], [x, x])} == {x.dtype}
    assert xp.full(2, x[0]).dtype == xp.linspace(x[0], 3, 3).dtype == x.dtype
    assert xp.asarray([1.0], dtype=float).dtype == xp.array([1.0]).dtype == x.dtype
    assert fg.grad(lambda v: xp.asarray([v[0], 1.0]).sum())(x).dtype == x.dtype


@pytest.mark.parametrize("axis", [0, -1, None])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32"])
def test_sorting_downwards_keeps_the_order_of_equals(dtype, axis):
    x = np.random.default_rng(3).integers(0, 2, (5, 4)).astype(dtype)
    lines = x if axis is None else np.moveaxis(x, axis, -1)
    want = [sorted(range(line.size), key=lambda i, line=line: (-int(line[i]), i))
            for line in (lines.reshape(1, -1) if axis is None else lines)]  # fmt: skip
    want = np.array(want)[0] if axis is None else np.moveaxis(np.array(want), -1, axis)

    for positions, values in (
        (xp.argsort(x, axis=axis, descending=True, stable=True),
         xp.sort(x, axis=axis, descending=True)),
        fg.jit(lambda x: (xp.argsort(x, axis=axis, descending=True, stable=True),
                          xp.sort(x, axis=axis, descending=True)))(x),
    ):  # fmt: skip
        np.testing.assert_array_equal(positions, want)
        np.testing.assert_array_equal(
            values, x.ravel()[want] if axis is None else np.take_along_axis(x, want, axis)
        )


def test_bounds_have_the_standards_names_and_numpys():
    x = np.arange(5.0)
    want = np.clip(x, 1, 3)

    for got in (xp.clip(x, 1, 3), xp.clip(x, min=1, max=3), xp.clip(x, a_min=1, a_max=3),
                fg.jit(lambda x: xp.clip(x, 1, max=3))(x)):  # fmt: skip
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(xp.clip(x, 2), np.maximum(x, 2))
    np.testing.assert_array_equal(fg.grad(lambda x: xp.clip(x, 2).sum())(x), x >= 2)
    with pytest.raises(ValueError, match="not both"):
        xp.clip(x, 1, a_max=3)


def test_limits_of_arrays_are_those_of_their_dtypes():
    x = np.ones(2, np.float32)

    assert xp.finfo(x).eps == xp.finfo(x[0]).eps == xp.finfo(np.float32).eps
    assert xp.iinfo(np.ones(2, np.int8)).max == 127
    np.testing.assert_array_equal(fg.grad(lambda x: x.sum() * xp.finfo(x).bits)(x), [32, 32])


def test_copies_and_devices_are_as_asked():
    x = np.ones(2)

    assert not np.shares_memory(xp.asarray(x, copy=True), x)
    assert np.shares_memory(xp.asarray(x, copy=False), x)
    with pytest.raises(ValueError, match="copy"):
        xp.asarray([1.0], copy=False)
    for make in (xp.zeros, xp.ones, xp.empty, xp.eye, xp.arange, xp.asarray):
        assert make(2, device="cpu").device == "cpu"
        with pytest.raises(ValueError, match=r"[Dd]evice"):
            make(2, device="gpu")


def test_the_namespace_answers_the_standards_questions():
    info = xp.__array_namespace_info__()

    assert xp.__array_api_version__ == "2024.12"
    assert info.capabilities() == np.__array_namespace_info__().capabilities()
    assert info.devices() == [info.default_device()] == ["cpu"]
    assert set(info.dtypes()) == {*DTYPES}
    assert set(info.dtypes(kind=("bool", "real floating"))) == {"bool", "float32", "float64"}
    assert info.default_dtypes(device="cpu")["indexing"] == np.intp
    for kind in (None, "numeric", "integral", "signed integer", ("bool", "complex floating")):
        assert info.dtypes(kind=kind) == np.__array_namespace_info__().dtypes(kind=kind)
    with pytest.raises(ValueError, match="kind must be one of bool"):
        info.dtypes(kind="float")


# tracers


def test_tracers_know_their_namespace_and_device():
    def f(x):
        assert isinstance(x, Tracer)
        assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is xp
        assert x.device == "cpu" and x.to_device(x.device) is x and x.__dlpack_device__() == (1, 0)
        with pytest.raises(ValueError, match="unknown api_version"):
            x.__array_namespace__(api_version="1999.1")
        with pytest.raises(ValueError, match="device"):
            x.to_device("gpu")
        with pytest.raises(fg.errors.ConversionError, match="DLPack"):
            x.__dlpack__()
        return x.sum()

    fg.grad(f)(np.ones(2))
    fg.jit(f)(np.ones(2))
    fg.vmap(f)(np.ones((2, 2)))


@pytest.mark.parametrize(
    "e",
    [
        "xp.sin([x[0], 1.0])", "xp.add([x[0], x[1]], 1)", "xp.mean([x[0], x[1]])",
        "xp.full_like(np.ones(3), x[0])", "xp.where(np.array([True, False]), x, [x[1], 0.0])",
        "xp.add.reduce(x)", "xp.multiply.outer(x, x)", "xp.sum(np.ones(2), initial=x[0])",
        "xp.add(x, 1, dtype=np.float64)", "xp.linspace(x[0], x[1], 5)", "xp.asarray(x, copy=True)",
        "xp.from_dlpack(x)", "xp.array([x, x], ndmin=3)",
        "xp.vectorize(lambda a, b: a * b if a > 0 else b)(x, 3.0)",
        "xp.vectorize(lambda a: (a, a * a))(x)[1]", "xp.vectorize(lambda a: a * a, ['d'])(x)",
        "xp.vectorize(lambda a, b: a @ b, signature='(n),(n)->()')(xp.stack([x, x]), x)",
        "xp.vectorize(lambda a: (a.sum(), a * a), signature='(n)->(),(n)')(x)[1]",
        "xp.vectorize(lambda a, p, q: a * q * (p @ p), excluded=['p'])(x, p=x, q=x[0])",
        "xp.vectorize(lambda a: a * x[0])(np.ones(2))", "xp.fromiter((v * v for v in x), float)",
        "xp.apply_along_axis(lambda row: row @ x, 1, np.ones((3, 2)))",
        "xp.piecewise(np.arange(3.0), [np.arange(3) > 1], [lambda v: v * x[0] + x[1], 2.0])",
        "xp.pad(x, 1, constant_values=(x[0], 2))", "xp.pad(np.ones(2), 1, constant_values=x[0])",
        "xp.pad(np.ones((2, 2)), 2, 'linear_ramp', end_values=((x[0], 1), (2, x[1])))",
    ],
)  # fmt: skip
def test_tracers_may_stand_wherever_arrays_may(e):
    f = lambda x: xp.sum(eval(e, {"xp": xp, "np": np, "x": x}) ** 2)
    x, t, step = np.array([0.5, 2.0]), np.array([1.0, -0.7]), 1e-6
    slope = (f(x + step * t) - f(x - step * t)) / (2 * step)

    assert np.sum(fg.grad(f)(x) * t) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize(
    "e",
    [
        "xp.vectorize(lambda a: 0 if a < 1 else a)(x)",  # the first result is an integer
        "xp.vectorize(lambda a, b: a @ b, signature='(m,n),(n)->(m)')(m[None], m[:2, None])",
        "xp.vectorize(lambda a, b: a @ b, signature='(n),(n)->()')(x, x[:1])",
        "xp.vectorize(lambda a, b: a @ b, signature='(n),(n)->()')(x)",
        "xp.vectorize(np.sum, signature='(n)->()')(x[0])", "xp.vectorize(np.sin)(x[:0])",
        "xp.vectorize(lambda a: (a, a), otypes=['f', 'd'])(x[:0])",
        "xp.vectorize(otypes=['f'])(lambda a: a)(x[0])", "xp.vectorize(lambda: 3)()",
        "xp.vectorize(lambda a: 2)(m)", "xp.fromiter((2 * v for v in x), 'f', 1)",
        "xp.fromiter(x, float, 5)", "xp.fromiter(range(4), int, 2)",
        "xp.piecewise(m.astype(int), [m > 3], [lambda v: 2.5 * v, -1.7])",
    ],
)  # fmt: skip
def test_functions_of_functions_are_those_of_numpy(e):
    f = lambda xp: (
        lambda x: eval(e, {"xp": xp, "np": np, "x": x, "m": np.arange(6.0).reshape(3, 2)})
    )
    x = np.array([0.5, 2.0])
    try:
        want = f(np)(x)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error)):
            fg.vjp(f(xp), x)
        return
    got = fg.vjp(f(xp), x)[0]

    for ours, numpys in zip(fg.tree.leaves(got), fg.tree.leaves(want), strict=True):
        assert np.asarray(ours).dtype == np.asarray(numpys).dtype
        np.testing.assert_array_equal(ours, numpys)


def test_vectorize_maps_over_unknown_numbers_at_once():
    f = xp.vectorize(lambda a, b: a * np.sin(b))
    x = np.arange(6.0).reshape(2, 3)

    np.testing.assert_allclose(fg.jit(f)(x, x[0]), x * np.sin(x[0]), rtol=1e-15)


def test_without_tracers_numpy_itself_runs():
    x = np.ones((2, 2), np.float16).view(np.recarray)

    assert type(xp.sum(x)) is type(np.sum(x))
    assert type(xp.transpose(x)) is type(np.transpose(x))
    assert type(xp.add.reduce(x)) is type(np.add.reduce(x))
    assert xp.add.nin == 2


@pytest.mark.peers
def test_other_libraries_find_the_namespace_of_tracers():
    compat = pytest.importorskip("array_api_compat")
    extra = pytest.importorskip("array_api_extra")
    x = np.arange(6.0).reshape(2, 3)
    combined = lambda x: extra.cov(x) + extra.kron(x, x)[:2, :2] + extra.sinc(x)[:, :2]

    def f(x):
        assert compat.array_namespace(x) is xp and compat.is_array_api_obj(x)
        assert compat.size(x) == 6 and compat.device(x) == "cpu"
        assert compat.to_device(x, "cpu") is x
        return combined(x)

    np.testing.assert_allclose(fg.jit(f)(x), combined(x), rtol=1e-12)


def test_what_is_missing_is_named_with_what_to_use():
    for name, cure in (("random", r"funcgrad\.random.* key"), ("polynomial", r"use numpy\.poly")):
        with pytest.raises(AttributeError, match=cure):
            getattr(xp, name)
        assert not hasattr(xp, name)
    with pytest.raises(AttributeError, match="no attribute 'sine'"):
        xp.sine  # noqa: B018
