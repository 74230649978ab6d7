"""JAX's modules that are ours by other names: their functions, for JAX's arrays."""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ...core.registry import load
from . import krylov, lax, numpy as jnp, reflectors
from .arrays import lowered, raised
from .config import as_dtype, canonicalize_dtype
from .refusals import refused

# module of JAX -> ours
SPACES = {
    "numpy.linalg": "funcgrad.numpy.linalg",
    "numpy.fft": "funcgrad.numpy.fft",
    "lax.linalg": "funcgrad.numpy.linalg",
    "nn": "funcgrad.nn",
    "nn.initializers": "funcgrad.nn.init",
    "scipy": "funcgrad.scipy",
    "scipy.special": "funcgrad.scipy.special",
    "scipy.linalg": "funcgrad.scipy.linalg",
    "scipy.stats": "funcgrad.scipy.stats",
    "scipy.signal": "funcgrad.scipy.signal",
    "scipy.integrate": "funcgrad.scipy.integrate",
    "scipy.interpolate": "funcgrad.scipy.interpolate",
    "scipy.ndimage": "funcgrad.scipy.ndimage",
    "scipy.optimize": "funcgrad.scipy.optimize",
    "scipy.sparse": "funcgrad.scipy.sparse",
    "scipy.sparse.linalg": "funcgrad.scipy.sparse.linalg",
    "scipy.fft": "funcgrad.scipy.fft",
    "scipy.cluster": "funcgrad.scipy",
    "scipy.cluster.vq": "funcgrad.scipy",
}
_DISTRIBUTIONS = (
    "bernoulli", "beta", "betabinom", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma",
    "gennorm", "geom", "gumbel_l", "gumbel_r", "laplace", "logistic", "multinomial",
    "multivariate_normal", "nbinom", "norm", "pareto", "poisson", "randint", "t", "truncnorm",
    "uniform", "vonmises", "wrapcauchy",
)  # fmt: skip


