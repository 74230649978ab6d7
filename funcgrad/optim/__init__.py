"""Optimizers and schedules, by optax's contract and names. A table of contents."""

from ..core.lazy import publish as _publish
from .accumulation import (
    LookaheadParams as LookaheadParams,
    LookaheadState as LookaheadState,
    MultiSteps as MultiSteps,
    MultiStepsState as MultiStepsState,
    incremental_update as incremental_update,
    lookahead as lookahead,
)
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
    nadam as nadam,
    nadamw as nadamw,
    rmsprop as rmsprop,
    sgd as sgd,
)
from .base import (
    EmptyState as EmptyState,
    GradientTransformation as GradientTransformation,
    GradientTransformationExtraArgs as GradientTransformationExtraArgs,
    Schedule as Schedule,
    apply_updates as apply_updates,
    chain as chain,
    identity as identity,
    named_chain as named_chain,
    with_extra_args_support as with_extra_args_support,
)
from .clipping import (
    ZeroNansState as ZeroNansState,
    adaptive_grad_clip as adaptive_grad_clip,
    clip as clip,
    clip_by_block_rms as clip_by_block_rms,
    clip_by_global_norm as clip_by_global_norm,
    zero_nans as zero_nans,
)
from .descent import (
    MinimizeResult as MinimizeResult,
    minimize as minimize,
)
from .injection import (
    InjectHyperparamsState as InjectHyperparamsState,
    inject_hyperparams as inject_hyperparams,
)
from .layerwise import (
    ScaleByNovogradState as ScaleByNovogradState,
    centralize as centralize,
    scale_by_novograd as scale_by_novograd,
    scale_by_trust_ratio as scale_by_trust_ratio,
)
from .linesearch import (
    LinesearchInfo as LinesearchInfo,
    LinesearchState as LinesearchState,
    scale_by_backtracking_linesearch as scale_by_backtracking_linesearch,
    scale_by_zoom_linesearch as scale_by_zoom_linesearch,
)
from .rectified import (
    ScaleByAdanState as ScaleByAdanState,
    scale_by_adan as scale_by_adan,
    scale_by_belief as scale_by_belief,
    scale_by_radam as scale_by_radam,
    scale_by_yogi as scale_by_yogi,
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
from .second_order import (
    ScaleByLBFGSState as ScaleByLBFGSState,
    lbfgs as lbfgs,
    scale_by_lbfgs as scale_by_lbfgs,
    value_and_grad_from_state as value_and_grad_from_state,
)
from .signs import (
    ScaleByLionState as ScaleByLionState,
    ScaleByRpropState as ScaleByRpropState,
    scale_by_lion as scale_by_lion,
    scale_by_rprop as scale_by_rprop,
    scale_by_sign as scale_by_sign,
)
from .sizes import global_norm as global_norm
from .transforms import (
    AddNoiseState as AddNoiseState,
    CountState as CountState,
    EmaState as EmaState,
    TraceState as TraceState,
    add_decayed_weights as add_decayed_weights,
    add_noise as add_noise,
    ema as ema,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_schedule as scale_by_schedule,
    set_to_zero as set_to_zero,
    trace as trace,
)
from .variants import (
    adabelief as adabelief,
    adan as adan,
    lamb as lamb,
    lars as lars,
    lion as lion,
    noisy_sgd as noisy_sgd,
    novograd as novograd,
    radam as radam,
    rprop as rprop,
    sign_sgd as sign_sgd,
    yogi as yogi,
)
from .wrappers import (
    ApplyIfFiniteState as ApplyIfFiniteState,
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    PartitionState as PartitionState,
    apply_if_finite as apply_if_finite,
    freeze as freeze,
    masked as masked,
    multi_transform as multi_transform,
    partition as partition,
    selective_transform as selective_transform,
)

_publish(__name__)
