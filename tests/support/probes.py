"""Expressions of plain NumPy, each of them a probe: area by area, every name that can be traced.

The areas and their least numbers are those in which libraries have been compared before. A probe
is a line of NumPy over ``INPUTS``, which it is a function of, and ``CONSTANTS``.
"""

import numpy as np

from .rows import after

RNG = np.random.default_rng(0)

# fmt: off
INPUTS = {
    "s": np.float64(0.7),
    "x": np.array([0.4, -1.3, 0.9, 2.1]),
    "y": np.array([-0.6, 0.8, 1.7, -2.2]),
    "p": np.array([0.55, 1.2, 1.9, 0.8]),  # positive
    "q": np.array([1.4, 0.7, 0.91, 2.3]),
    "u": np.array([-0.8, -0.3, 0.2, 0.6]),  # in the domain of arcsin
    "v": np.array([0.3, -0.9, 1.4]),
    "m": RNG.normal(size=(3, 4)),
    "n": RNG.normal(size=(3, 4)),
    "k": RNG.normal(size=(4, 2)),
    "sq": RNG.normal(size=(3, 3)) + 2 * np.eye(3),
    "t": RNG.normal(size=(2, 3, 4)),
    "w": RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3),
    "z": np.array([0.4 + 1.1j, -1.3 + 0.2j, 0.9 - 0.7j]),
    "gap": np.array([np.nan, 1.5, -0.4, np.nan, 2.2]),
    "gaps": np.array([[np.nan, 1.5, -0.4], [0.3, np.nan, 2.2]]),
}
CONSTANTS = {
    "np": np,
    "after": after,
    "i": np.array([2, 0, 2]),
    "j": np.array([[0, 1], [3, 3]]),
    "h": np.array([6, 4, 9, 2]),
    "mask": np.array([True, False, True, True]),
    "a": np.array([0.3, 1.1, -0.7, 0.2]),
    "windows": np.lib.stride_tricks.sliding_window_view,
}

LEAST = {"unary": 49, "binary": 26, "reductions": 57, "shape": 55, "indexing": 32,
         "products": 30, "linalg": 31, "fft": 15}

