"""Names of JAX, optax, Flax, Equinox and autograd."""

JAX = """
jax.Array.at fg.at  at(x)[index].set(value), or x[index] = value
jax.Array.block_until_ready -  results are ready: leave it out
jax.Array.weak_type -  NumPy's rules of promotion hold
flax.linen.Module.apply fg.nn.apply  model(x): a model holds its parameters
flax.linen.Module.bind fg.nn.apply  model(x): a model holds its parameters
jax.tree_map fg.tree.map
jax.tree_leaves fg.tree.leaves
jax.tree_util.tree_map fg.tree.map
jax.tree_util.tree_flatten fg.tree.flatten
jax.tree_util.tree_unflatten fg.tree.unflatten
jax.tree_util.tree_leaves fg.tree.leaves
jax.tree_util.tree_structure fg.tree.structure
jax.tree_util.tree_reduce fg.tree.reduce
jax.tree_util.tree_all fg.tree.all
jax.tree_util.tree_transpose fg.tree.transpose
jax.tree_util.tree_map_with_path fg.tree.map_with_path
jax.tree_util.tree_flatten_with_path fg.tree.flatten_with_path
jax.tree_util.tree_leaves_with_path fg.tree.leaves_with_path
jax.tree_util.register_pytree_node fg.tree.register_node
jax.tree_util.register_pytree_node_class fg.tree.register_node
jax.tree_util.register_pytree_with_keys fg.tree.register_node
jax.pmap fg.vmap
jax.make_mesh fg.jit  jit(f, backend="jax", in_shardings=...), with a mesh of JAX
jax.sharding fg.jit  jit(f, backend="jax", in_shardings=...), or dist.spmd
jax.device_get np.asarray  the value itself, which is an array
jax.devices fg.jit  jit(f, backend="jax", device=...)
jax.pure_callback fg.extend.Elementwise  a primitive of extend, or custom_jvp
jax.named_call fg.checkpoint_name
jax.debug.print fg.debug.print
jax.debug.callback fg.debug.callback
jax.debug.breakpoint fg.debug.breakpoint
jax.experimental -  use the functions of funcgrad
jax.random.shuffle fg.random.permutation
numpy.random.default_rng fg.random.key
numpy.random.rand fg.random.uniform
numpy.random.randn fg.random.normal
numpy.random.seed fg.random.key  key(0), which each draw takes
jax.random.PRNGKey fg.random.key  key(seed, impl="threefry2x32") for JAX's bits
jax.lax.select_n np.select
jax.lax.dot np.dot
jax.lax.rem np.fmod
jax.lax.iota np.arange
jax.lax.broadcasted_iota np.indices
jax.lax.convert_element_type np.astype  x.astype(dtype)
jax.lax.slice fg.lax.dynamic_slice  x[start:stop]
jax.lax.gather np.take  x[indices]
jax.lax.scatter_add np.add  add.at(x, indices, y), or at(x)[indices].add(y)
jax.lax.lgamma fg.special.gammaln
jax.lax.logistic fg.nn.sigmoid
jax.lax.reduce_sum np.sum
jax.lax.with_sharding_constraint -  NumPy computes in one process: leave it out
jax.image.resize fg.nn.resize  resize, whose shape has the spatial axes alone
jax.image.scale_and_translate fg.nn.scale_and_translate
jax.nn.identity fg.nn.Identity  Identity(), or lambda x: x
optax.safe_norm np.linalg.norm  norm, whose gradient at 0 is 0
optax.safe_int32_increment np.add  count + 1
optax.losses fg.losses
flax.linen.compact fg.nn.module  module, with layers as fields
flax.linen.Conv fg.nn.Conv  Conv(in, out, ...), with both sizes
flax.linen.Dense fg.nn.Dense  Dense(in, out), with both sizes
flax.linen.Embed fg.nn.Embedding
flax.linen.SelfAttention fg.nn.MultiHeadAttention
flax.linen.MultiHeadDotProductAttention fg.nn.MultiHeadAttention
flax.linen.OptimizedLSTMCell fg.nn.LSTMCell
flax.linen.scan fg.lax.scan
flax.linen.remat fg.remat
flax.training.train_state.TrainState fg.optim.apply_updates  a tuple (params, state)
equinox.Module fg.nn.module  the decorator module
equinox.nn.Linear fg.nn.Dense  Dense(in, out), whose initial values differ
equinox.nn.Conv2d fg.nn.Conv
equinox.filter_jit fg.jit
equinox.filter_grad fg.grad
equinox.filter_value_and_grad fg.value_and_grad
equinox.filter_vmap fg.vmap
equinox.is_array fg.tree.leaves  isinstance(x, numpy.ndarray)
equinox.tree_at fg.nn.replace
equinox.apply_updates fg.optim.apply_updates
equinox.tree_serialise_leaves fg.io.save
equinox.tree_deserialise_leaves fg.io.load
autograd.elementwise_grad fg.vjp  grad(lambda x: f(x).sum()), or vmap(grad(f))
autograd.multigrad fg.grad  grad(f, argnums=(0, 1))
autograd.multigrad_dict fg.grad  grad(f, argnames=...)
autograd.make_jvp fg.jvp  jvp(f, (x,), (v,))
autograd.make_vjp fg.vjp  vjp(f, x), which gives the value first
autograd.make_hvp fg.hvp  hvp(f, (x,), (v,))
autograd.hessian_vector_product fg.hvp  hvp(f, (x,), (v,))
autograd.hessian_tensor_product fg.hvp  hvp(f, (x,), (v,))
autograd.tensor_jacobian_product fg.vjp  vjp(f, x)[1](v)
autograd.vector_jacobian_product fg.vjp  vjp(f, x)[1](v)
autograd.make_ggnvp fg.gnvp  gnvp(f, loss, (x,), (v,))
autograd.deriv fg.jvp  jvp(f, (x,), (1.0,))
autograd.checkpoint fg.checkpoint
autograd.extend.primitive fg.custom_vjp  custom_vjp, with f.defvjp(forward, backward)
autograd.extend.defvjp fg.custom_vjp  custom_vjp, with f.defvjp(forward, backward)
autograd.extend.defjvp fg.custom_jvp  custom_jvp, with f.defjvp(rule)
autograd.misc.flatten fg.ravel_pytree
autograd.misc.flatten.flatten fg.ravel_pytree
autograd.misc.optimizers fg.optim.adam  optimizers of funcgrad.optim
autograd.misc.optimizers.adam fg.optim.adam  adam(step_size), and a loop of your own
autograd.misc.optimizers.sgd fg.optim.sgd  sgd(step_size), and a loop of your own
autograd.misc.optimizers.rmsprop fg.optim.rmsprop  rmsprop(step_size), and a loop of your own
autograd.misc.fixed_points.fixed_point fg.lax.fixed_point  fixed_point(f, init, a)
autograd.test_util.check_grads fg.check_grads  check_grads(f, (x,), order=2)
autograd.builtins.isinstance -  Python's own isinstance
autograd.builtins -  Python's own list, dict and tuple
autograd.numpy.array fg.numpy.array
autograd.numpy.numpy_boxes -  traced values have no box
autograd.scipy.stats.poisson fg.scipy.stats.poisson
autograd.scipy.misc.logsumexp fg.special.logsumexp
jax.debug_nans fg.debug.nans
jax.debug_infs fg.debug.nans
jax.check_tracer_leaks -  a tracer that leaks raises an error: leave it out
jax.enable_x64 -  arrays keep their dtype, float64 too: leave it out
jax.clear_caches fg.jit  f.clear_cache()
jax.named_scope fg.checkpoint_name
jax.profiler fg.debug.profile
jax.typing.ArrayLike np.ndarray
jax.shard_map fg.dist.spmd
jax.distributed fg.dist.launch
jax.local_devices fg.jit  jit(f, backend="jax", device=...)
jax.default_device fg.jit  jit(f, backend="jax", device=...)
jax.experimental.io_callback fg.debug.callback
jax.lax.integer_pow np.power
jax.lax.reduce_max np.max
jax.lax.reduce_prod np.prod
jax.lax.batch_matmul np.matmul
jax.lax.is_finite np.isfinite
jax.lax.rev np.flip
jax.lax.collapse np.reshape
jax.lax.igamma fg.special.gammainc
jax.lax.scatter fg.at  at(x)[indices].set(value)
jax.lax.shift_left np.left_shift
jax.nn.logmeanexp fg.special.logsumexp  logsumexp(x) - log(n)
optax.safe_increment np.add  count + 1
optax.apply_every fg.optim.MultiSteps
optax.skip_not_finite fg.optim.apply_if_finite
optax.keep_params_nonnegative np.maximum  tree.map(lambda x: maximum(x, 0), params)
optax.signum fg.optim.contrib.sign_sgd
autograd.grad_and_aux fg.grad  grad(f, has_aux=True)
autograd.grad_named fg.grad  grad(f, argnames=name)
autograd.holomorphic_grad fg.grad  grad(f, holomorphic=True)
autograd.tracer.getval fg.stop_gradient  stop_gradient(x)
autograd.extend.vspace np.shape
autograd.extend.Box -  traced values have no box
"""
