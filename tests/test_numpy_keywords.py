"""Every NumPy function x every keyword of its signature: traced code against NumPy alone.

The functions are NumPy's own lists and the keywords are their signatures', read by ``inspect``.
``CALLS`` has the required arguments of each function, ``VALUES`` what a keyword is given, one
expression every two spaces. A function or keyword that has none fails.
"""

import functools
import inspect
import re
import warnings
from collections import Counter

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import ConcretizationError, MutationError, UnsupportedError
from funcgrad.core.ndarray_mixin import NDArrayMixin
from funcgrad.core.registry import overrides
from funcgrad.numpy import coverage
from funcgrad.numpy.dispatch import EAGER, EAGER_NO_DERIVATIVE, REFUSED

from .support.compare import difference, outcome
from .support.rows import after, function_of
from .support.turns import in_one, share

pytestmark = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="ufuncs show their signatures since 2.4"
)

TIGHT = {"ulps": 100}
RNG = np.random.default_rng(3)
INPUTS = {
    "s": np.float64(0.7),
    "x": np.array([0.4, -1.3, 0.9, 2.1]),
    "y": np.array([-0.6, 0.8, 1.7, -2.2]),
    "p": np.array([0.55, 1.2, 1.9, 0.8]),  # positive
    "v": np.array([0.3, -0.9, 1.4]),
    "m": RNG.normal(size=(3, 4)),
    "n": RNG.normal(size=(3, 4)),
    "sq": RNG.normal(size=(3, 3)) + 2 * np.eye(3),
    "t": RNG.normal(size=(2, 3, 4)),
    "t3": RNG.normal(size=(2, 3, 3)),
    "z": np.array([0.4 + 1.1j, -1.3 + 0.2j, 0.9 - 0.7j]),
    "zm": RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3)),
    "gaps": np.array([[np.nan, 1.5, -0.4, 3.0], [0.3, np.nan, 2.2, 1.0], [1.0, 2.0, 3.0, 0.5]]),
    "c": np.array([6, 2, 3, 1]),
    "d": np.array([1, 3, 2, 1]),
    "cc": np.array([[6, 2, 3, 1], [1, 4, 7, 2], [3, 3, 5, 1]]),
    "ends": np.array([np.inf, -np.inf, np.nan, 1.5]),
    "zeros": np.array([0.0, 0.0, 1.2, 0.0, -0.4, 0.0]),
    "cube": RNG.normal(size=(2, 3, 6)),
}
CONSTANTS = {
    "np": np,
    "after": after,
    "i": np.array([2, 0, 2]),
    "mask": np.array([True, False, True, True]),
    "mask2": np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 1]], bool),
    "bits": np.array([[1, 0, 1, 1, 0, 0, 1, 1], [0, 0, 1, 0, 1, 1, 0, 1]], np.uint8),
}


def all_of(names, call):
    """Return the same call for many functions."""
    return dict.fromkeys(names.split(), call)


