"""Losses: plain functions of predictions and targets. A table of contents.

Some take ``reduction="mean" | "sum" | "none"``, weights and masks; those with optax's names give
one value per element or example. Shapes must agree: [n] against [n, 1] raises, where NumPy would
broadcast to [n, n].
"""

from ..core.lazy import publish as _publish
from .binary import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    hinge as hinge,
    hinge_loss as hinge_loss,
    perceptron_loss as perceptron_loss,
    sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy,
    sigmoid_focal_loss as sigmoid_focal_loss,
)
from .metric import (
    contrastive_loss as contrastive_loss,
    ntxent as ntxent,
    triplet_margin_loss as triplet_margin_loss,
)
from .multiclass import (
    cross_entropy as cross_entropy,
    generalized_kl_divergence as generalized_kl_divergence,
    kl_divergence as kl_divergence,
    kl_divergence_with_log_targets as kl_divergence_with_log_targets,
    multiclass_hinge_loss as multiclass_hinge_loss,
    multiclass_perceptron_loss as multiclass_perceptron_loss,
    nll_loss as nll_loss,
    poly_loss_cross_entropy as poly_loss_cross_entropy,
    smooth_labels as smooth_labels,
    softmax_cross_entropy as softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels as softmax_cross_entropy_with_integer_labels,
)
from .regression import (
    absolute_error as absolute_error,
    cosine_distance as cosine_distance,
    cosine_similarity as cosine_similarity,
    huber as huber,
    huber_loss as huber_loss,
    l1 as l1,
    l2_loss as l2_loss,
    log_cosh as log_cosh,
    mse as mse,
    squared_error as squared_error,
)
from .sequence import (
    ctc_loss as ctc_loss,
)

_publish(__name__)
