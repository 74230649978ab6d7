"""Programs held by primitives: tracing bodies, and deriving programs by each transform.

Such a program is a Jaxpr without constants. Arrays and tracers of outer traces that its function
closes over are the first operands of the equation that holds it: so a program contains no tracer,
and every transform sees all that it depends on.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..compile.mask_marks import is_masked, may_mark
from ..core.avals import Aval, accumulation_dtype, dtype_of, is_inexact, shape_of
from ..core.jaxpr import Jaxpr, constants_as_inputs, eval_jaxpr
from ..core.lists import Flags, compress, expand, split_list
from ..core.trace import Tracer
from ..ops.constant import absent_p
from ..ops.operand import strong
from ..ops.paths import path_mask
from ..ops.structure import axis_to_front, batch_at_front, cast, zeros_like
from .batching import Batch, batched
from .forward import push
from .paths import Paths, PathTracer
from .reverse import value_and_vjp
from .seeds import with_masks
from .staging import stage, staged_in
from .taylor import push_series


def trace_to_jaxpr(
    origin: object,
    fun: Callable[[list[Any]], Sequence[Any]],
    avals: Sequence[Aval],
    lasting: bool = False,
    takes: Callable[..., bool] | None = None,
) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Trace a function of leaves to a program, and the values of its first operands.

    ``lasting``: these are stored with the program, and not used at once. ``takes``: see ``stage``.
    """
    closed, _ = stage(origin, fun, avals, lasting, takes=takes)
    return constants_as_inputs(closed.jaxpr), closed.consts


def instantiate_zeros(
    ts: Sequence[Any], likes: Sequence[Any], others: Sequence[Any] = ()
) -> list[Any]:
    """Replace None by zeros; ``others`` are tangents or cotangents of the same map."""
    ts = [t if t is None else strong(t) for t in ts]  # the tangent of an array may be weak
    if not any(t is None for t in ts):
        return ts
    tracers = [t for t in (*ts, *others) if isinstance(t, Tracer)]
    one = max(tracers, key=lambda t: t._trace.serial, default=None)
    for i, (t, x) in enumerate(zip(ts, likes, strict=True)):
        if t is None:
            dtype = dtype_of(x)
            absent = one is not None and is_inexact(dtype)
            ts[i] = absent_p(one, shape=shape_of(x), dtype=dtype) if absent else zeros_like(x)
    return ts


def tangent_avals(avals: Sequence[Aval], flags: Flags) -> list[Aval]:
    """Avals of the tangents of those flagged, which are never weak."""
    return [Aval(a.shape, a.dtype) for a in compress(avals, flags)]


def accumulator_avals(avals: Sequence[Aval], flags: Flags) -> list[Aval]:
    """Avals of sums of the tangents of those flagged, which are not in half precision."""
    tangents = tangent_avals(avals, flags)
    return [Aval(a.shape, accumulation_dtype(a.dtype)) if is_inexact(a.dtype) else a
            for a in tangents]  # fmt: skip


def in_avals(jaxpr: Jaxpr) -> list[Aval]:
    """Avals of the inputs of a program."""
    return [v.aval for v in jaxpr.invars]


def out_avals(jaxpr: Jaxpr) -> list[Aval]:
    """Avals of the outputs of a program when it has run: they are not weak."""
    return [Aval(v.aval.shape, v.aval.dtype) for v in jaxpr.outvars]


def avals_beside(avals: Sequence[Aval], dtype: np.dtype | None, order: int | None) -> list[Aval]:
    """Avals of values beside those of ``avals``: ``order`` each, of this dtype if it differs."""
    avals = avals if dtype is None else [Aval(a.shape, dtype) for a in avals]
    return [a for a in avals for _ in range(order or 1)]


def interleave(
    parts: Sequence[list[Any]],
    flags: Flags,
    dtype: np.dtype | None = None,
    order: int | None = None,
) -> tuple[list[Any], Callable[[list[Any]], tuple[list[Any], list[Any]]]]:
    """Repeat the flagged avals after each part, and give the function that separates the values.

    ``dtype`` is that of the repeated avals, if it differs; each is repeated ``order`` times.
    """
    flagged = split_list(flags, *map(len, parts[:-1]))
    again = lambda avals: avals_beside(avals, dtype, order)
    rows = zip(parts, flagged, strict=True)
    doubled = [(part, again(tangent_avals(part, f))) for part, f in rows]
    counts = [len(xs) for pair in doubled for xs in pair]

    def separate(values: list[Any]) -> tuple[list[Any], list[Any]]:
        pieces = split_list(values, *counts)[:-1]
        return [x for p in pieces[::2] for x in p], [x for p in pieces[1::2] for x in p]

    return [x for pair in doubled for xs in pair for x in xs], separate


def innermost_serial(values: Sequence[Any], batches: bool = True) -> int:
    """The serial number of the innermost trace of tracers, and of the tracers that they wrap.

    Args:
        batches: whether traces of ``vmap`` count.
    """
    serial = 0
    for x in values:
        while isinstance(x, Tracer):
            if batches or type(x._trace) is not Batch:
                serial = max(serial, x._trace.serial)
            x = getattr(x, "value", None)
    return serial


def is_linearizing(primals: Sequence[Any], tangents: Sequence[Any]) -> bool:
    """Whether only the tangents belong to the program that is being staged, as in ``linearize``.

    Then the part of a program that computes the tangents becomes a program of its own. A map within
    the program that is being staged takes both.
    """
    serials = [(innermost_serial(tangents, b), innermost_serial(primals, b)) for b in (True, False)]
    return any(inner > outer for inner, outer in serials)


# running a program under a trace