# fmt: off
CALLS = {
    **all_of("""
        all any amax amin argmax argmin max mean min prod ptp std sum var median
        count_nonzero average cumsum cumprod""", "m"),
    **all_of("""
        nanmax nanmin nanargmax nanargmin nanmean nanmedian nanprod nanstd nansum nanvar
        nancumsum nancumprod""", "gaps"),
    **all_of("""
        argsort sort fliplr flip flipud rot90 sort_complex copy ravel squeeze
        permute_dims shape ndim size real imag isreal isrealobj iscomplex iscomplexobj
        matrix_transpose tril triu tril_indices_from triu_indices_from diagonal trace
        unstack atleast_1d atleast_2d atleast_3d gradient diff ediff1d trapezoid
        empty_like ones_like zeros_like linalg.diagonal linalg.matrix_transpose
        linalg.matrix_norm linalg.norm linalg.svdvals linalg.trace linalg.vector_norm
        linalg.pinv linalg.qr linalg.svd unique fft.fftshift fft.ifftshift fft.fft
        fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn fft.rfft fft.rfft2 fft.rfftn
        fft.hfft fft.ihfft fft.irfft fft.irfft2 fft.irfftn histogram histogram_bin_edges
        cov corrcoef argwhere flatnonzero nonzero""", "m"),
    **all_of("""
        around round fix sinc i0 isneginf isposinf roots poly polyder polyint vander
        diag diagflat array_repr array_str cumulative_sum cumulative_prod ix_ unique_all
        unique_counts unique_inverse unique_values emath.arccos emath.arcsin
        emath.arctanh emath.log emath.log10 emath.log2 emath.sqrt""", "x"),
    **all_of("""
        allclose array_equal array_equiv isclose append broadcast_arrays common_type
        convolve correlate dot inner outer kron union1d vdot polyadd polymul polysub
        polydiv polyval result_type may_share_memory shares_memory intersect1d isin
        setdiff1d setxor1d histogram2d linalg.outer geomspace linspace logspace""", "x, y"),
    **all_of("""
        linalg.det linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv
        linalg.slogdet linalg.cond linalg.matrix_rank diag_indices_from""", "sq"),
    **all_of("""
        concat column_stack dstack hstack stack vstack block""", "[m, n]"),
    **all_of("""
        percentile nanpercentile""", "m, 40"),
    **all_of("""
        quantile nanquantile""", "m, 0.4"),
    **all_of("""
        argpartition partition""", "m, 1"),
    "angle": "z", "array2string": "np.repeat(x, 300)", "meshgrid": "x, y", "unwrap": "x * 4",
    "real_if_close": "x + 1e-15j * x",
    "apply_along_axis": "np.sort, 0, m",
    "apply_over_axes": "np.sum, m, [0]",
    "array_split": "m, 2",
    "astype": "m, np.float32",
    "bincount": "i",
    "broadcast_to": "x, (2, 4)",
    "can_cast": "x.dtype, np.float32",
    "choose": "i, [v, v + 1, v + 2]",
    "clip": "x",
    "compress": "[True, False, True], m",
    "cross": "m[:, :3], n[:, :3]",
    "delete": "m, 1",
    "digitize": "x, np.sort(x)",
    "dsplit": "t, 2",
    "einsum": "'ij,kj->ik', m, n",
    "einsum_path": "'ij,kj->ik', m, n",
    "expand_dims": "m, 1",
    "extract": "mask, x",
    "full_like": "m, s",
    "histogramdd": "m",
    "hsplit": "m, 2",
    "insert": "m, 1, s",
    "interp": "p * 3, np.cumsum(p), x",
    "lexsort": "(x, y)",
    "min_scalar_type": "x",
    "moveaxis": "t, 0, -1",
    "nan_to_num": "ends",
    "packbits": "bits",
    "pad": "m, 1",
    "piecewise": "x, [mask, ~mask], [np.sin, np.cos]",
    "polyfit": "x, y, 1",
    "ravel_multi_index": "(i, i), (3, 4)",
    "repeat": "m, 2",
    "reshape": "m, (4, 3)",
    "resize": "m, (2, 5)",
    "roll": "m, 1",
    "rollaxis": "t, 2",
    "searchsorted": "x, y",
    "select": "[x > 1, x < -1], [x, y]",
    "split": "m, 1",
    "swapaxes": "t, 0, 2",
    "take": "m, np.array([2, 0, -1])",
    "take_along_axis": "m, np.array([[1, 0, 2, 0]])",
    "tensordot": "t3, t3.T",
    "tile": "m, 2",
    "trim_zeros": "np.outer(zeros, zeros)",
    "unpackbits": "np.packbits(bits)",
    "unravel_index": "i, (2, 3)",
    "vsplit": "m, 3",
    "where": "mask, x, y",
    "linalg.cholesky": "sq @ sq.T + np.eye(3)",
    "linalg.cross": "m[:, :3], n[:, :3]",
    "linalg.lstsq": "m.T, x",
    "linalg.matmul": "m, n.T",
    "linalg.matrix_power": "sq, 2",
    "linalg.multi_dot": "[m, n.T, sq]",
    "linalg.solve": "sq, v", "linalg.vecdot": "m, n",
    "linalg.tensordot": "sq, sq",
    "linalg.tensorinv": "cube",
    "linalg.tensorsolve": "cube.reshape(6, 2, 3), np.ones(6)",
    "emath.logn": "2.0, x",
    "emath.power": "x, 2",
    "lib.stride_tricks.sliding_window_view": "x, 2",
    # which write into their first argument
    "copyto": "m, x", "fill_diagonal": "cube[0].T, s", "place": "x, mask, y",
    "put": "x, [1, 0], v", "put_along_axis": "m, np.array([[1, 0, 2, 0]]), s, 0",
    "putmask": "x, mask, y",
}
WRITERS = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}

ON_MATRICES = {"matmul": "m, n.T", "vecdot": "m, n", "matvec": "m, x", "vecmat": "v, m"}

