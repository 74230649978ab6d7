"""Expressions of plain NumPy: every function, operator and method that a traced array takes.

A row is a line of NumPy. The names in it that ``INPUTS`` lists are what the row is a function of,
those in ``CONSTANTS`` are given.
"""

import numpy as np

from .rows import function_of, known_to_numpy, split

RNG = np.random.default_rng(0)

# what rows are functions of; distinct numbers, away from kinks and poles
INPUTS = {
    "s": np.float64(0.7),
    "x": np.array([0.4, -1.3, 0.9, 2.1]),
    "y": np.array([-0.6, 0.8, 1.7, -2.2]),
    "p": np.array([0.55, 1.2, 1.9, 0.8]),
    "q": np.array([1.4, 0.7, 0.91, 2.3]),
    "u": np.array([-0.8, -0.3, 0.2, 0.6]),
    "m": RNG.normal(size=(3, 4)),
    "n": RNG.normal(size=(3, 4)),
    "k": RNG.normal(size=(4, 2)),
    "sq": RNG.normal(size=(3, 3)),
    "t": RNG.normal(size=(2, 3, 4)),
    "w": RNG.normal(size=(2, 4, 3)),
    "one": RNG.normal(size=(1, 4)),
    "v": RNG.normal(size=3),
    "e": np.zeros((0, 3)),
    "gap": np.array([np.nan, 1.5, -0.4, np.nan, 2.2]),
    "gaps": np.array([[np.nan, 1.5, -0.4], [0.3, np.nan, 2.2]]),
    "z": np.array([0.4 + 1.1j, -1.3 + 0.2j, 0.9 - 0.7j]),
    "zm": RNG.normal(size=(3, 2)) + 1j * RNG.normal(size=(3, 2)),
}

CONSTANTS = {
    "np": np,
    "i": np.array([2, 0, 2]),
    "j": np.array([[0, 1], [3, 3]]),
    "neg": np.array([-1, 0, -3]),
    "mask": np.array([True, False, True, True]),
    "mask2": np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 1]], bool),
    "rows": np.array([True, False, True]),
    "a": np.array([0.3, 1.1, -0.7, 0.2]),
    "A": np.arange(12.0).reshape(3, 4) / 7 - 0.8,
    "one_big": np.uint8(200),
}

UNARY = {  # every ufunc of one float, at points inside its domain
    name: "p + 1" if name in ("arccosh", "acosh") else "u" if name.startswith("a") else "p"
    for name in sorted(dir(np))
    if isinstance(getattr(np, name), np.ufunc)
    and getattr(np, name).nin == 1
    and "d->" in " ".join(getattr(np, name).types)
}
BINARY = sorted(
    name
    for name in dir(np)
    if isinstance(getattr(np, name), np.ufunc)
    and getattr(np, name).nin == 2
    and getattr(np, name).signature is None
    and "dd->" in " ".join(getattr(np, name).types)
)
PAIRS = ("p, q", "p, 1.5", "0.7, p", "p, a[:, None] + 2.1", "m ** 2, one ** 2", "p[:3, None], p")

