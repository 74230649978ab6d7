"""Calls of scipy.ndimage: ranks, morphology, gradients, the Fourier transform, regions."""

import numpy as np

from .twins import IMAGE, call
from .twins_of_filters import parts

FOOT = np.array([[True, False, True], [True, True, False]])
STRUCTURE = np.array([[0.1, 0.4, -0.2], [0.3, 0.0, 0.5]])
SIGMA = np.array(0.9)
LABELS = np.array([[1, 1, 2, 2, 0], [1, 3, 3, 2, 0], [0, 3, 3, 3, 0], [7, 7, 0, 3, 3],
                   [7, 7, 7, 0, 0], [0, 0, 0, 9, 9]])  # fmt: skip
SHAPES = (IMAGE > -0.2).astype(int)

for name, options in (("maximum_filter", {}), ("minimum_filter", {}), ("median_filter", {}),
                      ("rank_filter", {"rank": 2}), ("rank_filter", {"rank": -1}),
                      ("percentile_filter", {"percentile": 35})):  # fmt: skip
    for size, foot in (((3, 2), None), (None, FOOT)):
        for mode in ("reflect", "constant", "nearest", "mirror", "wrap"):
            call(f"ndimage.{name} {options} {size} {mode}",
                 lambda m, x, name=name, options=options, size=size, foot=foot, mode=mode: getattr(
                     m, name)(x, size=size, footprint=foot, mode=mode, cval=0.3, **options),
                 IMAGE)  # fmt: skip
call("ndimage.maximum_filter of an axis", lambda m, x: m.maximum_filter(x, 3, axes=(1,)), IMAGE)
call("ndimage.minimum_filter of an origin", lambda m, x: m.minimum_filter(x, 4, origin=1), IMAGE)
for name in ("maximum_filter1d", "minimum_filter1d"):
    call(f"ndimage.{name}", lambda m, x, name=name: getattr(m, name)(x, 3, 0, origin=-1), IMAGE)
for name in ("grey_erosion", "grey_dilation", "grey_opening", "grey_closing",
             "morphological_gradient", "morphological_laplace", "white_tophat",
             "black_tophat"):  # fmt: skip
    call(f"ndimage.{name}", lambda m, x, name=name: getattr(m, name)(x, (2, 3)), IMAGE)
    call(f"ndimage.{name} of a structure",
         lambda m, x, s, name=name: getattr(m, name)(
             x, footprint=FOOT, structure=np.asarray(s) if m.module.__name__[0] == "s" else s,
             mode="constant"),
         IMAGE, STRUCTURE)  # fmt: skip
call("ndimage.gaussian_laplace", lambda m, x, s: m.gaussian_laplace(x, s, radius=3), IMAGE, SIGMA)
call("ndimage.gaussian_gradient_magnitude",
     lambda m, x, s: m.gaussian_gradient_magnitude(x, s, mode="wrap", radius=3), IMAGE,
     SIGMA)  # fmt: skip


def weighted(x, axis, output, mode, cval, c=1.0):
    found = x * x * (axis + c)
    if isinstance(output, np.ndarray):
        output[...] = found
    return found


call("ndimage.generic_laplace",
     lambda m, x: m.generic_laplace(x, weighted, extra_arguments=(2.0,)), IMAGE)  # fmt: skip
call("ndimage.generic_gradient_magnitude",
     lambda m, x: m.generic_gradient_magnitude(x, weighted), IMAGE)  # fmt: skip
call("ndimage.generic_filter", lambda m, x: m.generic_filter(x, lambda w: (w**2).sum(), 2), IMAGE)
call("ndimage.vectorized_filter",
     lambda m, x: m.vectorized_filter(x**2, np.sum, size=(2, 3), mode="nearest"),
     IMAGE)  # fmt: skip


def running(line, out):
    out[...] = line[:-2] * line[2:] + line[1:-1]


call("ndimage.generic_filter1d", lambda m, x: m.generic_filter1d(x, running, 3, 0), IMAGE)
for name in ("fourier_gaussian", "fourier_uniform", "fourier_shift", "fourier_ellipsoid"):
    call(f"ndimage.{name}",
         lambda m, x, s, name=name: parts(getattr(m, name)(x + 1j * x**2, 2 * s + 0.3)), IMAGE,
         SIGMA)  # fmt: skip
    call(f"ndimage.{name} of a real transform",
         lambda m, x, name=name: parts(getattr(m, name)(x + 0j, (1.3, 2.1), 8)), IMAGE)  # fmt: skip
call("ndimage.fourier_ellipsoid of one axis", lambda m, x: m.fourier_ellipsoid(x, 2.5), IMAGE[0])
call("ndimage.fourier_ellipsoid of three",
     lambda m, x: m.fourier_ellipsoid(x.reshape(3, 5, 2), 2.5), IMAGE)  # fmt: skip
call("ndimage.geometric_transform",
     lambda m, x: m.geometric_transform(x, lambda i: (i[0] * 0.8 + 0.3, i[1] + 0.1 * i[0]),
                                        (4, 4)), IMAGE)  # fmt: skip
for reshape in (True, False):
    call(f"ndimage.rotate {reshape}",
         lambda m, x, reshape=reshape: m.rotate(x, 31.0, reshape=reshape, mode="nearest"),
         IMAGE)  # fmt: skip