ORDERS = "'C'  'F'  'A'  'K'"
VALUES = {
    # of all functions that have the keyword, and below of one
    "axis": "0  -1  1  np.int64(0)  None  (0, 1)  (1, 0)  (-1,)  [1]  9  'x'  np.array(1)",
    "axes": "(1, 0)  [0, 1]  (0,)  None  np.array([1, 0])  0",
    "keepdims": "True  1  np.True_  False  0  np.array(1)  None",
    "where": "mask2  mask  [True, False, True, True]  True  False  np.True_  1  0  None  mask2 * 1",
    "initial": "s  1  None  2.5  np.float32(0.1)  np.int8(3)  [1]  True",
    "dtype": "np.float32  np.float64  np.complex128  'f4'  int  None  bool  float",
    "ddof": "1  0.5  np.int8(2)  s",
    "correction": "1  0  0.5  2",
    "mean": "m[:, :1]  0.3  np.zeros((1, 1))",
    "rtol": "0.5  1.0  s  v",
    "atol": "0.5  9.0  s",
    "equal_nan": "True  False  1  0",
    "order": ORDERS,
    "kind": "'stable'  'quicksort'  'heapsort'  'mergesort'  None  'x'",
    "stable": "True  False  None",
    "decimals": "1  2  -1  np.int64(1)  0",
    "copy": "True  False  None",
    "device": "'cpu'  None  'x'",
    "subok": "True  False",
    "mode": "'raise'  'wrap'  'clip'  'x'",
    "casting": "'no'  'safe'  'same_kind'  'unsafe'  'x'",
    "k": "1  -1  2  np.int64(1)  9",
    "offset": "1  -1  3  np.int64(-2)",
    "axis1": "1  -1  np.int64(1)", "axis2": "0  -2  -1  np.int8(0)",
    "num": "5  1  0  np.int64(3)  -1  2.0", "endpoint": "False  True  0  1",
    "bins": "3  [-2, 0, 1, 3]  'auto'  np.array([-1.0, 0.5, 2.0])  np.int64(4)  range(-2, 3)",
    "range": "(-1, 2)  (-1.0, s)  [0, 3]  np.array([0, 1])  None  (1, 1)",
    "density": "True  False  1  None",
    "overwrite_input": "True  False  1",
    "method": "'lower'  'higher'  'nearest'  'midpoint'  'linear'  'hazen'  'weibull'  'x'  "
              "'inverted_cdf'  'median_unbiased'  'averaged_inverted_cdf'",
    "assume_unique": "True  False  1",
    "rcond": "None  0.9  1e-3",
    "hermitian": "True  False  1",
    "UPLO": "'U'  'L'  'u'  'x'",
    "ord": "None  1  2  -2  np.inf  'fro'  'nuc'  3  0  0.5  'x'  np.float64(1)",
    "norm": "'ortho'  'forward'  'backward'  None  'x'",
    "n": "3  5  np.int64(4)  None  1  0",
    "s": "(2, 3)  (4, 5)  [3, 4]  None  (-1, 4)  (np.int64(2), 2)",
    "include_initial": "True  False  1",
    "x": "np.cumsum(p)  np.arange(4)  None  m  [0, 1, 3, 4]",
    "y": "n  x  None",
    "max_work": "0  1  None",
    # of ufuncs
    "ufunc.where": "True  np.True_  mask  False  None",
    "ufunc.casting": "'no'  'safe'  'same_kind'  'unsafe'  'x'  'unsafe', dtype=np.float32  "
                     "'safe', dtype=np.float32  'no', dtype=np.float64  'unsafe', dtype=int",
    "ufunc.dtype": "np.float32  np.float64  np.complex128  'f4'  int  None  bool  float  'x'",
    "ufunc.subok": "True  False",
    "ufunc.signature": "None  'dd->d'  'd->d'  'ff->f'  'f->f'  (None, None, np.float32)  'f'",
    "matmul.axes": "[(0, 1), (1, 0), (0, 1)]  [(1, 0), (1, 0), (-1, -2)]  [(0, 1)]  0",
    "vecdot.axes": "[0, 0]  [(0,), (0,), ()]  [-1, 1]  [(1,), 1]  [0]",
    "matvec.axes": "[(0, 1), 0, 0]  [(1, 0), (0,), (0,)]  [(-2, -1), -1, -1]",
    "vecmat.axes": "[0, (0, 1), 0]  [(0,), (1, 0), (0,)]  [0, (0, 1)]",
    "ufunc.axis": "0  -1  1  9  None  (0,)", "ufunc.keepdims": "True  1  False  0",
    # of one function
    "append.axis": "0  None  9",
    "angle.deg": "True  False  1",
    "array2string.formatter": "{'float': lambda v: 'F'}  None",
    "array2string.legacy": "'1.13'  False", "array2string.floatmode": "'fixed'  'unique'",
    "array2string.sign": "'+'  ' '",
    "array2string.threshold": "5000", "array2string.edgeitems": "1",
    "separator": "', '  '-'", "prefix": "'a = '", "suffix": "';'",
    "max_line_width": "10  None", "precision": "2  0", "suppress_small": "True  False",
    "argpartition.kind": "'introselect'  'x'", "partition.kind": "'introselect'  'x'",
    "argpartition.order": "None  'f'", "partition.order": "None  'f'",
    "argsort.order": "None  'f'", "sort.order": "None  'f'",
    "average.weights": "n * n  np.abs(n)  None  0.5  p  n + 9",
    "average.returned": "True  False  1",
    "bincount.weights": "v  [1, 2, 3]  None  v.astype('f')  range(3)",
    "bincount.minlength": "5  0  2  np.int64(7)  -1",
    "histogram.weights": "n * n  None  m > 0  x",
    "histogram_bin_edges.weights": "n * n  None",
    "histogram2d.weights": "p  None  [1, 2, 3, 4]",
    "histogram2d.bins": "3  (2, 3)  [[-2, 0, 3], [-3, 1, 2]]  np.array([-2.0, 0, 1, 3])  [3]",
    "histogram2d.range": "((-1, 2), (0, 1))  None  [[-1, 2], None]  np.array([[-1, 2], [0, 3]])",
    "histogramdd.weights": "v * v  None",
    "histogramdd.bins": "2  (2, 3, 1, 2)  [[-2, 0, 3]] * 4  np.array([2, 1, 1, 2])  [1]",
    "histogramdd.range": "[(-1, 2)] * 4  None  [None] * 4",
    "can_cast.casting": "'no'  'safe'  'same_kind'  'unsafe'  'x'",
    "clip.a_min": "0.0  0  None  y  np.float64(0.5)", "clip.a_max": "0.5  s  None  p  1",
    "clip.min": "0.0  0  None  y", "clip.max": "0.5  s  None  p  1",
    "convolve.mode": "'full'  'same'  'valid'  'x'", "correlate.mode": "'full'  'same'  'valid'  2",
    "rowvar": "True  False  1  0", "bias": "True  False  1",
    "cov.ddof": "0  1  None  2  0.5", "cov.dtype": "np.float32  np.float64  None  complex",
    "corrcoef.dtype": "np.float32  np.float64  None  complex",
    "fweights": "[1, 2, 0, 3]  None  np.array([1, 1, 2, 2])  [1.5, 1, 1, 1]  range(4)",
    "aweights": "p  None  [1, 2, 3, 4]  range(1, 5)",
    "axisa": "0  -1  1", "axisb": "0  -1", "axisc": "0  -1  1",
    "cross.axis": "0  -1  None", "linalg.cross.axis": "0  -1",
    "diag.k": "1  -2  np.int64(1)", "tril.k": "1  -1  np.int64(2)",
    "diff.n": "2  0  3  np.int64(1)  9  -1",
    "prepend": "s  v[:, None]  0  [[1], [2], [3]]  m  None",
    "append": "s  v[:, None]  0  [[1], [2], [3]]  m",
    "right": "True  False  1",
    "interp.left": "s  -5  None  1j", "interp.right": "s  5.0  None",
    "interp.period": "1.3  -2  s  None  0",
    "to_end": "s  [1.0, 2.0]  v  None", "to_begin": "s  [1.0, 2.0]  v  None",
    "optimize": "True  False  'greedy'  'optimal'  ['einsum_path', (0, 1)]",
    "einsum_call": "False",
    "shape": "(2, 2)  5  [3]  None  np.array([1, 2])  np.int64(3)  range(1, 3)",
    "edge_order": "2  1  3", "gradient.axis": "0  -1  (1, 0)  None  [0]  np.int64(1)",
    "isin.kind": "'sort'  'table'  None  'x'", "invert": "True  False  1",
    "return_indices": "True  False  1",
    "lexsort.axis": "0  -1  1", "retstep": "True  False  1", "base": "2.0  s  p  2",
    "linspace.axis": "0  -1  1", "logspace.axis": "0  -1  1", "geomspace.axis": "0  -1  1",
    "sparse": "True  False  1", "indexing": "'ij'  'xy'  'x'",
    "nan": "s  7  -1.5", "posinf": "s  7  None", "neginf": "s  7  None",
    **{f"{f}.weights": "np.abs(n)  None" for f in ("percentile", "nanpercentile",
                                                    "quantile", "nanquantile")},
    "bitorder": "'little'  'big'  'x'", "count": "5  -2  None  20  0",
    "permute_dims.axes": "(1, 0)  [0, -1]  None  np.array([1, 0])  (0,)  range(2)",
    "rot90.axes": "(1, 0)  (0, 1)  [0, -1]  (0, 0)  np.array([1, 0])  (0,)",
    "rot90.k": "1  2  3  -1  5  np.int64(2)  0",
    "tensordot.axes": "1  0  (1, 0)  ([1], [0])  ((0, 2), (1, 0))  np.int64(1)  [(1,), (0,)]  "
                      "np.array([1, 0])  (range(1, 3), [0, 2])  ([1, 2], [2, 0])  2",
    "linalg.tensordot.axes": "1  0  (1, 0)  ((0, 1), (1, 0))  2",
    "linalg.tensorsolve.axes": "(0,)  None  [0]  (1,)  np.array([0])",
    "polyder.m": "2  0  1  np.int64(2)  9", "polyint.m": "2  0  np.int64(1)",
    "polyint.k": "s  [1]  None  2",
    "polyfit.rcond": "None  0.9", "linalg.lstsq.rcond": "None  1e-3",
    "full": "True  False  1", "w": "p  None  [1, 2, 3, 4]",
    "polyfit.cov": "True  False  'unscaled'",
    "real_if_close.tol": "1  2  1e3", "linalg.matrix_rank.tol": "1.0  3.0  None  s",
    "start": "0  1  -1  np.int64(3)  3", "side": "'left'  'right'  'x'",
    "sorter": "[1, 0, 2, 3]  np.argsort(x)  None  range(4)",
    "default": "s  -1.0  y  0  [1, 2, 3, 4]", "dx": "0.5  s  2",
    "trim": "'f'  'b'  'fb'  'F'  'x'", "trim_zeros.axis": "0  None  -1  (0,)",
    "return_index": "True  False  1", "return_inverse": "True  False  1",
    "return_counts": "True  False  1", "sorted": "True  False",
    "discont": "1.0  9.0  None  s", "unwrap.period": "1.0  3  s  4.0",
    "N": "2  6  None  0  np.int64(3)", "increasing": "True  False  1",
    "upper": "True  False  1", "linalg.cond.p": "None  1  -1  2  -2  np.inf  'fro'  'nuc'  'x'",
    "full_matrices": "True  False  0", "compute_uv": "True  False  0",
    "ind": "1  2  0", "writeable": "True  False",
    "linalg.qr.mode": "'reduced'  'complete'  'r'  'raw'  'x'",
    "linalg.norm.axis": "0  -1  (0, 1)  (1, 0)  None  [0]  (0,)  9",
    "take.axis": "0  1  -1  None  np.int64(1)", "take.mode": "'raise'  'wrap'  'clip'",
    "choose.mode": "'raise'  'wrap'  'clip'  'x'",
    "pad.mode": "'edge'  'constant'  'reflect'  'symmetric'  'wrap'  'mean'  'maximum'  "
                "'minimum'  'median'  'linear_ramp'  'x'",
    "ravel_multi_index.mode": "'raise'  'wrap'  'clip'  ('wrap', 'clip')  'x'",
    "ravel_multi_index.order": "'C'  'F'", "unravel_index.order": "'C'  'F'",
    "linalg.pinv.rtol": "1e-3  None  s", "linalg.pinv.rcond": "1e-3  None  s",
    "unique.axis": "0  1  None  -1", "unique.equal_nan": "True  False",
    "unstack.axis": "0  1  -1", "repeat.axis": "0  1  None  -1",
    "linalg.vecdot.axis": "0  -1",
    "lib.stride_tricks.sliding_window_view.axis": "0  -1  1  (0,)  None  [0]",
    "where.x": "x", "where.y": "y",
    "fill_diagonal.wrap": "True  False  1", "put.mode": "'raise'  'wrap'  'clip'  'x'",
    "copyto.where": "mask  mask2  True  False  m > 0",
}
# fmt: on