ROWS = {
    "ufuncs of one float": [f"np.{name}({arg})" for name, arg in UNARY.items()],
    "ufuncs of negative floats": """
        np.absolute(x)  np.fabs(x)  np.sign(x)  np.cbrt(x)  np.square(x)  np.exp(x)  np.tanh(x)
        np.sinc(x)  np.sinc(0 * x)  np.sinc(1e-3 * x)  np.negative(x)  np.positive(x)
        np.modf(x)  np.frexp(x)  np.reciprocal(x)  np.arctan(x)  np.arcsinh(x)  np.signbit(x)
        np.rint(x)  np.trunc(x)  np.fix(x)  np.round(x)  np.round(x, 1)  np.round(x, -1)
        np.around(x, 2)  np.nan_to_num(x)  np.nan_to_num(gap)  np.nan_to_num(gap, nan=3.0)
        np.nan_to_num(x / 0.0, posinf=2.0, neginf=-3.0)""",
    "ufuncs of two floats": [f"np.{name}({pair})" for name in BINARY for pair in PAIRS],
    "ufuncs of two signs": """
        np.arctan2(x, y)  np.copysign(x, y)  np.fmod(x, y)  np.remainder(x, y)  np.mod(x, 1.7)
        np.floor_divide(x, y)  np.divmod(x, y)  np.divmod(x, 1.7)  np.hypot(x, y)
        np.maximum(x, y)
        np.heaviside(x, 0.5)  np.heaviside(x, y)  np.ldexp(x, i[0])  np.ldexp(x, 3)  x ** 3
        x ** 2  x ** -1  x ** 0  x ** -2.0  np.power(x, 3)  np.logaddexp(x, y)
        np.logaddexp2(x, y)
        np.float_power(p, x)  p ** x  2 ** x  2.5 ** x  np.power(2.0, x)  p ** 0.5  p ** s
        np.fmax(x, gap[:4])  np.fmin(gap[:4], x)""",
    "ufunc options": """
        np.add(x, y, dtype=float)  np.sin(x, dtype=np.float64)  np.add(x, 1, casting='same_kind')
        np.multiply(x, y, order='C')  np.add([1.0, 2.0, 3.0, 4.0], x)  np.add(x, [s, s, 1, 2])
        np.multiply((1, 2, 3, 4), x)""",
    "ufunc methods": """
        np.logaddexp.reduce(m, axis=1, initial=s, where=mask2)  np.hypot.reduce(v[:1])
        np.subtract.reduce(x, initial=s)  np.hypot.reduce(e, axis=0)
        np.divide.reduce(m, axis=1, initial=2.0, where=mask2)  np.logaddexp.reduce(t, (0, 2))
        np.gcd.reduce(np.argsort(x) + 6)  np.bitwise_or.reduce(np.argsort(m, 1), axis=1)
        np.logical_xor.reduce(x[:1])  np.logical_xor.reduce(m > 0, axis=(0, 1))
        np.fmin.reduce(m, axis=None)  np.hypot.reduce(m, axis=0, where=mask2)
        np.logical_and.reduce(x, initial=False)  np.add.reduce(x > 0, dtype=np.int8)
        np.add.accumulate(x > 0, dtype=np.int16)  np.sum(x > 0, dtype=np.uint8)
        np.add.reduceat(x, [0, 2])  np.multiply.reduceat(m, [2, 0, 1], axis=1)
        np.logaddexp.reduceat(x, [0, 3, 1])  np.minimum.reduceat(m, [0, 1])
        np.matmul(m, m, axes=[(1, 0), (0, 1), (0, 1)])  np.matmul(m, x, axes=[(0, 1), 0, 0])
        np.vecdot(m, n, axis=0)  np.vecdot(m, n, axes=[0, 0])
        np.add.reduce(m)  np.add.reduce(m, axis=1)  np.add.reduce(m, axis=None)
        np.add.reduce(m, axis=(0, 1), keepdims=True)  np.multiply.reduce(m, 0)
        np.multiply.reduce(m, axis=-1, keepdims=True)  np.maximum.reduce(m)
        np.minimum.reduce(m, axis=1)  np.subtract.reduce(m)  np.subtract.reduce(m, axis=1)
        np.divide.reduce(m, axis=1)  np.logaddexp.reduce(x)
        np.logaddexp.reduce(m, axis=1)  np.logaddexp.reduce(t, axis=(0, 2))  np.hypot.reduce(x)
        np.hypot.reduce(m, axis=1, keepdims=True)  np.logical_and.reduce(m > 0)
        np.logical_or.reduce(m > 0, axis=1)  np.add.reduce(m, where=mask2, initial=0.5)
        np.add.reduce(m, initial=s)  np.maximum.reduce(m, initial=0.3)  np.fmax.reduce(x)
        np.logaddexp2.reduce(x)  np.copysign.reduce(x)  np.add.reduce(x, dtype=np.float64)
        np.add.accumulate(x)  np.add.accumulate(m, axis=1)  np.multiply.accumulate(m)
        np.multiply.accumulate(m, axis=-1)  np.maximum.accumulate(x)  np.maximum.accumulate(m, 1)
        np.minimum.accumulate(m)  np.subtract.accumulate(x)  np.logaddexp.accumulate(m, 1)
        np.divide.accumulate(m, axis=0)  np.add.outer(x, v)  np.multiply.outer(m, v)
        np.subtract.outer(x, a)  np.subtract.outer(a, x)  np.maximum.outer(x, y)
        np.power.outer(p, x)  np.divide.outer(s, q)  np.hypot.outer(x, m)  np.add.outer(s, 1.0)
        np.add.reduceat(x, [0, 2])  np.add.reduceat(m, [0, 2, 1], axis=1)
        np.add.reduceat(m, [0, 1])  np.multiply.reduceat(m, [0, 2], axis=-1)
        np.maximum.reduceat(x, [0, 1, 3])  np.logaddexp.reduceat(x, [0, 2])
        np.add.reduceat(m, np.arange(0), axis=1)
        np.greater.outer(x, y)  np.subtract.reduce(s)  np.hypot.reduce(s, keepdims=True)
        np.hypot.accumulate(m, axis=1)  np.logaddexp.reduce(m, axis=0, where=mask2)
        np.logaddexp2.accumulate(t, axis=2)  np.hypot.reduce(t, axis=(1, 2), initial=s)""",
    "comparison and logic": """
        x > y  x >= 0  x < a  x <= y  x == y  x != a  a < x  1.0 > x  np.greater(x, y)
        np.less_equal(x, 0.5)  np.equal(x, x)  np.not_equal(x, 0)  np.logical_and(x > 0, y > 0)
        np.logical_or(x, y)  np.logical_xor(x, 0)  np.logical_not(x)  np.isfinite(gap)
        np.isinf(x)  np.isnan(gap)  np.isneginf(x)  np.isposinf(x)  np.isreal(x)
        np.iscomplex(x)  np.isclose(x, y)  np.isclose(x, x + 1e-9)  np.isclose(gap, gap)
        np.isclose(gap, gap, equal_nan=True)  np.isclose(x, a, atol=1.0)  (x > 0) & (y > 0)
        (x > 0) | (y < 0)  (x > 0) ^ (y > 0)  ~(x > 0)  np.all(x > 0)  np.any(x > 0)
        np.all(x, axis=0)  np.any(m, axis=(0, 1))  np.any(m > 0, axis=1, keepdims=True)
        np.all(m > 0, where=mask2)  np.any(m > 0, axis=0, where=mask2)  np.count_nonzero(x)
        np.count_nonzero(m > 0, axis=1)  np.count_nonzero(m > 0, axis=0, keepdims=True)
        np.argmax(m)  np.argmax(m, axis=1)  np.argmin(m, axis=-2)  np.argmin(m, keepdims=True)
        np.argmax(m, 0, keepdims=True)  np.signbit(x)  np.spacing(p)""",
    "sums and products": """
        np.sum(x)  np.sum(m)  np.sum(m, 0)  np.sum(m, axis=1)  np.sum(t, axis=-1)
        np.sum(t, axis=(0, 2))  np.sum(t, axis=(-1, 0), keepdims=True)  np.sum(t, axis=())
        np.sum(m, keepdims=True)  np.sum(m, axis=0, where=mask2)  np.sum(m, where=mask2)
        np.sum(m, initial=2.5)  np.sum(m, axis=1, initial=s)  np.sum(m, where=one > 0)
        np.sum(m, dtype=np.float64)  np.sum(m, dtype=np.float32)  np.sum(s)
        np.sum(e)  np.sum(e, axis=0)  np.sum(e, axis=1)  np.sum(x > 0)  np.sum(m > 0, axis=0)
        np.prod(x)  np.prod(m, axis=0)  np.prod(m, axis=-1, keepdims=True)
        np.prod(t, axis=(0, 2))  np.prod(m, where=mask2)  np.prod(m, axis=1, initial=s)
        np.prod(e)
        np.prod(x * [1, 0, 1, 1])  np.prod(x * [1, 0, 0, 1])  np.prod(e, axis=0)  np.prod(s)
        np.cumsum(x)  np.cumsum(m)  np.cumsum(m, axis=0)  np.cumsum(m, axis=-1)  np.cumsum(s)
        np.cumsum(m, axis=1, dtype=np.float64)  np.cumprod(x)  np.cumprod(m)
        np.cumprod(m, axis=0)
        np.cumprod(x * [1, 0, 1, 1])  np.cumprod(m, -1)  np.cumulative_sum(x)
        np.cumsum(e, axis=0)
        np.cumulative_sum(x, include_initial=True)  np.cumulative_sum(m, axis=1)
        np.cumulative_sum(m, axis=0, include_initial=True)  np.cumulative_prod(x)
        np.cumulative_prod(m, axis=-1, include_initial=True)""",
    "extrema": """
        np.max(x)  np.max(m, axis=0)  np.max(t, axis=(0, -1))  np.max(m, axis=1, keepdims=True)
        np.max(m, initial=0.3)  np.max(m, initial=-9.0, where=mask2)  np.max(s)
        np.max(m, axis=0, initial=s, where=mask2)  np.min(x)  np.min(m, axis=-1)  np.amin(m, 0)
        np.min(m, initial=0.1)  np.min(m, axis=1, initial=5.0, where=mask2)  np.amax(m, axis=1)
        np.ptp(x)  np.ptp(m, axis=0)  np.ptp(m, axis=1, keepdims=True)  np.max(e, axis=1)
        np.max(e, initial=0.2)  np.max(e, axis=0, initial=0.2)""",
    "statistics": """
        np.mean(x)  np.mean(m, axis=0)  np.mean(t, axis=(0, 2), keepdims=True)  np.mean(m, 1)
        np.mean(m, where=mask2)  np.mean(m, axis=1, where=mask2, keepdims=True)  np.mean(s)
        np.mean(m, dtype=np.float64)  np.mean(x > 0)  np.var(x)
        np.var(m, axis=0)  np.var(m, axis=-1, ddof=1)  np.var(m, correction=1)
        np.var(t, axis=(0, 1), keepdims=True)  np.var(m, axis=1, where=mask2)  np.std(x)
        np.var(m, axis=0, mean=np.mean(m, axis=0, keepdims=True))  np.std(m, axis=0)
        np.std(m, ddof=1)  np.std(m, axis=1, keepdims=True)  np.std(m, where=mask2)
        np.average(x)  np.average(m, axis=1)  np.average(m, axis=0, weights=v)
        np.average(x, weights=p)  np.average(m, weights=n ** 2, returned=True)
        np.average(m, axis=(0, 1), weights=n * n)
        np.average(m, axis=1, weights=p, keepdims=True)
        np.nansum(gap)  np.nansum(gaps, axis=0)  np.nanprod(gaps, axis=1)  np.nanmean(gap)
        np.nanmean(gaps, axis=1, keepdims=True)  np.nanmax(gap)  np.nanmax(gaps, axis=0)
        np.nanmin(gaps, axis=1, keepdims=True)  np.nanvar(gap)  np.nanvar(gaps, axis=1, ddof=0)
        np.nanstd(gap)  np.nanstd(gaps, axis=1)  np.nancumsum(gap)  np.nancumsum(gaps, axis=1)
        np.nancumprod(gap)  np.nancumprod(gaps, axis=0)  np.nansum(e)
        np.nanmean(gaps, axis=0)""",
    "products": """
        x @ y  m @ x  x @ k  m @ k  t @ w  t @ k  m @ w  t @ x  v @ t[0]  x @ w  a @ x  A @ x
        x @ a  m.T @ v  np.matmul(m, k)  np.matmul(one, m.T)  np.matmul(t, w)
        np.matmul(v, w[0].T)
        np.matmul(t[:, None], w)  np.dot(x, y)  np.dot(m, x)  np.dot(m, k)  np.dot(s, m)
        np.dot(m, 2.0)  np.dot(t, k)  np.dot(t, w)  np.dot(v, t)  np.dot(x, w)  np.vdot(x, y)
        np.vdot(m, n)  np.inner(x, y)  np.inner(m, n)  np.inner(t, x)  np.inner(t, m)
        np.inner(s, x)  np.outer(x, v)  np.outer(m, x)  np.outer(s, x)  np.outer(a, x)
        np.tensordot(m, k, 1)  np.tensordot(t, m, axes=2)  np.tensordot(x, y, 0)
        np.tensordot(t, w, axes=([1, 2], [2, 1]))  np.tensordot(t, k, axes=(-1, 0))
        np.tensordot(t, w, axes=((0,), (0,)))  np.tensordot(m, m)
        np.tensordot(m, n, axes=[1, 1])
        np.kron(m, k)  np.kron(x, v)  np.kron(s, m)  np.kron(m, v)  np.kron(v, m)
        np.kron(t, k)  np.cross(v, sq)  np.cross(sq, sq[::-1])  np.cross(v, A[:, 0])
        np.cross(sq, v, axisa=0)  np.cross(w, w[::-1] * 2, axisa=2, axisc=0)
        np.cross(sq, sq.T + 1, axis=0)  np.vecdot(m, n)  np.vecdot(m, n, axis=0)
        np.vecdot(m, x)  np.matvec(m, x)  np.matvec(t, x)  np.vecmat(v, m)  np.vecmat(v, t)
        np.linalg.matmul(m, k)  np.linalg.vecdot(m, n)  np.linalg.outer(x, v)
        np.linalg.tensordot(m, k, axes=1)  np.linalg.cross(v, sq)  np.linalg.trace(t)
        np.trace(sq)  np.trace(m, offset=1)  np.trace(t, axis1=1, axis2=2)  np.trace(t, -1, 2, 0)
        np.linalg.diagonal(t, offset=1)  np.linalg.matrix_transpose(t)""",
    "einsum": r"""
        np.einsum('ij,jk->ik',m,k)  np.einsum('ij,jk',m,k)  np.einsum('ij->ji',m)
        np.einsum('ji',m)  np.einsum('ii',sq)  np.einsum('ii->i',sq)  np.einsum('ij->',m)
        np.einsum('ij->j',m)  np.einsum('i,i',x,y)  np.einsum('i,j->ij',x,v)
        np.einsum('i,j',x,v)
        np.einsum('...ij,...jk->...ik',t,w)  np.einsum('...ij,jk',t,k)  np.einsum('...j->...',t)
        np.einsum('...,...',m,one)  np.einsum('i...->...',t)  np.einsum('i...',t)
        np.einsum('bij,bjk,kl->bil',t,w,sq)  np.einsum('ij,ij,ij->i',m,n,m)
        np.einsum('iij->ij',t[:,:2,:])  np.einsum('iji->j',w[:,:,:2])
        np.einsum('iii->',sq[:1,:1,None])
        np.einsum('ij,jk,kl,lm->im',sq,sq,sq,sq)  np.einsum('ij,ij->ij',m,one)
        np.einsum('ij,kj->ik',one,m)  np.einsum(m,[0,1],k,[1,2],[0,2])  np.einsum(m,[0,1])
        np.einsum(m,[0,1],k,[1,2])  np.einsum(t,[Ellipsis,1],x,[1],[Ellipsis])
        np.einsum(sq,[0,0])
        np.einsum('i->',x)  np.einsum('i,i,i,i->',x,y,x,a)  np.einsum(',i->i',s,x)
        np.einsum('->',s)
        np.einsum('ij,j->i',A,x)  np.einsum('ij,jk->ik',m,k,optimize=True)
        np.einsum('ij,jk,kl->il',m,k,m[:2],optimize='greedy')  np.einsum('ab,cd->',sq,m)
        np.einsum('i,i->i',x,x)  np.einsum('ii,ij->j',sq,sq)  np.einsum('...ii->...i',w[:,:3])
        np.einsum('i...,...->...',x,t)  np.einsum('ij,ik->jk',m,m)  np.einsum('ba',m)
        np.einsum('Aa,a->A',m,x)  np.einsum('z,Z',v,x)
        np.einsum('i->', x, dtype=np.float64)
        np.einsum('i,i', x, y, dtype=float, casting='unsafe')""",
    "basic indexing": """
        x[0]  x[-1]  x[1:3]  x[::-1]  x[::2]  x[-1:0:-2]  x[10:]  x[:]  x[...]  x[None]  x[()]
        x[..., None]  x[np.newaxis, 1:]  m[1]  m[1, 2]  m[-1, ::-1]  m[:, 0]  m[:, ::-2]
        m[..., 1]
        m[1, ...]  m[None, :, None]  m[1:, None, 2]  t[..., 0]  t[0, ..., 1]  t[:, 1]  t[0][1][2]
        t[-1, :, ::-1]  m[np.int64(1)]  m[np.uint8(1), 2]  m[(0, 1)]  m[0:0]  s[()]  s[None]
        s[...]  s[None, ...]  x[np.array(2)]  m[np.array(1), 1:]  x[slice(None, None, 2)]
        x[np.int8(-1)]""",
    "advanced indexing": """
        x[i]  x[[0, 2, 2]]  x[[]]  x[j]  x[neg]  x[[-1, 0]]  m[i]  m[:, i]  m[[0, 2]]
        m[i, i]  m[i, 1]  m[1, i]  m[i, :2]  m[:2, i]  m[[0, 1], [2, 3]]  m[[[0], [2]], [1, 3]]
        m[np.ix_([0, 2], [1, 3])]  m[np.ix_(rows, [0, 1])]  m[j[0], j]  m[None, i]
        m[i, None]  m[i, None, 0]  m[..., i]  t[:, i]  t[0, i]  t[0, :, i]  t[:, i, 1]
        t[i[1:] // 2, :, [0, 3]]  t[[0, 1], :, 1]  t[0, :, [1, 2]]  t[:, [0, 1], [2, 3]]
        t[[0, 1], None, [1, 2]]  t[[0], :, [[1], [2]]]  t[..., [0, 1], [1, 1]]
        t[1, ..., [0, 3]]  t[[1, 0], 1:, ::2]  t[np.array(1), :, [0, 1]]  t[:, None, i]
        t[0, [1, 1]]  t[None, [0, 1], None, 0]  m[(i, i)]  m[[0, 1],]  x[(0, 1),]
        x[np.array([], int)]
        m[np.array([[0, 1]])]  x[i.astype(np.uint8)]  x[np.array([1, 1, 1, 1, 1])]
        m[i][:, i]""",
    "boolean indexing": """
        x[mask]  m[mask2]  m[rows]  m[:, mask]  m[rows, 0]  m[rows, 1:]  m[0, mask]
        m[rows, i[:2]]
        t[:, rows]  t[..., mask]  t[0, mask2]  t[:, mask2]  t[:, rows, :2]  x[True]  x[False]
        x[None, True]  m[True, 1]  m[~rows]  x[[True, False, True, True]]  m[rows, None]
        x[np.True_]  s[True]  s[np.bool_(False)]  x[~mask & mask]  m[rows][:, mask]
        m[:, np.array(True)]  m[np.ones((3, 4), bool)]""",
    "choosing": """
        np.where(mask, x, y)  np.where(x > 0, x, 0.0)  np.where(x > 0, x ** 2, -y)
        np.where(mask2, m, one)  np.where(m > 0, 1.0, 0)  np.where(mask, s, x)
        np.where(rows[:, None], s, 2)
        np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)  np.where(True, x, y)
        np.where(mask, 2, x)  np.where(mask, x, [1, 2.5, 3, 4])
        np.where(x > 0, np.sqrt(np.abs(x)), 0)  np.select([x > 1, x > 0], [x ** 2, x], default=y)
        np.select([mask, ~mask], [x, 3.0])  np.select([x > 9], [x], -1.0)  np.clip(x, -1, 1)
        np.clip(x, 0, None)  np.clip(x, None, 0.5)  np.clip(x, y - 2, y + 2)  np.clip(m, -s, s)
        np.clip(x, a_min=-0.5, a_max=0.5)  np.clip(x, min=-0.5)  np.clip(x, min=-0.5, max=s)
        np.clip(x, -1, 1, dtype=complex)  np.clip(x, None, 1, casting='safe')
        np.clip(x, None, None, dtype=float)  x.clip(0, dtype=np.float64)
        np.clip(x, np.float32(-1), 1)  np.choose([0, 1, 1, 0], [x, y])
        np.choose(mask * 1, (x, 2.0))
        np.choose([0, 3, -1, 1], [x, y], mode='clip')
        np.choose([0, 3, -1, 1], [x, y], mode='wrap')
        np.choose(1, [x, y])  np.choose([[0], [1]], [x, y])
        np.piecewise(x, [mask, ~mask], [lambda v: -v, lambda v: v.sum() * v])
        np.piecewise(x, mask, [2.0, np.sin])
        np.compress(mask, x)  np.compress(rows, m, axis=0)  np.compress([True, False], m, axis=1)
        np.compress(mask, m, axis=-1)  np.extract(mask2, m)  np.extract(mask, x)""",
    "joining": """
        np.concatenate([x, y])  np.concatenate((m, n), axis=1)  np.concatenate([m, n], axis=-2)
        np.concatenate([m, n], axis=None)  np.concatenate([x, a, [1.0]])  np.concatenate([a, x])
        np.concatenate(m)  np.concatenate([x, y], dtype=np.float64)  np.concatenate([x, i])
        np.concat([x, y])  np.concatenate([x, e[:, 0]])  np.concatenate([x])  np.stack([x, y])
        np.stack([x, y], axis=1)  np.stack([m, n], axis=-1)  np.stack([s, s * 2, 1.0])
        np.stack([x, y], -2)  np.stack(m)  np.vstack([x, y])  np.vstack([m, x])
        np.hstack([x, y])
        np.hstack([m, n])  np.hstack([s, x])  np.dstack([x, y])  np.dstack([m, n])  np.vstack(m)
        np.column_stack([x, y])  np.column_stack([m, v])  np.append(x, y)  np.append(x, 1.0)
        np.append(m, n, axis=0)  np.append(a, x)  np.append(x, [s])  np.block([[m], [n]])
        np.block([m, n])  np.block([[sq, v[:, None]], [v[None], np.ones((1, 1))]])
        np.block([x, y])
        np.block([s, 1.0, x])  np.block(x)  np.block([[x], [y]])  np.append(x, i)
        np.stack([1, s])  np.stack([x, [1, 2, 3, 4]])  np.hstack([1, x])""",
    "splitting": """
        np.split(x, 2)  np.split(m, 2, axis=1)  np.split(m, [1, 3], axis=-1)  np.split(x, [1])
        np.array_split(x, 3)  np.array_split(m, 3, axis=1)  np.array_split(x, [1, 9])
        np.hsplit(m, 2)  np.hsplit(x, 2)  np.vsplit(m, 3)  np.vsplit(m, [1])  np.dsplit(t, 2)
        np.unstack(m)  np.unstack(t, axis=-1)  np.split(x, np.array([1, 2]))
        np.array_split(x, 7)""",
    "padding": """
        np.pad(x, 2)  np.pad(x, (1, 2))  np.pad(m, ((1, 0), (0, 2)))  np.pad(m, 1, 'edge')
        np.pad(m, ((1, 2),))  np.pad(x, 0)  np.pad(m, 1, constant_values=0.5)
        np.pad(m, ((1, 0), (2, 1)), constant_values=((1, 2), (3, 4)))
        np.pad(x, 1, constant_values=s)
        np.pad(x, (2, 3), 'reflect')  np.pad(m, 2, mode='symmetric')  np.pad(x, 5, 'wrap')
        np.pad(x, 3, 'reflect', reflect_type='even')  np.pad(m, (1, 2), 'wrap')
        np.pad(x, 9, 'reflect')  np.pad(x, 9, 'reflect', reflect_type='odd')
        np.pad(x, (9, 2), 'symmetric', reflect_type='odd')  np.pad(one, 3, 'wrap')
        np.pad(m, ((4, 0), (1, 8)), 'reflect', reflect_type='odd')
        np.pad(np.argsort(x) - 5, 4, 'linear_ramp')  np.pad(e, ((0, 0), (1, 2)), 'maximum')
        np.pad(np.argsort(x), 7, 'reflect', reflect_type='odd')
        np.pad(m, 1, 'mean')  np.pad(m, 2, 'maximum')  np.pad(m, 1, 'minimum', stat_length=2)
        np.pad(x, 2, 'linear_ramp', end_values=1.0)  np.pad(m, ((1, 2), (0, 1)), 'linear_ramp')
        np.pad(x, 1, 'mean', stat_length=(1, 3))  np.pad(m, {-1: (1, 2)})  np.pad(m, {0: 1})
        np.pad(s, 0)  np.pad(s, 0, constant_values=1)  np.pad(s, 0, 'edge')""",
    "shapes": """
        np.reshape(m, 12)  np.reshape(m, (2, -1))  np.reshape(m, (4, 3), order='F')  np.ravel(m)
        np.reshape(x, (2, 2, 1))  np.ravel(m, order='F')  np.ravel(s)  np.transpose(m)
        np.transpose(t)  np.transpose(t, (1, 0, 2))  np.transpose(t, (-1, 0, 1))
        np.reshape(e, (3, 0))
        np.permute_dims(t, (2, 1, 0))  np.matrix_transpose(t)  np.swapaxes(t, 0, 2)  np.ravel(e)
        np.swapaxes(t, -1, 1)  np.moveaxis(t, 0, -1)  np.moveaxis(t, [0, 1], [-1, 0])
        np.rollaxis(t, 2)  np.rollaxis(t, 0, 3)  np.rollaxis(t, -1, 1)  np.expand_dims(x, 0)
        np.expand_dims(m, (0, -1))  np.expand_dims(x, -1)  np.squeeze(one)  np.squeeze(one, 0)
        np.squeeze(m)  np.squeeze(t[:, :1, :1], axis=(1, 2))  np.broadcast_to(x, (3, 4))
        np.broadcast_to(s, (2, 2))  np.broadcast_to(one, (3, 4))  np.broadcast_arrays(x, m)
        np.broadcast_arrays(s, x, v[:, None])  np.atleast_1d(s)  np.atleast_2d(x)
        np.atleast_3d(x)
        np.atleast_3d(m)  np.atleast_1d(s, x)  np.atleast_2d(s, 1.0)  np.copy(m)
        np.astype(x, float)
        np.diagonal(sq)  np.diagonal(m, 1)  np.diagonal(m, -1)  np.diagonal(t, 0, 1, 2)
        np.diagonal(t, axis1=0, axis2=2)  np.diagonal(m, 7)  np.diag(x)  np.diag(x, 1)
        np.diag(x, -2)
        np.diag(m)  np.diag(m, -1)  np.diagflat(m)  np.diagflat(x, 1)  np.tril(m)  np.triu(m)
        np.tril(t, 1)  np.triu(t, -1)  np.tril(sq, k=-1)  np.triu(x)  np.real(x)  np.imag(x)
        np.angle(x)  np.reshape(m, shape=(4, 3))  np.conjugate(x)  np.shape(m)  np.ndim(m)
        np.size(m)
        np.size(m, 1)  np.size(m, axis=-2)""",
    "repeating and moving": """
        np.repeat(x, 2)  np.repeat(m, 2, axis=0)  np.repeat(m, [1, 0, 3], axis=0)
        np.repeat(x[:0], [])  np.take(x, [])  np.take(m, (), axis=1)
        np.repeat(m, 3)
        np.repeat(x, [1, 2, 0, 1])  np.repeat(s, 3)  np.tile(x, 2)  np.tile(x, (2, 3))
        np.tile(m, 2)
        np.tile(m, (2, 1))  np.tile(m, (2, 1, 3))  np.tile(s, 3)  np.tile(x, 0)  np.roll(x, 1)
        np.roll(x, -6)  np.roll(m, 1)  np.roll(m, 1, axis=0)  np.roll(m, (1, -2), axis=(0, 1))
        np.roll(m, 2, axis=(0, 1))  np.flip(m)  np.flip(m, 0)  np.flip(t, (0, -1))  np.flipud(m)
        np.fliplr(m)  np.rot90(m)  np.rot90(m, 2)  np.rot90(m, -1)  np.rot90(t, 3, axes=(1, 2))
        np.rot90(m, k=5)  np.take(x, [0, 2, 2])  np.take(m, 5)  np.take(m, i, axis=1)
        np.take(x, -1)
        np.take(m, j, axis=-1)  np.take(x, [5, -7], mode='wrap')
        np.take(x, [5, -7], mode='clip')
        np.take(m, [[0, 11]])  np.take_along_axis(m, np.argsort(m, 1), 1)  np.take(m, 1, 0)
        np.take_along_axis(m, i[:, None], axis=1)  np.take_along_axis(m, np.array([7, 0]), None)
        np.take_along_axis(m, np.array([[0, 2, 1, 1]]), axis=0)  np.insert(x, 1, 5.0)
        np.insert(x, [1, 3], [7.0, 8.0])  np.insert(x, [1, 1], s)  np.insert(m, 1, v, axis=1)
        np.insert(m, 0, 2.0, axis=0)  np.insert(m, [1], n, axis=0)  np.insert(m, -1, 1.5)
        np.insert(x, 2, y)
        np.insert(m, slice(0, 2), 1.0, axis=1)  np.insert(x, 4, s)
        np.insert(m, [0, 2], [[s], [1.0]], axis=0)
        np.delete(x, 1)  np.delete(x, [0, -1])  np.delete(m, 1, axis=0)
        np.delete(m, slice(1, 3), 1)
        np.delete(m, 3)  np.delete(x, mask)  np.delete(x, [])  np.resize(x, 7)
        np.resize(m, (2, 3))
        np.resize(x, (3, 3))  np.resize(x, 0)""",
    "sorting": """
        np.sort(x)  np.sort(m)  np.sort(m, axis=0)  np.sort(m, axis=None)
        np.sort(x, kind='stable')
        np.sort(t, axis=1)  np.argsort(x)  np.argsort(m, axis=0)  np.argsort(m, axis=None)
        np.argsort(x, stable=True)  np.argsort(x, kind='stable')  np.partition(x, 1)
        np.partition(m, 2, axis=0)  np.partition(m, (1, 2))  np.argpartition(x, 2)
        np.argpartition(m, 1, axis=0)  np.sort(-x)[::-1]  np.sort(x, stable=True)""",
    "pieces": [
        "np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v ** 2])",
        "np.piecewise(x, [x > 1], [lambda v: v ** 3, lambda v: 2 * v])",
        "np.piecewise(x, x > 0, [2.0, 5.0])",
        "np.piecewise(x, [x > 0], [lambda v, k: k * v], 3)",
        "np.piecewise(s, [s > 0], [np.sin])",
        "np.piecewise(x, [x > 0], [np.log, s])",
        "np.piecewise(m, [m < 0, m > 1], [lambda v, k: np.exp(v), lambda v, k: v**0.5 * k, 1], s)",
        "np.piecewise(x, [mask, x > 1], [np.cos, lambda v: v - 2])",
    ],
    "creation like": """
        np.zeros_like(x)  np.ones_like(m)  np.full_like(x, 3.0)  np.full_like(x, s)
        np.full_like(m, x)
        np.zeros_like(x, dtype=np.float32)  np.ones_like(x, shape=(2,))
        np.full_like(x, s, shape=(2, 2))  np.zeros_like(x, shape=3)
        np.full_like(x, 2, dtype=int)
        np.bincount(i, weights=v)  np.bincount(i, v, minlength=7)""",
    "methods": """
        m.sum()  m.sum(0)  m.sum(axis=1, keepdims=True)  m.mean()  m.mean(axis=-1)  m.var(ddof=1)
        m.std(axis=0)  m.prod()  m.max()  m.min(axis=1)  m.cumsum()  m.cumsum(1)
        m.cumprod(axis=0)
        m.reshape(-1)  m.reshape(2, 6)  m.reshape((4, 3))  m.reshape([4, 3])
        m.reshape(4, 3, order='F')
        m.ravel()  m.flatten()  m.flatten('F')  m.transpose()  t.transpose(1, 0, 2)
        t.transpose((2, 0, 1))
        t.transpose(None)  m.T  t.T  t.mT  m.swapaxes(0, 1)  one.squeeze()  one.squeeze(0)
        m.dot(k)
        x.dot(y)  sq.trace()  m.diagonal()  m.diagonal(1)  m.take([0, 5])  m.take(i, axis=1)
        x.repeat(2)
        x.clip(0, 1)  x.clip(min=0)  x.clip(max=0.5)  x.clip(-0.5, s)  x.round()  x.round(1)
        x.copy()
        x.conj()  x.conjugate()  x.real  x.imag  x.astype(np.float64)  x.astype(float)
        x.astype(np.float32)
        x.astype(int)  x.astype(bool)  x.astype('f4').sum()  x.astype(complex).real  x.argmax()
        m.argmin(axis=1)  x.argsort()  m.argsort(axis=0)  x.argpartition(2)  x.any()
        m.all(axis=0)
        x.compress(mask)  m.compress(rows, axis=0)  (x > 0).sum()  (x > 0).any()
        (x > 0).astype(float)  m.max(axis=0, keepdims=True)  m.sum(axis=(0, 1))
        m.mean(where=mask2)  m.max(initial=0.1, where=mask2)  m.sum(dtype=np.float64)
        x.astype(np.float64, copy=False)  m.shape  m.ndim  m.size  m.itemsize
        m.nbytes  len(m)  m.dtype.itemsize""",
    "operators": """
        x + y  x - y  x * y  x / y  x % y  x // y  p ** q  x + 1  1 + x  x - 2.0  2.0 - x  3 * x
        x * True
        x / 3  3 / x  p ** 2  2 ** x  7 // x  x // 1.5  7 % p  x % 1.5  a + x  a - x  a * x
        a / x  a % p
        a // x  np.abs(a) ** x  np.float64(2) * x  x * np.float64(2)  np.float64(3) - x
        np.float64(2) / p
        np.float64(2) ** x  np.float64(2.5) // x  np.float64(2.5) % p  np.float32(2) * x
        x * np.float32(2)  np.int64(2) * x  x + i[0]  x + np.arange(4)  np.arange(4) * x
        x * np.array(2)  np.array(2.0) * x  -x  +x  abs(x)  round(s, 1)  round(s, -1)
        divmod(x, 1.5)  divmod(p, q)  divmod(7.0, p)  divmod(a, x)  divmod(np.float64(7), p)
        s + 1  1 - s  s * x  s ** 2  2 ** s  s / 2  -s  abs(-s)  s % 0.3  s // 0.3  s + True
        sum(x)  sum(m)  sum([x, y])  list(x)  [*x, 1.0]  tuple(m)
        list(reversed(x))  [r * 2 for r in m]  dict(enumerate(x))  list(zip(x, y))  list(x.flat)
        list(m.flat)  list(map(np.sin, x))  sum(r @ x for r in m)  np.array([1, 2, 3, 4]) @ x
        (lambda a, b, c, d: a * b + c * d)(*x)  (lambda r, *rest: r @ rest[0])(*m)  x @ np.eye(4)
        np.eye(4) @ x  np.arange(4) @ x  x.__add__(1)  x.__radd__(1.0)  x == x  x * one_big
        [1.0, 2, 3, 4] @ x  x + [1, 2, 3, 4]  (1, 2, 3, 4) * x
        x - [s, 1.0, s, 2]  [s, 1, 2, 3] @ x  x > [0, 1, 2, 3]  [[1], [2]] ** x
        np.matmul([[1, 2, 3, 4]], x)""",
    "complex": """
        z * z  z + 1j  z / (1 + 2j)  (1 + 2j) / z  np.exp(z)  np.sin(z)  np.cos(z)  np.log(z)
        np.sqrt(z)
        np.tanh(z)  np.sinh(z)  np.cosh(z)  np.tan(z)  np.arctan(z)  z ** 2  z ** 3  z ** 1.5
        z ** z
        np.square(z)  np.reciprocal(z)  np.abs(z)  abs(z) ** 2  np.conj(z)  z.conj()  z.real
        z.imag
        np.real(z)  np.imag(z)  np.angle(z)  np.angle(z, deg=True)  np.sum(z)  np.mean(z)
        np.var(z)
        np.std(z)  np.prod(z)  np.cumsum(z)  np.cumprod(z)  np.vdot(z, z * 1j)  z @ z  z @ zm
        zm.T @ zm
        np.vecdot(z, z + 1)  np.outer(z, z)  np.where(rows, z, 0)  z[i]  np.real(z) * z  z * v
        v * z  v + 1j
        np.exp(1j * v)  np.abs(np.exp(1j * v) + z) ** 2  np.positive(z)  -z  np.sum(zm, axis=0)
        np.einsum('i,ij->j', z, zm)  np.tensordot(zm, zm.conj(), 2)  np.kron(z, z)
        np.inner(z, z)
        np.dot(z, zm)  np.arcsinh(z)  np.expm1(z)  np.log1p(z)  np.log2(z)  np.log10(z)
        np.sign(z)
        np.concatenate([z, v])  np.isreal(z)  np.iscomplex(z)  np.isfinite(z)  np.nan_to_num(z)
        z.astype(np.complex64)  v.astype(complex)  v.astype(complex) * z  np.vecmat(z, zm)""",
}