call("ndimage.rotate of an angle",
     lambda m, x, a: m.rotate(x, 20 * a, reshape=False, mode="mirror"), IMAGE, SIGMA)  # fmt: skip
call("ndimage.rotate of three axes",
     lambda m, x: m.rotate(x.reshape(3, 5, 2), 25.0, (0, 1), order=1), IMAGE)  # fmt: skip
call("ndimage.spline_filter1d", lambda m, x: m.spline_filter1d(x, 2, 0), IMAGE)

# regions
for name in ("sum", "sum_labels", "mean", "variance", "standard_deviation", "maximum", "minimum",
             "median"):  # fmt: skip
    for index in ([3, 1, 2], 2, None):
        call(f"ndimage.{name} {index}",
             lambda m, x, name=name, index=index: m.np.reshape(
                 getattr(m, name)(x, LABELS, index), (-1,)), IMAGE)  # fmt: skip
    call(f"ndimage.{name} of all", lambda m, x, name=name: getattr(m, name)(x) + 0 * x, IMAGE)
call("ndimage.center_of_mass", lambda m, x: m.np.stack(
    [m.np.stack(row) for row in m.center_of_mass(x, LABELS, [1, 7])]), IMAGE)  # fmt: skip
call("ndimage.center_of_mass of all", lambda m, x: m.np.stack(m.center_of_mass(x)), IMAGE)
for name in ("maximum_position", "minimum_position"):
    call(f"ndimage.{name}",
         lambda m, x, name=name: m.np.stack([m.np.stack(row) for row in getattr(m, name)(
             x, LABELS, [1, 3])]) + x[0, 0], IMAGE)  # fmt: skip
call("ndimage.extrema", lambda m, x: m.np.stack([*m.extrema(x)[:2]]), IMAGE)
call("ndimage.labeled_comprehension",
     lambda m, x: m.labeled_comprehension(x, LABELS, [1, 3, 5], lambda v: (v * v).max(), float,
                                          -1.0), IMAGE)  # fmt: skip

# constants
BOTH = np.add.outer(IMAGE, IMAGE[0]) > 0.4
for name in ("binary_erosion", "binary_dilation", "binary_opening", "binary_closing"):
    for options in (
        {},
        {"structure": FOOT},
        {"iterations": 2, "border_value": 1},
        {"iterations": -1} if "ing" not in name else {},
        {"mask": IMAGE < 0.5},
        {"structure": np.ones((3, 3)), "origin": (1, 0)},
    ):
        call(f"ndimage.{name} {sorted(options)} {options.get('iterations')}",
             lambda m, x, name=name, options=options: getattr(m, name)(SHAPES, **options) * x,
             SIGMA)  # fmt: skip
call("ndimage.binary_hit_or_miss", lambda m, x: m.binary_hit_or_miss(SHAPES, FOOT) * x, SIGMA)
call("ndimage.binary_hit_or_miss of two",
     lambda m, x: m.binary_hit_or_miss(SHAPES, FOOT, ~FOOT, origin1=(0, 1)) * x, SIGMA)  # fmt: skip
call("ndimage.binary_propagation",
     lambda m, x: m.binary_propagation(LABELS == 7, mask=SHAPES) * x, SIGMA)  # fmt: skip
call("ndimage.binary_fill_holes", lambda m, x: m.binary_fill_holes(SHAPES) * x, SIGMA)
call("ndimage.generate_binary_structure",
     lambda m, x: m.generate_binary_structure(3, 2) * x, SIGMA)  # fmt: skip
call("ndimage.iterate_structure",
     lambda m, x: m.iterate_structure(np.array([[0, 1, 0], [1, 1, 1]]), 3) * x, SIGMA)  # fmt: skip
for structure in (None, np.ones((3, 3))):
    call(f"ndimage.label {structure is None}",
         lambda m, x, s=structure: m.label(SHAPES, s)[0] * x + m.label(SHAPES)[1],
         SIGMA)  # fmt: skip
call("ndimage.label of three axes", lambda m, x: m.label(BOTH)[0] * x, SIGMA)
call("ndimage.distance_transform_edt",
     lambda m, x: m.distance_transform_edt(SHAPES, (1.0, 0.7)) * x, SIGMA)  # fmt: skip
call("ndimage.distance_transform_edt of indices", lambda m, x: np.hypot(*(
    m.distance_transform_edt(SHAPES, return_distances=False, return_indices=True)
    - np.indices(SHAPES.shape))) * x, SIGMA)  # fmt: skip
for metric in ("chessboard", "taxicab"):
    call(f"ndimage.distance_transform_cdt {metric}",
         lambda m, x, metric=metric: m.distance_transform_cdt(SHAPES, metric) * x,
         SIGMA)  # fmt: skip
call("ndimage.find_objects", lambda m, x: np.array(
    [[(s.start, s.stop) for s in o] for o in m.find_objects(LABELS) if o]) * x, SIGMA)  # fmt: skip
call("ndimage.value_indices",
     lambda m, x: np.stack(m.value_indices(LABELS, ignore_value=0)[7]) * x, SIGMA)  # fmt: skip
call("ndimage.histogram",
     lambda m, x: np.stack(m.histogram(IMAGE, -1, 1, 3, LABELS, [1, 3])) * x, SIGMA)  # fmt: skip