# keywords that traced code refuses, and how
REFUSES = {"out": MutationError}

# calls that NumPy takes and traced code refuses by decision
REFUSED_CALLS = (
    r".*\(.*where=None\)",  # None is False to NumPy, and everything to JAX
    r".*\.(ravel|reshape)\(.*order='[AK]'\)",  # how elements lie in memory is left open
    r"np\.linalg\.qr\(.*mode='raw'\)",
    r"np\.lib\.stride_tricks\.sliding_window_view\(.*writeable=True\)",  # elements overlap
    r"np\.\w+(\.outer)?\(.*where=.*\)",  # of ufuncs
)


WAYS = ("reverse", "forward", "jit", "vmap")
ONE = ("reverse",)  # of ufuncs, whose options all go one way

# keywords that change no result: how memory lies, what is overwritten, hints, promises kept
INERT = {
    "order", "copy", "subok", "device", "overwrite_input", "kind", "stable", "assume_unique",
    "max_work", "writeable", "optimize", "einsum_call", "casting", "signature", "sorted",
    "equal_nan", "prefix", "legacy", "formatter", "suppress_small", "suffix", "where",
    "histogram_bin_edges.weights", "linalg.matrix_rank.hermitian",
    "linalg.lstsq.rcond",
}  # fmt: skip
WITHOUT_OUT = {"fft.hfft", "divmod", "frexp", "modf"}
OTHER_NAMES = {"linalg.tensordot"}