# rows whose results are shaped or chosen by numbers: they work on numbers, and refuse shapes
NEED_NUMBERS = """
    x[x > 0]  m[m > 0]  m[m[:, 0] > 0]  np.nonzero(x)  np.argwhere(m > 0)  np.flatnonzero(x > 0)
    np.where(x > 0)  np.extract(x > 0, x)  np.compress(x > 0, x)
    np.trim_zeros(np.where(x > 2, x, 0))
    x if (x > 0).any() else y  s if s > 0 else -s  max(x)  min(x)  sorted(x)  x[0] in x  9.0 in x
    np.trim_zeros(x * mask)  np.trim_zeros(np.pad(x, 2), 'f')  x.nonzero()  np.array_repr(x)
    np.unique(x)  np.unique(x[i])  np.unique(m, axis=1)  np.unique(m[i], axis=0)
    np.unique(x[j], True, True, True)  np.unique(np.round(m), return_counts=True)
    np.unique(m[i], return_inverse=True, axis=0)
    np.unique_all(m)[0]  np.unique_counts(x[j])[0]  np.unique_inverse(m)[0]  np.unique_values(x)
    np.unique_all(x[i])[1:]  np.unique(z)  np.union1d(x, y)  np.union1d(m, a)
    np.intersect1d(x, x[i])  np.intersect1d(x, a, return_indices=True)
    np.intersect1d(x, x[:2], assume_unique=True)  np.intersect1d(x, m)  np.setdiff1d(x, x[i])
    np.setdiff1d(m, x)  np.setdiff1d(x, [9.0], assume_unique=True)  np.setxor1d(x, x[1:])
    np.setxor1d(x, y, assume_unique=True)  np.setxor1d(m, x)  np.array_str(x)
    np.histogram(x, 'sqrt')  np.histogram(m, 'auto')  np.histogram_bin_edges(x, 'sturges')
    np.emath.sqrt(x)  np.emath.log(x)  np.emath.log2(p)  np.emath.log10(x)  np.emath.arccos(x)
    np.emath.arcsin(u)  np.emath.arctanh(x)  np.emath.power(x, 1.5)  np.emath.power(x, p)
    np.emath.logn(2, x)  np.emath.logn(-2.0, p)  np.real_if_close(z)
    np.real_if_close(x + 0j)  np.min_scalar_type(s).itemsize
    np.array2string(x)  bool(np.allclose(x, y))  bool(np.array_equal(x, x))  bool(s)  not s
    x[0] and s
    np.bincount(np.where(x > 0, 1, 0))
    np.bincount(np.where(x > 0, 1, 0), weights=x)  np.bincount(np.where(x > 9, 1, 0), y)
    np.piecewise(x, [x > 9, x > 0], [np.sin, lambda v: v - v.mean()])
    x[np.where(x > 0, 1, 0)[0]:]
    int(np.argmax(x))  range(int(np.argmax(m)))  x.compress(x > 0)"""

NARROWING = (
    "np.sum(m, dtype=np.float32)",
    "x.astype(np.float32)",
    "x.astype('f4').sum()",
    "z.astype(np.complex64)",
)
# rows of a number's last bits, or of a nan, which differences cannot resolve
NO_DIFFERENCES = ("np.spacing", "np.nextafter", "np.isclose(x, x + 1e-9)", *NARROWING)

CASES = list({row: (family, row) for family, rows in ROWS.items() for row in split(rows)}.values())
if np.lib.NumpyVersion(np.__version__) < "2.4.0":  # which lacks some functions and keywords
    CASES = [case for case in CASES if known_to_numpy(case[1], INPUTS, CONSTANTS)]
UNTIL_NUMBERS = split(NEED_NUMBERS)


def compiled(row):
    """Give a row as a function, and its inputs in the order of their names."""
    return function_of(row, INPUTS, CONSTANTS)
