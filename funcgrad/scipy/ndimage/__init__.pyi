# Written by `python -m tests.support.stubs`, not by hand.

from .binary import (
    binary_closing as binary_closing,
    binary_dilation as binary_dilation,
    binary_erosion as binary_erosion,
    binary_fill_holes as binary_fill_holes,
    binary_hit_or_miss as binary_hit_or_miss,
    binary_opening as binary_opening,
    binary_propagation as binary_propagation,
    distance_transform_cdt as distance_transform_cdt,
    distance_transform_edt as distance_transform_edt,
    generate_binary_structure as generate_binary_structure,
    iterate_structure as iterate_structure,
    label as label,
)
from .filters import (
    convolve as convolve,
    convolve1d as convolve1d,
    correlate as correlate,
    correlate1d as correlate1d,
    gaussian_filter as gaussian_filter,
    gaussian_filter1d as gaussian_filter1d,
    laplace as laplace,
    prewitt as prewitt,
    sobel as sobel,
    uniform_filter as uniform_filter,
    uniform_filter1d as uniform_filter1d,
)
from .fourier import (
    fourier_ellipsoid as fourier_ellipsoid,
    fourier_gaussian as fourier_gaussian,
    fourier_shift as fourier_shift,
    fourier_uniform as fourier_uniform,
)
from .geometry import (
    geometric_transform as geometric_transform,
    rotate as rotate,
    spline_filter1d as spline_filter1d,
)
from .gradients import (
    gaussian_gradient_magnitude as gaussian_gradient_magnitude,
    gaussian_laplace as gaussian_laplace,
    generic_filter as generic_filter,
    generic_filter1d as generic_filter1d,
    generic_gradient_magnitude as generic_gradient_magnitude,
    generic_laplace as generic_laplace,
    vectorized_filter as vectorized_filter,
)
from .measurements import (
    center_of_mass as center_of_mass,
    extrema as extrema,
    find_objects as find_objects,
    histogram as histogram,
    labeled_comprehension as labeled_comprehension,
    maximum as maximum,
    maximum_position as maximum_position,
    mean as mean,
    median as median,
    minimum as minimum,
    minimum_position as minimum_position,
    standard_deviation as standard_deviation,
    sum as sum,
    sum_labels as sum_labels,
    value_indices as value_indices,
    variance as variance,
)
from .morphology import (
    black_tophat as black_tophat,
    grey_closing as grey_closing,
    grey_dilation as grey_dilation,
    grey_erosion as grey_erosion,
    grey_opening as grey_opening,
    morphological_gradient as morphological_gradient,
    morphological_laplace as morphological_laplace,
    white_tophat as white_tophat,
)
from .ranks import (
    maximum_filter as maximum_filter,
    maximum_filter1d as maximum_filter1d,
    median_filter as median_filter,
    minimum_filter as minimum_filter,
    minimum_filter1d as minimum_filter1d,
    percentile_filter as percentile_filter,
    rank_filter as rank_filter,
)
from .resampling import (
    affine_transform as affine_transform,
    map_coordinates as map_coordinates,
    shift as shift,
    spline_filter as spline_filter,
    zoom as zoom,
)