@functools.cache
def functions():
    """Return the functions and ufuncs of NumPy that traced code takes, by their names."""
    found = {**coverage.functions(), **coverage.ufuncs()}
    return {n[6:]: f for f, n in found.items() if not coverage.status(f).startswith(REFUSED)}


def keywords(function):
    """Return the names of the parameters that may be left out."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is not p.empty]


def call(name, function):
    """Return the required arguments of a function, None where nothing is written down."""
    if name in CALLS or not isinstance(function, np.ufunc):
        return CALLS.get(name)
    if name in ON_MATRICES:
        return ON_MATRICES[name]
    if (
        "dd->d" not in function.types
        and "d->d" not in function.types
        and "d->?" not in " ".join(function.types)
    ):
        return "c" if function.nin == 1 else "c, d"
    one = "p + 1" if name in ("arccosh", "acosh") else "p / 2" if name.startswith("a") else "p"
    return one if function.nin == 1 else "p, y"


def row_of(name, arguments):
    """Return the line that calls a function, and gives the array into which it writes."""
    return f"after(np.{name}, {arguments})" if name in WRITERS else f"np.{name}({arguments})"


def values(name, keyword, function):
    """Return what a keyword of a function is given, None where nothing is written down."""
    kind = "ufunc" if isinstance(function, np.ufunc) else name
    text = VALUES.get(f"{name}.{keyword}", VALUES.get(f"{kind}.{keyword}", VALUES.get(keyword)))
    return None if text is None else re.split(r"\s{2,}", text.strip())


def rows():
    """Yield every call: function, keyword and the call itself."""
    for name, function in functions().items():
        for keyword in keywords(function):
            if keyword in REFUSES:
                continue
            for value in values(name, keyword, function) or ():
                others = "method='inverted_cdf', " * (keyword == "weights" and "ntile" in name)
                yield (
                    name,
                    keyword,
                    row_of(name, f"{call(name, function)}, {others}{keyword}={value}"),
                )


def compiled(row):
    """Give a row as a function, and copies of its inputs in the order of their names."""
    function, inputs = function_of(row, INPUTS, CONSTANTS)
    return function, [x.copy() for x in inputs]


def ways(function, inputs):
    """Return the value of a function as each kind of trace gives it."""
    tangents = [np.ones_like(x) for x in inputs]
    first = lambda ys: tree.map(lambda y: y[0] if isinstance(y, np.ndarray) else y, ys)
    whole = any(x.dtype.kind == "i" for x in inputs)
    found = {
        "reverse": lambda: fg.vjp(function, *inputs)[0],
        "forward": lambda: fg.jvp(function, inputs, tangents)[0],
        "jit": lambda: fg.jit(function)(*inputs),
        "vmap": lambda: first(fg.vmap(function)(*[np.asarray(x)[None] for x in inputs])),
    }
    return {k: v for k, v in found.items() if not whole or k in ("jit", "vmap")}


def changed(usual, result):
    """Return whether two outcomes differ: results, or that one is an error."""
    if usual[1] is not None or result[1] is not None:
        return (usual[1] is None) != (result[1] is None)
    return difference(usual[0], result[0], **TIGHT) is not None


def complaints(name, row, among):
    """Return what traced code does otherwise than NumPy."""
    function, inputs = compiled(row)
    want, refusal = outcome(lambda: function(*inputs))
    eager = coverage.status(functions()[name]) in (EAGER, EAGER_NO_DERIVATIVE)
    eager = eager or "bins='auto'" in row
    text = refusal is None and any(isinstance(y, str) for y in want)
    found = []
    runs = ways(function, inputs) if inputs else {}
    for way in [way for way in runs if way in among or len(runs) < len(WAYS)]:
        got, err = outcome(runs[way])
        if isinstance(err, ConcretizationError) and way in ("jit", "vmap") and eager:
            continue
        if way == "jit" and text and isinstance(err, TypeError):
            continue  # a program gives arrays alone
        if isinstance(err, UnsupportedError) and any(re.fullmatch(r, row) for r in REFUSED_CALLS):
            continue
        if refusal is not None and err is None:
            found.append(f"{way}: {got} where NumPy raises {refusal!r}")
        elif refusal is None and err is not None:
            found.append(f"{way}: {type(err).__name__}: {err} where NumPy gives {want}")
        elif refusal is None and (how := difference(want, got, **TIGHT)) and name != "empty_like":
            found.append(f"{way}: {how}")
    return found


@functools.cache
def by_function():
    found = {}
    for name, keyword, row in rows():
        found.setdefault(name, []).append((keyword, row))
    return found


@in_one(functions())
def test_every_keyword_has_a_value(name):
    function = functions()[name]
    missing = [k for k in keywords(function) if k not in REFUSES and not values(name, k, function)]
    assert not missing and call(name, function) is not None
    given, inputs = compiled(row_of(name, call(name, function)))
    assert outcome(lambda: given(*inputs))[1] is None  # the call alone is one that NumPy takes


def test_a_value_written_down_belongs_to_a_keyword():
    known = {k for name, f in functions().items() for k in keywords(f)}
    known |= {f"{name}.{k}" for name, f in functions().items() for k in keywords(f)}
    known |= {f"ufunc.{k}" for k in keywords(np.add) + keywords(np.vecdot)}
    assert set(VALUES) <= known and set(CALLS) <= set(functions())


def complaints_of(name, among, full=True):
    """Return all complaints; the values of a keyword share the ways unless ``full``."""
    found, seen = [], Counter()
    rows = by_function().get(name, ())
    counts = Counter(keyword for keyword, _ in rows)
    for keyword, row in rows:
        whole = full or counts[keyword] == 1 or len(among) == 1
        found += complaints(name, row, among if whole else share(among, seen[keyword], 3))
        seen[keyword] += 1
    return found


@pytest.mark.parametrize("name", functions())
def test_a_keyword_means_what_it_means_to_numpy(name):
    ways = ONE if isinstance(functions()[name], np.ufunc) else WAYS
    assert complaints_of(name, ways, full=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", functions())
def test_every_value_of_a_keyword_means_the_same_under_every_transform(name):
    assert complaints_of(name, WAYS) == []


@pytest.mark.parametrize("name", functions())
def test_a_keyword_that_numpy_obeys_changes_something(name):
    function = functions()[name]
    plain, inputs = compiled(row_of(name, call(name, function)))
    usual = outcome(lambda: plain(*inputs))
    idle = []
    for keyword in {keyword for keyword, _ in by_function().get(name, ())} - INERT:
        if f"{name}.{keyword}" in INERT:
            continue
        results = []
        for row in [row for k, row in by_function()[name] if k == keyword]:
            given, inputs = compiled(row)
            results.append(outcome(functools.partial(given, *inputs)))
        if not any(changed(usual, result) for result in results):
            idle.append(keyword)
    assert idle == []


@pytest.mark.parametrize("keyword", REFUSES)
def test_a_refused_keyword_is_refused_everywhere(keyword):
    for name, function in functions().items():
        if keyword in keywords(function) and name not in WITHOUT_OUT:
            row = f"np.{name}({call(name, function)}, {keyword}=np.zeros((3, 4)))"
            given, inputs = compiled(row)
            for way, run in ways(given, inputs).items() if inputs else ():
                with pytest.raises(REFUSES[keyword], match=f"{keyword}="):
                    run()
                    pytest.fail(f"{row} under {way}")


def placed(function):
    """Return the parameters that are given by their places, and whether any others may be."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    return [p.name for p in parameters if p.kind in kinds], rest


