"""Optimizers and schedules, by optax's contract and names. A table of contents.

Rare optimizers are in ``optim.contrib``.
"""

import typing as _typing

from ..core.lazy import (
    calls as _calls,
    missing as _missing,
    publish as _publish,
    recipes as _recipes,
)
from ..core.registry import load as _load
from .adaptive import (
    ScaleByAdaDeltaState as ScaleByAdaDeltaState,
    ScaleByAdamState as ScaleByAdamState,
    ScaleByAmsgradState as ScaleByAmsgradState,
    ScaleByRmsState as ScaleByRmsState,
    ScaleByRssState as ScaleByRssState,
    scale_by_adadelta as scale_by_adadelta,
    scale_by_adam as scale_by_adam,
    scale_by_adamax as scale_by_adamax,
    scale_by_amsgrad as scale_by_amsgrad,
    scale_by_radam as scale_by_radam,
    scale_by_rms as scale_by_rms,
    scale_by_rss as scale_by_rss,
    scale_by_stddev as scale_by_stddev,
)
from .alias import (
    adadelta as adadelta,
    adagrad as adagrad,
    adam as adam,
    adamax as adamax,
    adamaxw as adamaxw,
    adamw as adamw,
    amsgrad as amsgrad,
    lamb as lamb,
    lion as lion,
    nadam as nadam,
    nadamw as nadamw,
    radam as radam,
    rmsprop as rmsprop,
    sgd as sgd,
)
from .base import (
    EmptyState as EmptyState,
    GradientTransformation as GradientTransformation,
    GradientTransformationExtraArgs as GradientTransformationExtraArgs,
    Optimizer as Optimizer,
    Schedule as Schedule,
    apply_updates as apply_updates,
    chain as chain,
    identity as identity,
    named_chain as named_chain,
    with_extra_args_support as with_extra_args_support,
)
from .clipping import (
    ApplyIfFiniteState as ApplyIfFiniteState,
    ZeroNansState as ZeroNansState,
    adaptive_grad_clip as adaptive_grad_clip,
    apply_if_finite as apply_if_finite,
    clip as clip,
    clip_by_block_rms as clip_by_block_rms,
    clip_by_global_norm as clip_by_global_norm,
    zero_nans as zero_nans,
)
from .numerics import (
    global_norm as global_norm,
)
from .schedules import (
    constant_schedule as constant_schedule,
    cosine_decay_schedule as cosine_decay_schedule,
    cosine_onecycle_schedule as cosine_onecycle_schedule,
    exponential_decay as exponential_decay,
    join_schedules as join_schedules,
    linear_onecycle_schedule as linear_onecycle_schedule,
    linear_schedule as linear_schedule,
    piecewise_constant_schedule as piecewise_constant_schedule,
    piecewise_interpolate_schedule as piecewise_interpolate_schedule,
    polynomial_schedule as polynomial_schedule,
    sgdr_schedule as sgdr_schedule,
    warmup_constant_schedule as warmup_constant_schedule,
    warmup_cosine_decay_schedule as warmup_cosine_decay_schedule,
    warmup_exponential_decay_schedule as warmup_exponential_decay_schedule,
)
from .second_order.lbfgs import (
    ScaleByLBFGSState as ScaleByLBFGSState,
    lbfgs as lbfgs,
    scale_by_lbfgs as scale_by_lbfgs,
    value_and_grad_from_state as value_and_grad_from_state,
)
from .second_order.linesearch import (
    LinesearchInfo as LinesearchInfo,
    LinesearchState as LinesearchState,
    scale_by_backtracking_linesearch as scale_by_backtracking_linesearch,
    scale_by_zoom_linesearch as scale_by_zoom_linesearch,
)
from .second_order.minimize import (
    MinimizeResult as MinimizeResult,
    minimize as minimize,
)
from .transforms import (
    CountState as CountState,
    EmaState as EmaState,
    ScaleByLionState as ScaleByLionState,
    TraceState as TraceState,
    add_decayed_weights as add_decayed_weights,
    ema as ema,
    incremental_update as incremental_update,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_lion as scale_by_lion,
    scale_by_schedule as scale_by_schedule,
    scale_by_trust_ratio as scale_by_trust_ratio,
    set_to_zero as set_to_zero,
    trace as trace,
)
from .wrappers import (
    InjectHyperparamsState as InjectHyperparamsState,
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    MultiSteps as MultiSteps,
    MultiStepsState as MultiStepsState,
    PartitionState as PartitionState,
    freeze as freeze,
    inject_hyperparams as inject_hyperparams,
    masked as masked,
    multi_transform as multi_transform,
    partition as partition,
    selective_transform as selective_transform,
)

if _typing.TYPE_CHECKING:
    from . import contrib as contrib
else:
    _recipes(
        __name__,
        "adadelta adagrad adam adamax adamaxw adamw amsgrad apply_updates global_norm lamb lion "
        "nadam nadamw radam rmsprop sgd",
    )
    _calls(
        __name__,
        "adadelta adagrad adam adamax adamaxw adamw amsgrad lamb lbfgs lion nadam nadamw radam "
        "rmsprop sgd adaptive_grad_clip add_decayed_weights apply_if_finite chain clip "
        "clip_by_block_rms clip_by_global_norm ema freeze identity masked multi_transform "
        "named_chain partition scale scale_by_adadelta scale_by_adam scale_by_adamax "
        "scale_by_amsgrad scale_by_lbfgs scale_by_backtracking_linesearch "
        "scale_by_learning_rate scale_by_lion scale_by_radam scale_by_rms scale_by_rss "
        "scale_by_schedule scale_by_stddev scale_by_trust_ratio scale_by_zoom_linesearch "
        "selective_transform set_to_zero trace zero_nans",
    )

    def __getattr__(name: str) -> object:
        contrib = _load(f"{__name__}.contrib")
        if name == "contrib":
            return contrib
        if callable(vars(contrib).get(name)):
            raise AttributeError(f"optim.{name}: it is a rare optimizer; use optim.contrib.{name}")
        raise _missing(__name__, name)


_publish(__name__, ["contrib"])
