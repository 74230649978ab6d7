"""Filters, interpolation, morphology and measurements of images, by SciPy's names."""

from ...core.lazy import homes_of as _homes_of, late as _late

_HOMES = _homes_of({
    "binary": "binary_closing binary_dilation binary_erosion binary_fill_holes binary_hit_or_miss "
              "binary_opening binary_propagation distance_transform_cdt distance_transform_edt "
              "generate_binary_structure iterate_structure label",
    "filters": "convolve convolve1d correlate correlate1d gaussian_filter gaussian_filter1d "
               "laplace prewitt sobel uniform_filter uniform_filter1d",
    "fourier": "fourier_ellipsoid fourier_gaussian fourier_shift fourier_uniform",
    "geometry": "geometric_transform rotate spline_filter1d",
    "gradients": "gaussian_gradient_magnitude gaussian_laplace generic_filter generic_filter1d "
                 "generic_gradient_magnitude generic_laplace vectorized_filter",
    "measurements": "center_of_mass extrema find_objects histogram labeled_comprehension maximum "
                    "maximum_position mean median minimum minimum_position standard_deviation sum "
                    "sum_labels value_indices variance",
    "morphology": "black_tophat grey_closing grey_dilation grey_erosion grey_opening "
                  "morphological_gradient morphological_laplace white_tophat",
    "ranks": "maximum_filter maximum_filter1d median_filter minimum_filter minimum_filter1d "
             "percentile_filter rank_filter",
    "resampling": "affine_transform map_coordinates shift spline_filter zoom",
})  # fmt: skip

_late(__name__, (), _HOMES)