# options of ufuncs are read by their names
@in_one([name for name, function in functions().items() if not isinstance(function, np.ufunc)])
def test_the_parameters_are_those_of_numpy_in_their_order(name):
    function = functions()[name]
    places, rest = placed(overrides[function])
    wanted, _ = placed(function)
    assert rest or places[: len(wanted)] == wanted or name in OTHER_NAMES


# methods: of arrays, which are functions of the same arguments, and of ufuncs

# methods that change the array, and one of an array of numbers of arrays
LEFT_OUT = {"partition", "sort", "choose"}
OF_UFUNCS = {
    "reduce": {
        "axis": "0  1  -1  None  (0, 1)  ()  np.int64(1)  [0]  9",
        "dtype": "np.float32  complex  None  int  bool",
        "keepdims": "True  1  False",
        "initial": "2.0  s  None  1",
        "where": "mask2  mask  True  [True, False, True, True]  1  None",
    },
    "accumulate": {"axis": "0  1  -1  np.int64(0)  9", "dtype": "np.float32  complex  None  int"},
    "reduceat": {"axis": "0  1  -1  np.int8(1)", "dtype": "np.float32  complex  None  int"},
    "outer": {
        "dtype": "np.float32  complex  None  int", "casting": "'unsafe'  'no'  'x'",
        "where": "True  False", "order": "'C'  'F'", "signature": "'ff->f'  'dd->d'",
    },
}  # fmt: skip
# which NumPy's own vectorised loops get wrong along the last axis: they read what they write
MISREDUCED = r"np\.(arctan2|atan2|pow|power)\.reduce\w*\(.*axis=(1|-1|np\.\w+\(1\))\)"


