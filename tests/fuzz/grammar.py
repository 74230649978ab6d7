"""The lines of which random programs are made.

An operand is written ``$`` and its kind: ``f`` float, ``c`` complex, ``n`` either, ``i`` integer,
``b`` bool, ``a`` any number. A digit after it is its least rank; ``~`` asks for a shape that
broadcasts with the operands before it, ``=`` for the shape of the first. A word after ``@`` is a
static argument that fits the first operand: ``generate.py`` has a function for each.

Lines stand two spaces apart; one that stands twice is twice as likely.
"""

import re

# fmt: off
# how often a family is chosen, and its lines; np.i0 is nan at infinity, where the library's is inf
FAMILIES: dict[str, tuple[float, str]] = {
    "smooth": (9, """
        np.sin($n)  np.cos($n)  np.tanh($n)  np.arctan($n)  np.exp($n)  np.sinh($n)  np.cosh($n)
        np.arcsinh($n)  np.square($n)  np.negative($n)  np.positive($n)  np.conj($n)
        np.expm1($n)  np.sin($n)  np.cos($n)  np.tanh($n)"""),
    "with an edge": (4, """
        np.tan($n)  np.sqrt($n)  np.log($n)  np.log1p($n)  np.log2($n)  np.log10($n)
        np.exp2($n)  np.reciprocal($n)  np.arcsin($n)  np.arccos($n)  np.arccosh($n)
        np.arctanh($n)  np.abs($n)  np.sign($n)"""),
    "real": (3, """
        np.cbrt($f)  np.fabs($f)  np.floor($f)  np.ceil($f)  np.rint($f)  np.trunc($f)
        np.degrees($f)  np.deg2rad($f)  np.sinc($f)  np.i0(np.clip($f, -700, 700))
        np.nan_to_num($f)  np.angle($f)  np.abs($f)  np.spacing($f)
        np.modf($f)[0]  np.frexp($f)[0]  np.round($f, 1)  np.fix($f)
        np.divmod($f, $f~)[1]  np.ldexp($f, $i~)  np.nan_to_num($f, nan=@s, posinf=2.0)
        np.trunc($f) + $f  np.float_power($f, 2)  np.isneginf($f)  np.unwrap($f1)"""),
    "guarded": (4, """
        np.log(np.abs($n) + 0.5)  np.sqrt(np.square($f) + 1)  1 / (1 + np.exp(-$f))
        np.arcsin(np.tanh($f))  np.reciprocal(np.abs($n) + 1)  np.exp(-np.square($f))
        np.where($f > 0, np.sqrt(np.abs($f) + 1), 0.0)  np.exp(-np.abs($f)) * np.sign($f)"""),
    "special": (1.5, """
        fg.special.erf($f)  fg.special.erfc($f)  fg.special.expit($f)  fg.special.log_expit($f)
        fg.special.log_ndtr($f)  fg.special.ndtr($f)  fg.special.gammaln($f)
        fg.special.digamma($f)  fg.special.i0e($f)  fg.special.i1e($f)  fg.special.i1($f)
        fg.special.entr($f)  fg.special.erfcx($f)  fg.special.softmax($f)
        fg.special.logsumexp($f)  fg.special.xlogy($f, $f~)
        fg.special.logsumexp($f1, axis=@axis)  fg.special.xlog1py($f, $f~)
        fg.special.softmax($f1, axis=@axis)"""),
    "binary": (8, """
        np.add($n, $n~)  np.subtract($n, $n~)  np.multiply($n, $n~)  np.divide($n, $n~)
        np.add($n, $n~)  np.multiply($n, $n~)  np.maximum($n, $n~)  np.minimum($n, $n~)
        np.logaddexp($n, $n~)  np.power($n, $n~)  np.maximum($f, $f~)  np.minimum($f, $f~)
        np.fmax($f, $f~)  np.fmin($f, $f~)  np.hypot($f, $f~)  np.arctan2($f, $f~)
        np.copysign($f, $f~)  np.fmod($f, $f~)  np.mod($f, $f~)  np.floor_divide($f, $f~)
        np.logaddexp($f, $f~)  np.logaddexp2($f, $f~)  np.heaviside($f, $f~)
        np.float_power($f, $f~)  np.nextafter($f, $f~)"""),
    "operators": (10, """
        $n + $n~  $n - $n~  $n * $n~  $n / $n~  $n + $n~  $n - $n~  $n * $n~  -$n  +$n  abs($n)
        $n ** 2  $n ** 3  $n ** 0.5  $f ** 1.5  $n ** -1  $n ** 0  $n ** 1  2 ** $f  $f % $f~
        $f // $f~  @s - $n  @s * $n  $n * @s  $n + @s  $n / @s  @s / $n  $f % @s  $n + $i~
        $n * $i~  $f * $b~  $i / $i~  1.0 - $n * $n  $n ** $i~  @s ** $f  $n - $n"""),
    "comparisons": (3, """
        $f < $f~  $f <= $f~  $f > $f~  $f >= $f~  $f == $f~  $f != $f~  $f > @s  $f <= @s
        $i == $i~  $i > 1  np.isnan($n)  np.isfinite($n)  np.isinf($n)  np.signbit($f)
        np.logical_not($b)  $b & $b~  $b | $b~  $b ^ $b~  ~$b  np.logical_and($f, $b~)
        np.isclose($f, $f~)  np.any($b, axis=@axes)  np.all($f, axis=@axes, keepdims=@bool)
        $c == $c~"""),
    "integers": (3, """
        $i + $i~  $i * $i~  $i - 1  -$i  abs($i)  $i // 2  $i % 3  $i & 3  $i | $i~  $i << 1
        $i >> 1  np.clip($i, 0, 2)  np.sum($i, axis=@axes)  np.cumsum($i1, axis=@axis)
        np.argmax($f1, axis=@axis)  np.argmin($f1, axis=@axis)  np.argsort($f1, axis=@axis)
        np.count_nonzero($f, axis=@axes)  np.searchsorted(np.sort(np.ravel($f)), $f)
        np.nan_to_num(np.clip(np.floor($f), -3, 3)).astype(int)  $b.astype(int)
        $i.astype('int32')  np.sum($b, axis=@axes, keepdims=@bool)  np.max($i1, axis=@axis)
        np.sign($i)  np.where($b, $i~, @k)  np.prod($i, axis=@axes)  np.maximum($i, $i~)
        $i.astype('uint8')  np.digitize($f, np.array([-1.0, 0.0, 0.5]))
        np.nanargmax($f1, axis=@axis)
        $b + $b~  $b * $b~  $b ** 2  $i ** 2  abs($i) ** ($i~ % 3)  ~$i  $i ^ $i~  $i >= $i~
        divmod($i, 3)[1]  np.bincount(np.ravel($i) % 3, minlength=4)
        np.argpartition(np.ravel($f), @zero)[0]  np.lexsort(($f1, $f=))
        np.frexp($f)[1]  np.rint($f) == $f  np.isin($i, [0, 2])  np.mod($i, $i~)
        np.floor_divide($i, $i~)  np.min($i, axis=@axes, initial=9)
        np.sort($i1, axis=@axis)  np.array_equal($i, $i)  np.int32(2) * $i
        np.left_shift($i % 3, $i~ % 3)  np.bitwise_count($i % 8)
        np.cumprod($i1 % 3, axis=@axis)  np.invert($b)"""),
    "casts": (3, """
        $f.astype('float32')  $f.astype('float64')  $f.astype('float16')  $i.astype(float)
        $f.astype(complex)  np.real($c)  np.imag($c)  $c.real  np.abs($c)  np.angle($c)
        $f + 1j * $f~  np.conj($c)  $b * 1.0  $b.astype('float32')  np.real_if_close(np.abs($c))
        np.copy($n)  $a.astype(float)"""),
    "choices": (7, """
        np.where($b, $n~, $n~)  np.where($b, $f~, @s)  np.where($f > 0, $f, $f~)
        np.where($f < @s, @s, $f)  np.clip($f, @s, 1.5)  np.clip($f, None, 0.5)
        np.clip($f, -1, 1)  $f.clip(0)  np.clip($f, $f~, $f~)
        np.select([$f > 1, $f < 0], [$f, $f~], 0.5)  np.choose($i % 2, [$f~, $f~])
        np.maximum($f, 0)  np.minimum($f, @s)  np.maximum($f, $f)  np.where($b, $f, $f)
        np.where(np.isnan($f), 0, $f)  np.sqrt(np.maximum($f, 0))
        np.piecewise($f, [$f= > 0], [np.sin, np.cos])  np.where($b, $n, $n * 1)
        np.where($f > 0, np.log($f), 0.0)  np.where($b, $i~, $f~)  np.where(@mask, $f, $f~)
        np.where(@mask, $f~, $f * 1.0)  np.where($b, @s, $f~)  fg.lax.select($b, $f=, $f=)"""),
    "reductions": (9, """
        np.sum($n, axis=@axes, keepdims=@bool)  np.sum($n, axis=@axes, keepdims=@bool)
        np.mean($n, axis=@axes, keepdims=@bool)  np.prod($n, axis=@axes, keepdims=@bool)
        np.var($n, axis=@axes, keepdims=@bool)  np.std($n, axis=@axes, keepdims=@bool)
        np.max($n, axis=@axes, keepdims=@bool)  np.min($n, axis=@axes, keepdims=@bool)
        np.sum($n, axis=@axes, keepdims=@bool)  np.mean($n, axis=@axes, keepdims=@bool)
        np.max($f, axis=@axes)  np.min($f, axis=@axes)  np.ptp($f, axis=@axes)
        np.nansum($f, axis=@axes)  np.nanmean($f, axis=@axes)  np.nanmax($f, axis=@axes)
        np.nanprod($f, axis=@axes)  np.nanstd($f, axis=@axes)  np.sum($n, axis=@axes, where=$b~)
        np.max($f, axis=@axes, where=$b~, initial=-9.0)  np.mean($f, axis=@axes, where=$b~)
        np.prod($f, axis=@axes, where=$b~)  np.sum($f, axis=@axes, where=@mask)
        np.sum($n, axis=@axes, initial=@s)  np.var($f, axis=@axes, ddof=@one)
        np.median($f, axis=@axes)  np.quantile($f, @q, axis=@ax0)
        np.percentile($f, [25, @q], axis=@ax0)  np.nanmedian($f, axis=@axes)  $n.sum(@ax0)
        $n.mean(axis=@axes)  $f.max(@ax0)  $f.std()  np.average($f1, axis=@axis)
        np.average($f, weights=np.abs($f=) + 1)  np.sum(np.square(np.abs($n)), axis=@axes)
        np.min($f, axis=@axes, keepdims=@bool)  np.add.reduce($n1, axis=@axis)
        np.multiply.reduce($f1, axis=@axis)  np.maximum.reduce($f1, axis=@axis)
        np.sum($f, dtype='float32')  np.mean($i, axis=@axes)  np.sum($i * $f~)
        np.max(np.repeat($f1, 2, axis=@axis), axis=@axis)  np.min(np.tile($f, 2), axis=@ax0)
        np.maximum.accumulate($f1, axis=@axis)  np.logaddexp.reduce($f1, axis=@axis)
        np.bincount(np.ravel($i) % 3, np.ravel($f=), 3)  np.corrcoef($f2)
        np.nanvar($f, axis=@axes)  np.nanmin($f, axis=@axes, keepdims=@bool)
        np.quantile($f, @q, axis=@ax0, method='nearest')
        np.nanquantile($f, @q, axis=@ax0)
        np.quantile($f, @q, method='median_unbiased')
        np.mean($f, axis=@axes, dtype='float32')
        np.std($n, axis=@axes, ddof=@one, keepdims=@bool)
        np.average($n1, axis=@axis, weights=np.abs($f=) + 1)  np.trapezoid($f1, $f=)
        np.linalg.norm($n)  np.apply_along_axis(arr=$f1, axis=@axis, func1d=np.sum)
        np.add.reduceat(np.ravel($f), [0, 0])  np.prod($n, axis=@axes)
        np.sum($f, axis=@axes, where=$b~, initial=@s)
        np.min($f, axis=@axes, where=$b~, initial=9.0)
        np.any($f > 0, axis=@axes) * $f~
        fg.special.logsumexp($f, axis=@axes, keepdims=@bool)
        fg.special.logsumexp($f, b=$f~)  np.ptp($f1, axis=@axis, keepdims=@bool)"""),
    "scans": (4, """
        np.cumsum($n1, axis=@axis)  np.cumprod($n1, axis=@axis)  np.cumsum($n)  np.nancumsum($f)
        $n.cumsum(@ax0)  fg.lax.cummax($f1, axis=@axpos)  fg.lax.cumlogsumexp($f1, axis=@axpos)
        fg.lax.cumsum($f1, axis=@axpos, reverse=@bool)  np.diff($n1, axis=@axis)
        fg.lax.cummin($f1, axis=@axpos, reverse=@bool)  np.diff($f1, n=2)  np.ediff1d($f)
        np.gradient($f, axis=@axis)  np.trapezoid($f1, axis=@axis)  np.cumsum($n1[::-1])[::-1]
        fg.lax.cumprod($f1, axis=@axpos, reverse=@bool)  np.cumprod($f1, axis=@axis)
        np.cumulative_sum($f1, axis=@axis, include_initial=@bool)  np.unwrap($f1)
        np.add.accumulate($n1, axis=@axis)"""),
    "sorting": (2.5, """
        np.sort($f1, axis=@axis)  np.sort($f, axis=None)  np.partition(np.ravel($f), @zero)[0]
        np.take_along_axis($n1, np.argsort($f=, axis=@last), axis=@last)
        np.sort($f1)[..., ::-1]  fg.lax.top_k($f1, 1)[0]
        np.interp($f, np.array([-1.0, 0.0, 2.0]), np.array([0.5, 1.0, -1.0]))
        np.interp(@s, np.arange(3.0), np.broadcast_to(np.ravel($f)[:1], (3,)))"""),
    "shapes": (9, """
        np.reshape($n, @newshape)  np.reshape($n, -1)  $n.reshape(@newshape)  np.ravel($n)  $n.T
        np.transpose($n, @perm)  np.swapaxes($n1, @axis, 0)  np.moveaxis($n1, @axis, -1)
        np.expand_dims($n, 0)  $n[..., None]  $n[None]  np.squeeze($n)
        np.broadcast_to($n, @wider)  np.tile($n, 2)  np.tile($n, (2, 1))
        np.repeat($n1, 2, axis=@axis)  np.flip($n, @axes)  np.repeat($n1, @repeats, axis=0)
        np.roll($n1, @k, axis=@axis)  np.roll($n, @k)  np.rot90($n2, @k)
        np.concatenate([$n1, $n=], axis=@axis)  np.stack([$n, $n=], axis=-1)
        np.stack([$n, $n=])  np.hstack([$n, $n=])  np.concatenate([$f1, $i=], axis=@axis)
        np.concatenate([np.ravel($n), np.ravel($n)])  np.pad($n, @pads)
        np.pad($n, 1, mode='edge')  np.pad($n, @pads, constant_values=@s)
        np.pad($n1, 1, mode='reflect')  np.pad($n1, 1, mode='wrap')  np.atleast_2d($n)
        np.split($n1, 1, axis=@axis)[0]  np.array_split($n1, 2, axis=@axis)[1]  np.triu($n2)
        np.tril($n2, @k)  np.diag($n1)  np.diagonal($n2)  np.trace($n2)
        np.delete($n1, 0, axis=@axis)  np.insert($n1, 0, @s, axis=0)  np.append($n, $n)
        np.resize($n, @newshape)  np.meshgrid($f1, $f1)[0]  np.fliplr($n2)
        np.vstack([$n1, $n=])  np.column_stack([$f1, $f=])  np.broadcast_arrays($n, $n~)[1]
        np.block([$n, $n=])  np.concatenate([$n1, $n=], axis=None)
        np.dstack([$n, $n=])  np.vsplit($n2, 1)[0]  np.permute_dims($n, @perm)
        np.rollaxis($n1, @axis)  np.flipud($n1)  np.atleast_3d($n)  np.unstack($n1)[0]
        np.insert($f1, [0, 0], $f0)  np.delete($n1, @rows, axis=0)
        np.trim_zeros(np.array([0, 1.0])) * $f
        np.lib.stride_tricks.sliding_window_view($n1, 1, axis=@axis)  np.diagflat($n)
        np.tri(2) * np.sum($n)  np.ravel($n, order='F')
        np.reshape($n, @newshape, order='F')  np.stack([$f, $b=])
        np.append($n1, $n=, axis=@axis)"""),
    "indexing": (7, """
        $n@index  $n@index  $n@index  $n@index  np.take($n1, @places, axis=@axis)
        np.take($n, @flats)  fg.numpy.take($n1, $i, axis=@axis, mode='clip')
        fg.at($n1)[$i % @length].get()  fg.at($n1)[$i % @length].get()
        np.take_along_axis($n1, np.zeros_like($f=, dtype=int), axis=@axis)  $n1[@boolrow]
        np.compress(a=$n1, condition=@rows, axis=0)
        fg.at($n1)[np.argmax(np.ravel($f)) % @length].get()
        fg.numpy.take($n1, $i, axis=@axis, mode='wrap')
        fg.lax.dynamic_slice($n1, @starts, @ones)
        fg.lax.dynamic_slice(np.arange(6.0), ($i0,), (2,)) * $f0
        fg.lax.dynamic_update_slice(np.zeros(4), np.ones(2), ($i0,)) * $f0
        fg.numpy.take(np.array([0.5, -1.0, 2.0]), $i % 3) * $f~  np.eye(3)[@places] * $f0
        fg.at(np.array([0.5, -1.0, 2.0]))[$i % 3].get()  fg.at(np.zeros(3))[$i % 3].add($f0)
        fg.lax.dynamic_slice($n1, ($i0,) + (0,) * (np.ndim($n1) - 1), np.shape($n1))
        $n1[np.ix_(@places)]  $n2[@places]  $n1[..., @places]  $n1[None, ::-1]  $n1[-1]
        $n1[:0]  $n1[::-2]  fg.numpy.take($n1, $i)
        fg.lax.dynamic_index_in_dim($n1, $i0, keepdims=@bool)
        np.choose(@mask, [$f, $f~])  fg.at($n1)[$i % @length, ...].get()
        fg.at($n1)[$i].get(mode='clip')  fg.at($n1)[$i].get(mode='fill')"""),
    "updates": (5, """
        fg.at($f)@index.set(@s)  fg.at($n)@index.add($f0)  fg.at($f)@index.multiply($f0)
        fg.at($n1)[0].set($n)  fg.at($n1)[::2].add(@s)  fg.at($f1)[-1:].max(@s)
        fg.at($n1)[$i % @length].add(@s)  fg.at($n1)[$i % @length].set($f0)
        fg.at($f1)[$i % @length].multiply(2.0)  fg.at($f1)[np.array([0, 0])].add($f0)
        fg.at($f1)[$i % @length].min($f0)  fg.at($f1)[@boolrow].set(@s)
        fg.at($f)@index.divide(3.0)  fg.lax.dynamic_update_slice($f1, @s * $f=, @starts)
        fg.at($f1)[$i % @length].max(@s)  fg.at($f)@index.set($f0)
        fg.at($n1)[$i].add(@s, mode='drop')  fg.at($n1)[$i].set($f0, mode='clip')
        fg.at($f1)[$i % @length].power(2)  fg.at($f1)[$i % @length].divide(3.0)
        fg.at($n)@index.subtract($f0)  fg.at($f1)[0].apply(np.sin)
        fg.at($f)@index.max(@s)  fg.at($f1)[$i % @length].set(np.sum($f))
        fg.lax.dynamic_update_index_in_dim($f1, $f0, $i0, 0)"""),
    "products": (6, """
        np.dot($n1, $n=)  np.vdot($n, $n=)  np.inner($n, $n=)  np.outer($n, $n)  np.kron($n, $n)
        $n2 @ np.swapaxes($n=, -1, -2)  np.swapaxes($n2, -1, -2) @ $n=
        np.matmul($n1, np.ravel($n=)[:@last_size])  np.einsum('...i,...i->...', $n1, $n=)
        np.einsum('...ij,...ij->...ji', $n2, $n=)  np.einsum('...i->...', $n1)
        np.einsum('...ii->...i', @square)  np.tensordot($n1, $n=, axes=1)
        np.tensordot($n, $n, axes=0)  np.linalg.multi_dot([$n2, $n=.T, $n=])
        np.vecdot($n1, $n=)  np.cross(np.resize($f, 3), np.resize($f, 3))
        np.convolve(np.ravel($n), np.ravel($n))
        np.correlate(np.ravel($f), np.ravel($f), 'same')  np.polyval(np.ravel($f), $f~)
        np.einsum('ij,kj->ik', $n2, $n=)  np.einsum('ij,jk,kl->il', $n2, $n=.T, $n=)
        np.vander(np.ravel($f), 3)  np.convolve(np.ravel($n), np.array([1.0, -2.0]), 'same')
        np.cov($f2)  np.matmul(@square, @square)
        np.einsum('...i,...j->...ij', $n1, $n=)  np.einsum('ij->ji', $n2)
        np.einsum('ij,ij', $n2, $n=)  np.linalg.vecdot($n1, $n=)
        np.linalg.outer(np.ravel($n), np.ravel($n))  np.matvec($n2, $n=[..., 0, :])
        np.vecmat($n1, $n=[..., None] * np.ones(2))  np.tensordot($n2, $n=, 2)
        $n1 @ np.ones((@last_size, 2))  np.ones((2, 3)) @ np.resize($n, (3, 2))
        np.matmul(np.resize($n, (2, 2, 3)), np.resize($n, (3, 1)))"""),
    "linalg": (2, """
        np.linalg.inv(@regular)  np.linalg.det(@square)  np.linalg.solve(@regular, @square)
        np.linalg.slogdet(@regular)[1]  np.linalg.cholesky(@positive)
        np.linalg.eigvalsh(@positive)  np.linalg.norm($n, axis=@ax0)  np.linalg.norm($f2)
        np.linalg.norm($f1, 1, axis=@axis)  np.linalg.matrix_power(@square, 3)
        np.linalg.pinv(@regular)  np.linalg.qr(@regular)[1]
        np.linalg.svd(@regular, compute_uv=False)  np.linalg.norm($f1, np.inf, axis=@axis)
        np.linalg.matrix_power(@regular, -2)  fg.linalg.expm(0.1 * @square)
        fg.linalg.solve_triangular(@regular, @square, lower=@bool)
        np.linalg.norm($f1, 3, axis=@axis)
        np.linalg.eigh(@positive)[0]  np.linalg.lstsq(@regular, @square)[0]
        np.linalg.norm(@square, 2)  np.linalg.norm(@square, 'nuc')
        np.linalg.tensorinv(@regular, 1)  np.linalg.norm(@square, -np.inf)
        np.polyfit(np.arange(3.0), np.resize($f, 3), 1)  np.linalg.cond(@regular)
        fg.linalg.cho_solve((np.linalg.cholesky(@positive), True), @square)
        np.linalg.solve(np.stack([@regular, 2 * @regular]), @square)
        np.linalg.inv(np.stack([@regular, @regular]))"""),
    "fourier": (1.5, """
        np.fft.fft($n1, axis=@axis)  np.fft.ifft($n1)  np.fft.rfft($f1)  np.fft.irfft($n1)
        np.fft.fft($n1, 4)  np.fft.fft2($n2)  np.fft.fftshift($n1)
        np.fft.rfft($f1, 5, norm='ortho')  np.fft.hfft($n1)  np.fft.irfft($n1, 5)
        np.fft.ifftn($n2)  np.abs(np.fft.rfft($f1)) ** 2"""),
    "models": (2, """
        fg.nn.relu($f)  fg.nn.gelu($f)  fg.nn.silu($f)  fg.nn.softplus($f)  fg.nn.elu($f)
        fg.nn.selu($f)  fg.nn.leaky_relu($f)  fg.nn.hard_tanh($f)  fg.nn.log_sigmoid($f)
        fg.nn.mish($f)  fg.nn.relu6($f)
        fg.nn.softmax($f1, axis=@axis)  fg.nn.log_softmax($f1, axis=@axis)  fg.nn.standardize($f1)
        fg.nn.hard_sigmoid($f)  fg.nn.celu($f)  fg.nn.soft_sign($f)  fg.nn.one_hot($i % 3, 3) * $f0
        fg.losses.mse($f1, $f=)  fg.losses.l1($f1, $f=)  fg.losses.huber($f1, $f=)
        fg.losses.hinge($f1, 1.0 - 2 * $b=)
        fg.losses.binary_cross_entropy_with_logits($f1, 1.0 * $b=)
        fg.lax.reduce_window(np.ravel($f), -np.inf, fg.lax.max, (2,), (1,), 'SAME')
        fg.lax.reduce_window(np.ravel($f), 0.0, fg.lax.add, (2,), (1,), 'SAME')
        fg.lax.conv(np.resize($f, (1, 2, 3)), np.resize($f, (1, 2, 2)), (1,), 'SAME')"""),
}
# fmt: on
CONTROL = 12.0  # the weight of lines that hold functions; see control.py

LINES: dict[str, tuple[float, list[str]]] = {
    name: (weight, re.split(r"\s{2,}", rows.strip())) for name, (weight, rows) in FAMILIES.items()
}
