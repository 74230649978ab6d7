"""Optimizers and schedules, by optax's contract and names. A table of contents."""

from .adaptive import (
    ScaleByAdamState as ScaleByAdamState,
    ScaleByRmsState as ScaleByRmsState,
    scale_by_adam as scale_by_adam,
    scale_by_rms as scale_by_rms,
    scale_by_stddev as scale_by_stddev,
)
from .atoms import (
    CountState as CountState,
    TraceState as TraceState,
    add_decayed_weights as add_decayed_weights,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_schedule as scale_by_schedule,
    trace as trace,
)
from .base import (
    EmptyState as EmptyState,
    GradientTransformation as GradientTransformation,
    Schedule as Schedule,
    apply_updates as apply_updates,
    chain as chain,
    global_norm as global_norm,
    identity as identity,
)
from .clipping import clip as clip, clip_by_global_norm as clip_by_global_norm
from .recipes import adam as adam, adamw as adamw, rmsprop as rmsprop, sgd as sgd
from .schedules import (
    constant_schedule as constant_schedule,
    cosine_decay_schedule as cosine_decay_schedule,
    exponential_decay as exponential_decay,
    join_schedules as join_schedules,
    linear_schedule as linear_schedule,
    piecewise_constant_schedule as piecewise_constant_schedule,
    polynomial_schedule as polynomial_schedule,
    warmup_cosine_decay_schedule as warmup_cosine_decay_schedule,
)