def methods():
    """Return the methods of traced arrays that are functions, and those functions' names."""
    names = {f: name for name, f in functions().items()}
    found = {m: names.get(getattr(v, "function", None)) for m, v in vars(NDArrayMixin).items()}
    return {m: name for m, name in found.items() if name in CALLS and m in vars(np.ndarray)}


def method_rows(method):
    name = methods()[method]
    array, _, rest = CALLS[name].partition(", ")
    for keyword in keywords(getattr(np.ndarray, method)):
        for value in values(name, keyword, functions()[name]) or ():
            if keyword not in REFUSES:
                yield f"{array}.{method}({rest}{', ' if rest else ''}{keyword}={value})"


def ufunc_rows(name):
    ufunc = functions()[name]
    whole = "dd->d" not in ufunc.types and "dd->?" not in ufunc.types
    a, b = ("cc", "c") if whole else ("m", "x")
    arguments = {"reduceat": f"{a}, [0, 2, 1]", "outer": f"{a}, {b}"}
    for method, options in OF_UFUNCS.items():
        if method in coverage.methods(ufunc):
            for keyword, text in options.items():
                for value in re.split(r"\s{2,}", text):
                    yield f"np.{name}.{method}({arguments.get(method, a)}, {keyword}={value})"


BINARY = [
    n
    for n, f in functions().items()
    if isinstance(f, np.ufunc) and f.nin == 2 and n != "ldexp"  # of floats by integers
]


