# Written by `python -m tests.support.stubs`, not by hand.

from . import (
    bridge as bridge,
    compat as compat,
    data as data,
    debug as debug,
    dist as dist,
    export as export,
    extend as extend,
    io as io,
    lax as lax,
    linalg as linalg,
    losses as losses,
    nn as nn,
    numpy as numpy,
    optim as optim,
    random as random,
    scipy as scipy,
    sparse as sparse,
    special as special,
    train as train,
    tree as tree,
)
from .core import (
    errors as errors,
)
from .core.config import (
    config as config,
)
from .core.devices import (
    block_until_ready as block_until_ready,
    device_put as device_put,
)
from .numpy.at import (
    at as at,
)
from .ops.ravel import (
    ravel_pytree as ravel_pytree,
)
from .ops.stop_gradient import (
    stop_gradient as stop_gradient,
)
from .transforms.abstract import (
    ShapeDtypeStruct as ShapeDtypeStruct,
    closure_convert as closure_convert,
    eval_shape as eval_shape,
    make_jaxpr as make_jaxpr,
)
from .transforms.batching import (
    vmap as vmap,
)
from .transforms.checking import (
    check_grads as check_grads,
)
from .transforms.checkpoint import (
    checkpoint as checkpoint,
    checkpoint_name as checkpoint_name,
    checkpoint_policies as checkpoint_policies,
    remat as remat,
)
from .transforms.curvature import (
    curvature as curvature,
    gnvp as gnvp,
    hvp as hvp,
)
from .transforms.custom.decorators import (
    custom_batch as custom_batch,
    custom_gradient as custom_gradient,
    custom_jvp as custom_jvp,
    custom_vjp as custom_vjp,
)
from .transforms.forward import (
    jvp as jvp,
)
from .transforms.grad import (
    grad as grad,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from .transforms.jacobian import (
    hessian as hessian,
    jacfwd as jacfwd,
    jacobian as jacobian,
    jacrev as jacrev,
)
from .transforms.jet import (
    jet as jet,
    taylor as taylor,
)
from .transforms.jit.api import (
    Compiled as Compiled,
    disable_jit as disable_jit,
    jit as jit,
)
from .transforms.laplacian.api import (
    laplacian as laplacian,
    value_grad_laplacian as value_grad_laplacian,
)
from .transforms.linear import (
    linear_transpose as linear_transpose,
    linearize as linearize,
)
from .tree import (
    tree_flatten as tree_flatten,
)

__version__: str