def eval_jvp(
    jaxpr: Jaxpr, xs: Sequence[Any], ts: Sequence[Any], ins: Flags, outs: Flags
) -> tuple[list[Any], list[Any]]:
    """The outputs, and tangents of those flagged, given tangents of the inputs flagged."""
    run = lambda xs: (eval_jaxpr(jaxpr, (), xs), None)
    pairs = push("a program", run, xs, expand(ts, ins), _runs_masked(jaxpr, (*xs, *ts)))[1]
    ys = [y for y, _ in pairs]
    return ys, instantiate_zeros(compress([t for _, t in pairs], outs), compress(ys, outs), ts)


def _runs_masked(jaxpr: Jaxpr, values: Sequence[Any]) -> bool:
    """Whether the maps in a program run with masks; if so, they do in its derivative too."""
    masked = is_masked(jaxpr)
    for x in map(staged_in, values if masked else ()):
        if x is not None:
            x._trace.masked = True
    return masked


def eval_masked(
    trace: Paths, jaxpr: Jaxpr, xs: Sequence[Any], masks: Sequence[Any], ins: Flags, outs: Flags
) -> tuple[list[Any], list[Any]]:
    """The outputs, and masks of those flagged, given masks of the inputs flagged.

    ``trace`` determines how elements are masked, see ``Paths.selects``.
    """
    inner = Paths(trace.origin, trace.selects)
    try:
        args = [
            x if mask is None else PathTracer(inner, x, mask)
            for x, mask in zip(xs, expand(masks, ins), strict=True)
        ]
        pairs = [inner.split(y) for y in eval_jaxpr(jaxpr, (), args)]
    finally:
        inner.dead = True
    found = [
        path_mask(y, mask) if flag else None for (y, mask), flag in zip(pairs, outs, strict=True)
    ]
    return [y for y, _ in pairs], compress(found, outs)


def eval_vjp(
    jaxpr: Jaxpr, xs: Sequence[Any], seeds: Sequence[Any], ins: Flags, outs: Flags, sums: int = 0
) -> tuple[list[Any], list[Any]]:
    """The outputs, and cotangents of the inputs flagged, given cotangents of the outputs flagged.

    ``seeds`` holds ``sums`` accumulators and then the cotangents. The cotangents of the first
    flagged inputs are added to the accumulators.
    """
    needs = [True if flag else None for flag in ins]
    run, masked = lambda *xs: eval_jaxpr(jaxpr, (), xs), _runs_masked(jaxpr, (*xs, *seeds))
    ys, pull = value_and_vjp("a program", run, xs, needs, masked)
    before, cts = split_list(seeds, sums)
    got = compress(pull(expand(cts, outs)), ins)
    grown = [a if ct is None else a + ct for a, ct in zip(before, got[:sums], strict=True)]
    return ys, [*grown, *instantiate_zeros(got[sums:], compress(in_avals(jaxpr), ins)[sums:], cts)]


def eval_series(
    jaxpr: Jaxpr, xs: Sequence[Any], terms: Sequence[Any], ins: Flags, outs: Flags, order: int
) -> tuple[list[Any], list[Any]]:
    """The outputs, and the coefficients of those flagged, given those of the inputs flagged.

    The coefficients 1 to ``order`` of a value follow one another.
    """
    run = lambda xs: eval_jaxpr(jaxpr, (), xs)
    masked = _runs_masked(jaxpr, (*xs, *terms))
    rows = expand(in_rows(terms, order), ins)
    ys, found, _ = push_series("a program", run, xs, rows, order, masked)
    rows = [row or [None] * order for row in compress(found, outs)]
    likes = [y for y in compress(ys, outs) for _ in range(order)]
    return ys, instantiate_zeros([t for row in rows for t in row], likes)


def in_rows(values: Sequence[Any], length: int) -> list[list[Any]]:
    """Cut a list into rows of this length."""
    return [list(values[i : i + length]) for i in range(0, len(values), length)]


def eval_batched(jaxpr: Jaxpr, xs: Sequence[Any], flags: Flags, size: int) -> list[tuple[Any, Any]]:
    """The outputs of a program for all examples, with batch axis 0 of the inputs flagged."""
    if any(x is not None and x._trace.masked for x in map(staged_in, xs)) and may_mark(jaxpr):
        jaxpr = with_masks(jaxpr)  # its equations may become part of the masked program
    trace = Batch("a program", size)
    try:
        axes = [0 if flag else None for flag in flags]
        pairs = batched(trace, lambda *ys: eval_jaxpr(jaxpr, (), ys), xs, axes)
    finally:
        trace.dead = True
    rows = zip(pairs, jaxpr.outvars, strict=True)  # batched scalars are not weak
    return [
        (cast(y, v.aval.dtype), None) if d is None else (cast(axis_to_front(y, d), v.aval.dtype), 0)
        for (y, d), v in rows
    ]


def batch_jaxpr(
    jaxpr: Jaxpr, flags: Flags, outs: Flags, size: int
) -> tuple[Jaxpr, tuple[Any, ...], list[bool]]:
    """A program for all examples, its first operands, and which outputs have the batch axis.

    The outputs flagged in ``outs`` always have it.
    """
    varied: list[bool] = []

    def body(xs: list[Any]) -> list[Any]:
        pairs = eval_batched(jaxpr, xs, flags, size)
        varied[:] = [d is not None or want for (_, d), want in zip(pairs, outs, strict=True)]
        rows = zip(pairs, varied, strict=True)
        return [batch_at_front(y, d, size) if v else y for (y, d), v in rows]

    ins = [
        Aval((size, *v.aval.shape), v.aval.dtype) if flag else v.aval
        for v, flag in zip(jaxpr.invars, flags, strict=True)
    ]
    program, operands = trace_to_jaxpr("vmap of a program", body, ins, lasting=True)
    return program, operands, varied
