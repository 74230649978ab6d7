"""Whether the results of two libraries are the same, up to rounding."""

import numpy as np

RTOL = {"float32": 2e-3, "float64": 1e-6}  # sums in another order, amplified by long programs


def difference(wants, gots, dtype):
    """How two lists of arrays differ, in words; an empty text where they agree.

    Norms of leaves are compared: where a gradient is noise beside the others, its digits are
    nobody's.
    """
    if [x.shape for x in gots] != [x.shape for x in wants]:
        return "results of other shapes"
    whole = np.sqrt(sum(np.vdot(x, x).real for x in wants))
    for k, (want, got) in enumerate(zip(wants, gots, strict=True)):
        if not np.all(np.isfinite(got)):
            return f"result {k} is not finite"
        error, size = np.linalg.norm(got - want), np.linalg.norm(want)
        if not error <= RTOL[dtype] * (size + 1e-3 * whole):
            return f"result {k} is off by {error:.2g}, norm {size:.2g}"
    return ""


def host(tree):
    """A tensor or array of any library as one of NumPy."""
    return np.asarray(tree.detach() if hasattr(tree, "detach") else tree)