@pytest.mark.parametrize("method", sorted(methods().keys() - LEFT_OUT))
def test_a_keyword_of_a_method_means_what_it_means_to_numpy(method):
    name = methods()[method]
    assert [c for row in method_rows(method) for c in complaints(name, row, WAYS)] == []


@pytest.mark.parametrize("name", BINARY)
def test_a_keyword_of_a_ufuncs_method_means_what_it_means_to_numpy(name):
    rows = [row for row in ufunc_rows(name) if not re.fullmatch(MISREDUCED, row)]
    assert [c for row in rows for c in complaints(name, row, ONE)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", BINARY)
def test_a_ufuncs_method_is_the_same_under_every_transform(name):
    rows = [row for row in ufunc_rows(name) if not re.fullmatch(MISREDUCED, row)]
    assert [c for row in rows for c in complaints(name, row, WAYS)] == []


def test_methods_without_keywords_of_their_own_are_few():
    assert len(methods()) >= 25 and len(BINARY) >= 35


I8 = np.array([2, 3, 7], np.int8)

WRITES = {
    "initial of max": lambda x, v: np.max(x, initial=v),
    "initial of add.reduce": lambda x, v: np.add.reduce(x, dtype=np.int8, initial=v),
    "initial of maximum.reduce": lambda x, v: np.maximum.reduce(x, initial=v),
    "initial of sum": lambda x, v: np.sum(x, dtype=np.int8, initial=v),
    "pad": lambda x, v: np.pad(x, 1, constant_values=v),
    "insert": lambda x, v: np.insert(x, 1, v),
    "piecewise": lambda x, v: np.piecewise(x, [np.array([True, False, True])], [v, 1]),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("value", [5, -7, 300, 2**40])
def test_a_python_integer_fits_a_dtype_or_is_refused_as_by_numpy(name, value):
    write = WRITES[name]
    try:
        want = write(I8, value)
    except OverflowError:
        for run, x in ((fg.jit, I8), (fg.vmap, I8[None])):
            with pytest.raises(OverflowError):
                run(lambda x: write(x, value))(x)
        return
    got = fg.jit(lambda x: write(x, value))(I8)
    assert np.array_equal(got, want) and got.dtype == want.dtype


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8"])
@pytest.mark.parametrize("value", [5, -1, 300, 2**40, 2**70])
def test_an_update_takes_a_python_integer_that_fits_the_array(dtype, value):
    x = np.array([2, 3, 7], dtype)
    update = lambda x: fg.at(x)[0].set(value)
    plain = x.copy()
    try:
        plain[0] = value
    except OverflowError:
        for run in (update, fg.jit(update)):
            with pytest.raises(OverflowError):
                run(x)
        return
    got = fg.jit(update)(x)
    assert np.array_equal(got, plain) and got.dtype == x.dtype


@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd])
def test_two_names_of_one_keyword_are_refused_together(f):
    with pytest.raises(ValueError, match="simultaneously"):
        fg.jit(lambda x: f(x, ddof=0.5, correction=1))(INPUTS["x"])


@pytest.mark.parametrize("f", [np.nanvar, np.nanstd])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float16])
@pytest.mark.parametrize("ddof", [1, 2, 2.5, 3])
def test_deviations_without_freedom_are_nan(f, dtype, ddof):
    x = np.array([[1.0, np.nan, 2.5], [np.nan, np.nan, 3.0], [1.0, 2.0, 4.0]])
    g = lambda x: f(x, axis=1, ddof=ddof, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want, got = g(x), fg.jit(g)(x)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, 2e-3)


@pytest.mark.parametrize("f", [np.nanmax, np.nanmin])
@pytest.mark.parametrize("initial", [0, -5.0, 9.0, np.nan])
def test_an_extremum_of_no_numbers_is_its_start(f, initial):
    x = np.array([[1.0, np.nan, 2.5], [np.nan, np.nan, np.nan]])
    for a, where in ((x, True), (x, x > 2), (np.zeros((2, 0)), True)):
        g = lambda a, where=where: f(a, axis=1, initial=initial, where=where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert np.array_equal(fg.jit(g)(a), g(a), equal_nan=True)