AREAS = {
    "unary": """
        np.abs(x)  np.absolute(z)  np.fabs(x)  np.negative(x)  np.positive(x)  np.sign(x)
        np.exp(x)  np.exp2(x)  np.expm1(x)  np.log(p)  np.log2(p)  np.log10(p)  np.log1p(p)
        np.sqrt(p)  np.cbrt(x)  np.square(x)  np.reciprocal(x)  np.sin(x)  np.cos(x)  np.tan(x)
        np.arcsin(u)  np.arccos(u)  np.arctan(x)  np.sinh(x)  np.cosh(x)  np.tanh(x)
        np.arcsinh(x)  np.arccosh(p + 1)  np.arctanh(u)  np.deg2rad(x)  np.rad2deg(x)
        np.degrees(x)  np.radians(x)  np.sinc(x)  np.i0(x)  np.real(z)  np.imag(z)  np.conj(z)
        np.conjugate(z)  np.angle(z)  np.nan_to_num(gap)  np.floor(x)  np.ceil(x)  np.trunc(x)
        np.rint(x)  np.round(x, 1)  np.around(x)  np.isnan(gap)  np.isinf(x)  np.isfinite(gap)
        np.signbit(x)  np.spacing(x)  np.logical_not(x)  np.modf(x)  np.frexp(x)
        np.exp(z)  np.sqrt(z)  np.log(z)  np.arccos(z)  np.arcsin(z)  np.tanh(z)""",
    "binary": """
        np.add(x, y)  np.subtract(x, y)  np.multiply(x, y)  np.divide(x, y)
        np.true_divide(x, p)  np.floor_divide(x, y)  np.power(p, x)  np.float_power(p, x)
        np.pow(p, 3)  np.mod(x, p)  np.remainder(x, p)  np.fmod(x, p)  np.divmod(x, p)
        np.arctan2(x, y)  np.hypot(x, y)  np.maximum(x, y)  np.minimum(x, y)  np.fmax(x, y)
        np.fmin(x, y)  np.logaddexp(x, y)  np.logaddexp2(x, y)  np.copysign(x, y)
        np.heaviside(x, y)  np.nextafter(x, y)  np.ldexp(x, 3)  np.greater(x, y)
        np.greater_equal(x, y)  np.less(x, y)  np.less_equal(x, y)  np.equal(x, y)
        np.not_equal(x, y)  np.logical_and(x, y)  np.logical_or(x, 0)  np.logical_xor(x, 0)
        np.add(x, m)  np.multiply(z, v)""",
    "reductions": """
        np.sum(m)  np.sum(m, axis=0)  np.sum(m, axis=1, keepdims=True)  np.sum(m, where=m > 0)
        np.sum(x, initial=s)  np.prod(m, axis=1)  np.prod(x)  np.mean(m)  np.mean(m, axis=0)
        np.mean(m, where=m > 0)  np.var(m)  np.var(m, axis=1, ddof=1)  np.std(m, axis=0)
        np.std(x, ddof=1)  np.max(m)  np.max(m, axis=0)  np.amax(m, axis=1)  np.min(m, axis=0)
        np.amin(m)  np.ptp(m, axis=1)  np.median(m)  np.median(m, axis=1)  np.average(m)
        np.average(m, axis=1, weights=p)  np.quantile(x, 0.3)  np.quantile(m, [0.2, 0.7], axis=1)
        np.percentile(m, 40, axis=0)  np.cumsum(m, axis=0)  np.cumsum(m)  np.cumprod(m, axis=1)
        np.nansum(gaps, axis=0)  np.nanprod(gaps, axis=1)  np.nanmean(gaps, axis=1)
        np.nanvar(gap)  np.nanstd(gap, ddof=1)  np.nanmax(gaps, axis=1)  np.nanmin(gaps, axis=0)
        np.nanmedian(gaps, axis=1)  np.nanpercentile(gap, 40)  np.nanquantile(gaps, 0.3, axis=1)
        np.nancumsum(gaps, axis=1)  np.nancumprod(gap)  np.all(m > -9, axis=0)  np.any(m > 1)
        np.argmax(m, axis=1)  np.argmin(m)  np.nanargmax(gap)  np.nanargmin(gaps, axis=1)
        np.count_nonzero(m, axis=0)  np.cov(m)  np.cov(m, x, ddof=0)  np.corrcoef(m)
        np.trapezoid(m, axis=0)  np.trapezoid(x, p)  np.diff(m)  np.diff(x, 2)
        np.ediff1d(x, to_end=s)  np.gradient(x)  np.gradient(m, s, axis=1)
        np.histogram(x, 3, (-2, 3), weights=p)  np.histogram(x, 3, density=True, weights=p)
        np.histogram2d(x, y, 3, weights=p)  np.histogramdd(m.T, [3, 2, 1], weights=x)
        np.histogram_bin_edges(x, 3)  np.bincount(i, weights=v)  np.add.reduce(m, axis=1)
        np.multiply.reduce(m)  np.maximum.reduce(m, axis=1)  np.logaddexp.reduce(m)
        np.cumulative_sum(x, include_initial=True)  np.cumulative_prod(x)
        np.quantile(x, 0.4, weights=p, method='inverted_cdf')  np.quantile(x, s ** 2)""",
    "shape": """
        np.reshape(m, (4, 3))  np.ravel(m)  np.transpose(m)  np.transpose(t, (2, 0, 1))
        np.permute_dims(t, (1, 0, 2))  np.matrix_transpose(t)  np.swapaxes(t, 0, 2)
        np.moveaxis(t, 0, -1)  np.rollaxis(t, 2)  np.expand_dims(x, 0)  np.squeeze(x[None])
        np.broadcast_to(x, (3, 4))  np.broadcast_arrays(x, m)  np.atleast_1d(s)
        np.atleast_2d(x)  np.atleast_3d(m)  np.concatenate([x, y])  np.concat([m, n], axis=1)
        np.stack([x, y], axis=1)  np.vstack([x, m])  np.hstack([x, y])  np.dstack([m, n])
        np.column_stack([x, y])  np.append(x, s)  np.block([[m, n], [n, m]])
        np.split(x, 2)  np.array_split(x, 3)  np.hsplit(m, 2)  np.vsplit(m, 3)  np.dsplit(t, 2)
        np.unstack(m)  np.repeat(x, 2)  np.repeat(m, [1, 0, 2], axis=0)  np.tile(x, (2, 2))
        np.flip(m)  np.flipud(m)  np.fliplr(m)  np.rot90(m)  np.roll(m, 1, axis=1)
        np.roll(x, 2)  np.pad(m, 1)  np.pad(x, 2, 'edge')  np.pad(x, 2, 'reflect')
        np.pad(x, (1, 2), 'linear_ramp')  np.resize(x, 7)  np.delete(x, 1)  np.insert(x, 1, s)
        np.copy(x)  np.full_like(m, x)  np.zeros_like(x)  np.ones_like(x)  np.meshgrid(x, v)
        np.linspace(s, x, 3)  np.logspace(s, 2, 3)  np.geomspace(s, 2.0, 4)  np.vander(x, 3)
        windows(x, 2)  windows(m, (2, 2))  np.astype(x, np.float32)  np.shape(m)  np.ndim(m)
        np.size(m)  np.unwrap(4 * x)  np.empty_like(x).shape  np.sort_complex(z)""",
    "indexing": """
        x[1]  x[-1]  x[1:3]  x[::-1]  m[1]  m[:, 2]  m[1, 2]  m[..., None]  m[i]  m[:, j]
        m[i, [0, 1, 3]]  x[mask]  m[:, mask]  t[0, :, i]  np.take(x, i)  np.take(m, j, axis=1)
        np.take_along_axis(m, np.argsort(m, 1), 1)  np.where(x > 0, x, y)  np.where(mask, x, s)
        np.select([x > 1, x > 0], [x, y], s)  np.choose([0, 1, 1, 0], [x, y])
        np.compress(mask, x)  np.extract(mask, x)  np.diag(x)  np.diag(sq)  np.diagonal(t, 0, 1, 2)
        np.diagflat(x)  np.tril(sq)  np.triu(sq, 1)  np.sort(m, axis=0)  np.sort(x)
        np.argsort(m, axis=1)  np.partition(m, 2, axis=1)  np.argpartition(x, 1).sum()
        np.searchsorted(np.cumsum(p), x)  np.digitize(x, [-1, 0, 1])  np.clip(x, -1, s)
        np.lexsort((x, y))  np.ix_(x, v)  np.isin(x, y)  np.interp(x, [-2, 0.1, 1, 3], y)
        np.unravel_index(np.argmax(m), (3, 4))  np.ravel_multi_index((i, i[::-1]), (3, 4)) + s
        np.ravel_multi_index((np.argsort(x), h - 2), (4, 9))  np.tril_indices_from(sq)
        np.triu_indices_from(sq, 1)  np.diag_indices_from(sq)
        np.piecewise(x, [x > 0], [np.log, np.cos])""",
    "products": """
        np.dot(m, x)  np.dot(m, k)  np.vdot(x, y)  np.vdot(z, z[::-1])  np.inner(x, y)
        np.inner(m, n)  np.outer(x, v)  np.matmul(m, k)  np.matmul(t, k)  m @ x  np.matvec(m, x)
        np.vecmat(v, m)  np.vecdot(m, n)  np.tensordot(m, t, ([0, 1], [1, 2]))
        np.tensordot(m, k, 1)  np.einsum('ij,jk', m, k)  np.einsum('ij,ij->i', m, n)
        np.einsum('ii->i', sq)  np.einsum('bij,jk,i->bk', t, k, v)  np.einsum('...j->...', t)
        np.kron(v, x)  np.kron(sq, m)  np.cross(v, sq)  np.cross(v, v[::-1] ** 2)
        np.convolve(x, v)  np.convolve(x, v, 'same')  np.correlate(x, v, 'full')  np.trace(sq)
        np.polyval(x, s)  np.polyadd(x, v)  np.polysub(x, v)  np.polymul(x, v)  np.polyder(x)
        np.polyint(x, k=s)  np.polydiv(x, [1.0, s])  np.poly(x)  np.polyfit(p, x, 2)
        np.polyfit(p, m.T, 1, w=q)  np.add.outer(x, v)  np.multiply.outer(x, m)
        np.apply_along_axis(np.cumsum, 1, m)  np.apply_over_axes(np.sum, t, [0, 2])
        np.einsum_path('ij,jk', m, k)[1] and m""",
    "linalg": """
        np.linalg.norm(x)  np.linalg.norm(m)  np.linalg.norm(m, axis=1)  np.linalg.norm(x, 1)
        np.linalg.norm(x, np.inf)  np.linalg.norm(m, np.inf, axis=1)  np.linalg.norm(x, 3)
        np.linalg.norm(sq, 'nuc')  np.linalg.norm(sq, 2)  np.linalg.matrix_norm(t)
        np.linalg.vector_norm(m, axis=0)  np.linalg.det(sq)  np.linalg.det(w)
        np.linalg.slogdet(sq)  np.linalg.inv(sq)  np.linalg.inv(w)  np.linalg.pinv(m)
        np.linalg.solve(sq, v)  np.linalg.solve(w, t)  np.linalg.lstsq(m.T, x)[0]
        np.linalg.cholesky(sq @ sq.T)  np.linalg.qr(sq)  np.linalg.qr(m.T)
        np.linalg.svd(m, full_matrices=False)[1]  np.linalg.svdvals(m)
        np.linalg.eigh(sq + sq.T)[0]  np.linalg.eigvalsh(w + w.mT)
        np.linalg.eig(sq @ sq.T)[0].real.sum()  np.linalg.eigvals(sq).real.sum()
        np.linalg.matrix_power(sq, 3)  np.linalg.matrix_power(sq, -2)
        np.linalg.multi_dot([m, k, k.T])  np.linalg.cond(sq)  np.linalg.matrix_rank(m)
        np.linalg.tensorsolve(sq, v)  np.linalg.tensorinv(sq, 1)  np.linalg.cross(v, v[::-1] ** 2)
        np.linalg.outer(x, v)  np.linalg.tensordot(m, k, axes=1)  np.linalg.matmul(m, k)
        np.linalg.vecdot(m, n)  np.linalg.diagonal(w)  np.linalg.trace(w)
        np.linalg.matrix_transpose(w)  np.roots(p)[0].real""",
    "fft": """
        np.fft.fft(x)  np.fft.fft(z)  np.fft.ifft(z)  np.fft.fft2(m)  np.fft.ifft2(m)
        np.fft.fftn(t)  np.fft.ifftn(t)  np.fft.rfft(x)  np.fft.rfft(m, 6, axis=0)
        np.fft.irfft(z)  np.fft.rfft2(m)  np.fft.irfft2(np.fft.rfft2(m))  np.fft.rfftn(t)
        np.fft.irfftn(np.fft.rfftn(t))  np.fft.hfft(z)  np.fft.ihfft(x)  np.fft.fftshift(m)
        np.fft.ifftshift(m, axes=1)  np.fft.fft(x, norm='ortho')
        np.fft.rfft(x, norm='forward')""",
    "in place": """
        after(np.put, x, [0, 2], v)  after(np.put, m, [-1, 17], v, 'wrap')
        after(np.place, x, mask, v)  after(np.putmask, x, mask, v)  after(np.copyto, x, y)
        after(np.copyto, m, x, where=m > 0)  after(np.fill_diagonal, sq, v)
        after(np.put_along_axis, m, np.argsort(m, 1)[:, :1], s, 1)  after(np.add.at, x, i, v)
        after(np.subtract.at, m, i, x)  after(np.multiply.at, x, i, v)
        after(np.divide.at, x, i, v)  after(np.power.at, p, i, v)  after(np.negative.at, x, i)
        after(np.hypot.at, x, i, v)  after(lambda o: np.sin(y, out=o), x)
        after(lambda o: np.negative(y, o), x)  after(lambda o: np.add(o, y, out=o), x)
        after(lambda o: np.add(x, y, out=o, where=mask), x)
        after(lambda o: np.sum(m, 0, out=o), x)  after(lambda o: np.add.reduce(m, out=o), x)
        after(lambda o: np.clip(y, -1, s, out=o), x)  after(lambda o: np.cumsum(y, out=o), x)
        after(lambda o: np.dot(m, x, out=o), v)  after(lambda o: np.matmul(m, x, out=o), v)
        after(lambda o: np.einsum('ij->j', m, out=o), x)
        after(lambda o: np.concatenate([v, v[:1]], out=o), x)
        after(lambda o: np.take(x, i, out=o), v)
        after(lambda o: np.multiply.accumulate(y, out=o), x)
        after(lambda o: np.mean(m, 1, out=o), v)
        after(lambda o: np.subtract.outer(v, x, out=o), m)
        after(lambda o: np.stack([x, y], out=o), m[:2])  after(lambda o: np.max(m, 0, out=o), x)
        after(lambda o: np.round(y, 1, out=o), x)
        after(lambda o: np.choose([0, 1, 1, 0], [x, y], out=o), x)  after(lambda o: o.fill(s), x)
        after(lambda o: o.sort(), x)  after(lambda o: o.partition(1), x)
        after(lambda o: o.put(1, s), x)  after(lambda o: o.sort(0), m)
        after(lambda o: o.__setitem__(1, s), x)
        after(lambda o: o.__setitem__(slice(1, 3), v[:2]), x)
        after(lambda o: o.__setitem__(i, v), x)  after(lambda o: o.__setitem__(mask, v), x)
        after(lambda o: o.__setitem__(..., y), m)  after(lambda o: o.__setitem__((i, 1), v), m)
        after(lambda o: o.__setitem__(o > 0, s), x)  after(lambda o: o[1:].__setitem__(0, s), x)
        after(lambda o: o.T[1].__setitem__(0, s), m)
        after(np.put, x, [0, 2], [s, 2.0])  after(np.place, x, mask, [s, v[0]])
        after(np.place, x, a > 9, [])  after(np.copyto, x, list(y))
        after(np.copyto, x, list(y), where=mask)  after(np.add.at, x, i, list(v))
        after(np.put_along_axis, x, i, [s, 2.0, v[0]], None)
        after(lambda o: o.flat.__setitem__(i, [s, v[0]]), x)
        after(lambda o: o.reshape(2, 2)[1].fill(s), x)  after(lambda o: o.ravel().fill(s), m)
        after(lambda o: o[::-1].__iadd__(o[1]), m)  after(lambda o: o[1:].__isub__(o[:-1]), x)
        after(lambda o: list(o)[1].__imul__(x), m)  after(lambda o: o.flat.__setitem__(5, s), m)
        after(lambda o: o.flat.__setitem__(slice(1, 9), x), m)
        after(lambda o: o.T.flat.__setitem__(i, v), m)
        after(lambda o: o.T.flat.__setitem__(slice(None), o.flat[::-1]), m)  np.sin(m.flat)
        np.sum(m.T.flat)  m.flat > 0  after(lambda o: o.__iadd__(y), x)
        after(lambda o: o.__isub__(y), x)  after(lambda o: o.__imul__(y), x)
        after(lambda o: o.__itruediv__(p), x)  after(lambda o: o.__ifloordiv__(p), x)
        after(lambda o: o.__imod__(p), x)  after(lambda o: o.__ipow__(x), p)
        after(lambda o: o.__imatmul__(sq), sq)  after(lambda o: o.__iand__(1), np.argsort(x))
        after(lambda o: o.__ior__(4), np.argsort(x))
        after(lambda o: o.__ixor__(3), np.argsort(x))
        after(lambda o: o.__ilshift__(2), np.argsort(x))
        after(lambda o: o.__irshift__(1), np.argsort(x))""",
    # what counts for none of them
    "others": """
        np.isreal(z)  np.iscomplex(z)  np.iscomplexobj(z)  np.isrealobj(z)  np.isposinf(x)
        np.isneginf(x)  np.result_type(x, np.float32).itemsize  np.can_cast(x, np.float32)
        np.common_type(x).__name__ and x  np.isclose(x, y)  np.array_equiv(x, y)
        np.packbits(x > 0)  np.unpackbits(np.packbits(x > 0))  np.gcd(np.argsort(x), 4)
        np.lcm(np.argsort(x), 4)  np.bitwise_and(np.argsort(x), 1)  np.bitwise_or(np.argsort(x), 4)
        np.bitwise_xor(np.argsort(x), 3)  np.invert(np.argsort(x))
        np.left_shift(np.argsort(x), 2)  np.right_shift(np.argsort(x), 1)
        np.bitwise_count(np.argsort(x))  np.allclose(x, y)  np.array_equal(x, y)
        np.fix(x)""",
    "methods": """
        m.all(axis=0)  m.any()  m.argmax(1)  m.argmin()  x.argpartition(1).sum()  x.argsort()
        x.astype(np.float32)  np.argsort(x[:3]).choose([a[:3], a[1:], a[:3]])  x.clip(-1, 1)
        x.compress(mask)  z.conj()  z.conjugate()  x.copy()  m.cumprod(1)  m.cumsum(0)
        sq.diagonal()  m.dot(x)  list(m.flat)  m.flatten()  z.imag  z.real  m.mT  m.T  m.max(0)
        m.mean()  m.min(1)  m.prod(0)  m.ravel()  m.repeat(2, 0)  m.reshape(4, 3)  x.round(1)
        np.cumsum(p).searchsorted(0.9)  x[None].squeeze()  m.std(ddof=1)  m.sum()
        m.swapaxes(0, 1)  x.take(i)  sq.trace()  t.transpose(1, 0, 2)  m.var(axis=0)  m.itemsize
        m.nbytes  m.ndim  m.shape  m.size  m.dtype.itemsize  x.device == 'cpu'
        x.to_device('cpu')  x.__dlpack_device__()  m.view()
        x.__array_namespace__().sin(x)  x.__copy__()  x.__deepcopy__({})  abs(x)  x + y  x - y
        x * y  x / y  x // y  x % p  divmod(x, p)  p ** x  m @ k  -x  +x  1 + x  1 - x  2 * x
        1 / x  7 // p  7 % p  divmod(7, p)  2 ** x  a @ x  x < y  len(m)  list(m)
        np.argsort(x) & 1  np.argsort(x) | 4  np.argsort(x) ^ 3
         ~np.argsort(x)  np.argsort(x) << 2  np.argsort(x) >> 1
        3 & np.argsort(x)  4 | np.argsort(x)  3 ^ np.argsort(x)  9 << np.argsort(x)
        9 >> np.argsort(x)""",
}

# what depends on the numbers, and asks for them
EAGER = """
    np.argwhere(x > 0)  np.flatnonzero(x > 0)  np.nonzero(x > 0)  np.unique(m)
    np.unique(x[j], return_counts=True)  np.unique_all(m)  np.unique_counts(m)
    np.unique_inverse(m)  np.unique_values(x)  np.union1d(x, y)  np.intersect1d(x, x[i])
    np.setdiff1d(x, y)  np.setxor1d(x, y)  np.trim_zeros(x)  np.real_if_close(z)
    np.array_repr(x) and x  np.array_str(x) and x  np.array2string(x) and x
    np.shares_memory(x, x)  np.may_share_memory(x, x)  np.min_scalar_type(s).itemsize
    np.emath.sqrt(x)  np.emath.log(x)  np.emath.log2(x)  np.emath.log10(x)
    np.emath.logn(2, x)  np.emath.power(x, 1.5)  np.emath.arccos(x)  np.emath.arcsin(x)
    np.emath.arctanh(x)  x.nonzero()  x if x[0] > 0 else y  0.4 in x"""
# fmt: on
