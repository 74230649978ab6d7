"""Functions of ``jax.lax``: control flow, collectives, convolutions, elementwise functions."""

from ..control.associative import associative_scan as associative_scan
from ..control.conditionals import cond as cond, select as select, switch as switch
from ..control.implicit import (
    custom_root as custom_root,
    fixed_point as fixed_point,
)
from ..control.loops import (
    fori_loop as fori_loop,
    map as map,
    scan as scan,
    while_loop as while_loop,
)
from ..control.solve import custom_linear_solve as custom_linear_solve
from ..core.lazy import publish as _publish
from ..numpy.ufuncs import sign as sign
from ..ops.compare import (
    bitwise_and as bitwise_and,
    bitwise_or as bitwise_or,
    bitwise_xor as bitwise_xor,
    ceil as ceil,
    eq as eq,
    floor as floor,
    ge as ge,
    gt as gt,
    le as le,
    lt as lt,
    ne as ne,
)
from ..ops.conv_general_dilated import (
    ConvDimensionNumbers as ConvDimensionNumbers,
    conv as conv,
    conv_dimension_numbers as conv_dimension_numbers,
    conv_general_dilated as conv_general_dilated,
    conv_transpose as conv_transpose,
    conv_with_general_padding as conv_with_general_padding,
)
from ..ops.elementwise import (
    abs as abs,
    add as add,
    cbrt as cbrt,
    conj as conj,
    cos as cos,
    cosh as cosh,
    div as div,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    imag as imag,
    log as log,
    log1p as log1p,
    maximum as _maximum,
    minimum as _minimum,
    mul as mul,
    neg as neg,
    nextafter as nextafter,
    pow as pow,
    real as real,
    reciprocal as reciprocal,
    sin as sin,
    sinh as sinh,
    sqrt as sqrt,
    square as square,
    sub as sub,
    tan as tan,
    tanh as tanh,
)
from ..ops.pooling import reduce_window as reduce_window
from ..ops.stop_gradient import stop_gradient as stop_gradient
from ..ops.windows import padtype_to_pads as padtype_to_pads
from ..special.error_functions import erf as erf, erfc as erfc, erfinv as _erfinv
from ..transforms.collectives import (
    all_gather as all_gather,
    all_to_all as all_to_all,
    axis_index as axis_index,
    axis_size as axis_size,
    pmax as pmax,
    pmean as pmean,
    pmin as pmin,
    ppermute as ppermute,
    psum as psum,
    psum_scatter as psum_scatter,
)
from .contraction import dot_general as dot_general
from .cumulative import (
    cumlogsumexp as cumlogsumexp,
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
)
from .elementwise import clamp as clamp, rsqrt as rsqrt
from .shapes import (
    broadcast_in_dim as broadcast_in_dim,
    expand_dims as expand_dims,
    pad as pad,
)
from .slicing import (
    dynamic_index_in_dim as dynamic_index_in_dim,
    dynamic_slice as dynamic_slice,
    dynamic_slice_in_dim as dynamic_slice_in_dim,
    dynamic_update_index_in_dim as dynamic_update_index_in_dim,
    dynamic_update_slice as dynamic_update_slice,
    dynamic_update_slice_in_dim as dynamic_update_slice_in_dim,
)
from .sorting import top_k as top_k

erf_inv = _erfinv
max, min = _maximum, _minimum  # elementwise, as in JAX

_publish(__name__)