class Space(ModuleType):
    """A module of JAX; its names are looked up in ours."""

    def __init__(self, name: str, ours: str, path: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._ours, self._jax = ours, path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._found(name)
        setattr(self, name, value)
        return value

    def _found(self, name: str) -> Any:
        own = OWN.get(f"{self._jax}.{name}")
        if own is not None:
            return own
        home: Any
        home, _, last = self._ours.rpartition(".")
        try:
            home = load(self._ours) if not last[:1].isupper() else None
        except ModuleNotFoundError:
            home = None
        if self._jax.startswith("jax.scipy.stats."):  # a distribution
            home = getattr(load("funcgrad.scipy.stats"), last)
        if home is None or not hasattr(home, name):
            raise refused(self._jax, name)
        value = getattr(home, name)
        if self._jax in ("jax.numpy.linalg", "jax.numpy.fft", "jax.lax.linalg"):
            plain = getattr(getattr(np, self._jax.rpartition(".")[2]), name, None)
            return jnp.wrapped(name, value, plain)
        if not callable(value) or (isinstance(value, type) and issubclass(value, Exception)):
            return value
        if self._jax == "jax.nn.initializers" and name not in ("zeros", "ones"):
            return _initializer(value)
        return lax.function(value)


def register(package: str) -> dict[str, ModuleType]:
    """Put the modules where ``import`` finds them; those of the package itself by their names."""
    made: dict[str, ModuleType] = {}
    paths = {**SPACES, **{f"scipy.stats.{d}": f"funcgrad.scipy.stats.{d}" for d in _DISTRIBUTIONS}}
    for path, ours in paths.items():
        module = made[path] = Space(f"{package}.{path}", ours, f"jax.{path}")
        sys.modules[module.__name__] = module
        parent, _, last = path.rpartition(".")
        if parent:
            home: Any = {"numpy": jnp, "lax": lax}.get(parent) or made[parent]
            setattr(home, last, module)
    return {path: module for path, module in made.items() if "." not in path}


_DTYPE_AT = {"orthogonal": 2, "delta_orthogonal": 2, "variance_scaling": 6} | dict.fromkeys(
    ("constant", "normal", "truncated_normal", "uniform"), 1
)  # which argument of an initializer is the dtype; of recipes, the fourth


def _initializer(factory: Callable[..., Any]) -> Callable[..., Any]:
    """An initializer of ours, which takes a default dtype as in JAX."""

    @functools.wraps(factory)
    def make(*args: Any, dtype: Any = float, **options: Any) -> Callable[..., Any]:
        given, place = list(args), _DTYPE_AT.get(factory.__name__, 3)
        default = given.pop(place) if len(given) > place else dtype
        init = factory(*lowered(given), **lowered(options))

        def draw(key: Any, shape: Any, dtype: Any = default, out_sharding: Any = None) -> Any:
            return raised(init(lowered(key), tuple(shape), canonicalize_dtype(as_dtype(dtype))))

        return draw

    return make


# functions that JAX has and ours lacks


def _identity(x: Any) -> Any:
    """The array itself."""
    return jnp.asarray(x)


def _one_hot(x: Any, num_classes: int, *, dtype: Any = None, axis: int = -1, **_: Any) -> Any:
    """Rows of the identity matrix, by index."""
    x = jnp.asarray(x)
    axis = axis if axis >= 0 else x.ndim + 1 + axis
    shape = [1] * (x.ndim + 1)
    shape[axis] = num_classes
    same = jnp.expand_dims(x, axis) == jnp.arange(num_classes).reshape(shape)
    return same.astype(float if dtype is None else dtype)


def _sparse_plus(x: Any) -> Any:
    """0 below -1, (x + 1)**2 / 4 up to 1, x above."""
    x = jnp.asarray(x)
    return jnp.where(x <= -1.0, 0.0, jnp.where(x >= 1.0, x, (x + 1.0) ** 2 / 4))


def _sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2, limited to [0, 1]."""
    return 0.5 * jnp.clip(jnp.asarray(x) + 1.0, 0.0, 2.0)


def _triangular_solve(
    a: Any, b: Any, *, left_side: bool = False, lower: bool = False, transpose_a: bool = False,
    conjugate_a: bool = False, unit_diagonal: bool = False,
) -> Any:  # fmt: skip
    """x with a x = b, or x a = b."""
    solve = lax.function(load("funcgrad.linalg").solve_triangular)
    a, b = jnp.asarray(a), jnp.asarray(b)
    a = a.conj() if conjugate_a else a
    if not left_side:  # x a = b is a' x' = b'
        a, b, transpose_a = a, b.mT, not transpose_a
    x = solve(a, b, trans=1 if transpose_a else 0, lower=lower, unit_diagonal=unit_diagonal)
    return x if left_side else x.mT


def _tridiagonal_solve(dl: Any, d: Any, du: Any, b: Any, **_: Any) -> Any:
    """x of tridiagonal systems, whose diagonals have the length of the main one."""
    solve = lax.function(load("funcgrad.scipy.interpolate.piecewise").tridiagonal)
    return jnp.vectorize(solve, signature="(n),(n),(n),(n,m)->(n,m)")(dl, d, du, b)


def _log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for x > 0. Source: Maechler 2012, equation 7."""
    x = jnp.asarray(x)
    near = x < np.log(2.0)
    small, large = jnp.where(near, x, 1.0), jnp.where(near, 1.0, x)
    return jnp.where(near, jnp.log(-jnp.expm1(-small)), jnp.log1p(-jnp.exp(-large)))


class ModeResult(NamedTuple):
    """The most frequent values, and how often they are there."""

    mode: Any
    count: Any


def _mode(
    a: Any, axis: int | None = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> ModeResult:
    """The most frequent value along an axis; of several ones, the least."""
    x = jnp.sort(jnp.asarray(a), axis=axis)
    rank = jnp.ndim(a)
    x = jnp.moveaxis(x, 0 if axis is None else axis, -1)
    counts = jnp.sum(x[..., :, None] == x[..., None, :], axis=-1)
    first = jnp.expand_dims(jnp.argmax(counts, axis=-1), -1)
    found = [jnp.take_along_axis(y, first, axis=-1)[..., 0] for y in (x, counts)]
    if keepdims:
        shape = [1] * rank
        found = [y.reshape(shape) if axis is None else jnp.expand_dims(y, axis) for y in found]
    return ModeResult(*found)


def _vq(obs: Any, code_book: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """The nearest code of each observation, and its distance."""
    x, codes = jnp.asarray(obs), jnp.asarray(code_book)
    if x.ndim == 1:
        x, codes = x[:, None], codes[:, None]
    square = jnp.sum((x[:, None] - codes) ** 2, axis=-1)
    code = jnp.argmin(square, axis=-1)
    nearest = jnp.take_along_axis(square, code[:, None], axis=-1)[:, 0]
    return code, jnp.sqrt(nearest)


class OptimizeResults(NamedTuple):
    """Fields of a result of ``jax.scipy.optimize.minimize``; ours has them, and more."""

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


def _logmeanexp(x: Any, axis: Any = None, where: Any = None, keepdims: bool = False) -> Any:
    """log(mean(exp(x)))."""
    x = jnp.asarray(x)
    weights = jnp.ones_like(x) if where is None else jnp.where(where, 1.0, 0.0)
    total = lax.function(load("funcgrad.special").logsumexp)(
        x, axis=axis, b=weights, keepdims=keepdims
    )
    return total - jnp.log(jnp.sum(weights, axis=axis, keepdims=keepdims))


def _of_hermitian_part(name: str) -> Callable[..., Any]:
    """A function of Hermitian matrices, whose derivative is Hermitian as in JAX."""
    fun = jnp.wrapped(name, getattr(load("funcgrad.numpy.linalg"), name), getattr(np.linalg, name))

    def call(a: Any, *args: Any, symmetrize_input: bool = True, **kwargs: Any) -> Any:
        a = jnp.asarray(a)
        return fun((a + a.mT.conj()) / 2 if symmetrize_input else a, *args, **kwargs)

    call.__name__, call.__doc__ = name, f"See numpy.linalg.{name}."
    return call


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """See numpy.linalg.norm; a vector's is the root of its sum of squares to the last bit."""
    x = jnp.asarray(x)
    if axis is None and not keepdims and (ord is None or x.ndim == 1):
        x, axis = x.ravel(), 0  # NumPy takes a dot product if axis is None
    norm = jnp.wrapped("norm", load("funcgrad.numpy.linalg").norm, np.linalg.norm)
    return norm(x, ord=ord, axis=axis, keepdims=keepdims)


OWN: dict[str, Any] = {
    **{
        f"jax.{space}.linalg.{name}": _of_hermitian_part(name)
        for name in ("cholesky", "eigh", "eigvalsh")
        for space in ("numpy", "lax")
    },
    "jax.scipy.sparse.linalg.bicgstab": krylov.bicgstab,
    "jax.scipy.sparse.linalg.cg": krylov.cg,
    "jax.scipy.sparse.linalg.gmres": krylov.gmres,
    "jax.nn.log1mexp": _log1mexp,
    "jax.nn.logmeanexp": _logmeanexp,
    "jax.scipy.optimize.OptimizeResults": OptimizeResults,
    "jax.scipy.cluster.vq.vq": _vq,
    "jax.scipy.stats.mode": _mode,
    "jax.numpy.linalg.norm": _norm,
    **{
        f"jax.lax.linalg.{name}": getattr(reflectors, name)
        for name in (
            "cholesky_update",
            "hessenberg",
            "householder_product",
            "lu",
            "lu_pivots_to_permutation",
            "ormqr",
            "schur",
            "symmetric_product",
            "tridiagonal",
        )
    },
    "jax.lax.linalg.triangular_solve": _triangular_solve,
    "jax.lax.linalg.tridiagonal_solve": _tridiagonal_solve,
    "jax.nn.identity": _identity,
    "jax.nn.one_hot": _one_hot,
    "jax.nn.sparse_plus": _sparse_plus,
    "jax.nn.sparse_sigmoid": _sparse_sigmoid,
}
