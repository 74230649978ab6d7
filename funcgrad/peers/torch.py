"""Names of PyTorch, TensorFlow and Keras."""

TORCH = """
torch.Tensor.backward fg.grad  grad(loss)(params), which returns the gradient
torch.Tensor.grad fg.grad  grad(loss)(params), which returns the gradient
torch.Tensor.detach fg.stop_gradient  stop_gradient(x)
torch.Tensor.requires_grad fg.grad  grad(f, argnums), which chooses the arguments
torch.Tensor.requires_grad_ fg.grad  grad(f, argnums), which chooses the arguments
torch.Tensor.retain_grad fg.vjp
torch.Tensor.grad_fn fg.make_jaxpr  make_jaxpr(f)(x), which shows the program
torch.Tensor.numpy np.asarray  the value itself, which is an array
torch.Tensor.cpu -  arrays are on the CPU: leave it out
torch.Tensor.cuda -  arrays are on the CPU: leave it out
torch.Tensor.to np.astype  x.astype(dtype): arrays are on the CPU
torch.Tensor.float np.astype  x.astype(numpy.float32)
torch.Tensor.double np.astype  x.astype(numpy.float64)
torch.Tensor.long np.astype  x.astype(numpy.int64)
torch.Tensor.type np.astype  x.astype(dtype)
torch.Tensor.clone np.copy  x.copy()
torch.Tensor.dim np.ndim  x.ndim
torch.Tensor.numel np.size  x.size
torch.Tensor.permute np.transpose  x.transpose(axes)
torch.Tensor.t np.transpose  x.T
torch.Tensor.unsqueeze np.expand_dims  expand_dims(x, axis)
torch.Tensor.expand np.broadcast_to  broadcast_to(x, shape)
torch.Tensor.contiguous np.ascontiguousarray  x itself: leave it out
torch.Tensor.matmul np.matmul  x @ y
torch.Tensor.mm np.matmul  x @ y
torch.Tensor.bmm np.matmul  x @ y
torch.Tensor.add_ np.add  x += y
torch.Tensor.mul_ np.multiply  x *= y
torch.Tensor.sub_ np.subtract  x -= y
torch.Tensor.zero_ np.zeros_like  x[...] = 0
torch.Tensor.copy_ np.copyto  x[...] = y
torch.Tensor.scatter_add_ np.add  add.at(x, indices, y)
torch.Tensor.masked_fill np.where  where(mask, value, x)
torch.Tensor.gather np.take_along_axis  take_along_axis(x, indices, axis)
torch.Tensor.norm np.linalg.norm
torch.Tensor.abs np.abs
torch.Tensor.exp np.exp
torch.Tensor.log np.log
torch.Tensor.sqrt np.sqrt
torch.Tensor.pow np.power  x**y
torch.Tensor.sin np.sin
torch.Tensor.cos np.cos
torch.Tensor.tanh np.tanh
torch.Tensor.sigmoid fg.nn.sigmoid
torch.Tensor.relu fg.nn.relu
torch.Tensor.softmax fg.nn.softmax
torch.Tensor.clamp np.clip
tf.Tensor.assign np.copyto  x[...] = value
tf.Tensor.get_shape np.shape  x.shape
torch.nn.Module.parameters fg.nn.trainable  the model itself: it is a tree of parameters
torch.nn.Module.named_parameters fg.tree.leaves_with_path
torch.nn.Module.state_dict fg.io.save  save(path, model)
torch.nn.Module.load_state_dict fg.io.load  load(path, like=model)
torch.nn.Module.train fg.nn.apply  apply(model, x, key=key), the pass of training
torch.nn.Module.eval fg.nn.apply  model(x), which predicts
torch.nn.Module.zero_grad fg.grad  grad, which does not accumulate: leave it out
torch.nn.Module.forward fg.nn.apply  model(x)
torch.nn.Module.to fg.tree.map  tree.map(lambda x: x.astype(dtype), model)
torch.nn.Module.cuda -  arrays are on the CPU: leave it out
torch.nn.Module.children fg.tree.leaves
torch.nn.Module.requires_grad_ fg.nn.freeze  freeze(layer)
keras.losses.mean_squared_error fg.losses.mse
keras.losses.mean_absolute_error fg.losses.l1
keras.Model.save fg.io.save  save(path, model)
keras.Model.summary fg.nn.summary  summary(model, x)
keras.losses.mae fg.losses.l1
sklearn.preprocessing.StandardScaler.transform fg.data.Scaler  scaler(x)
sklearn.preprocessing.StandardScaler.inverse_transform fg.data.Scaler  scaler.inverse(x)
keras.Model.fit fg.value_and_grad  a loop over value_and_grad and optimizer.update
keras.Model.add fg.nn.Sequential  Sequential(*layers), with all layers
torch.nn.Module.append fg.nn.Sequential  Sequential(*layers), with all layers
keras.Model.compile fg.jit  jit(step)
keras.Model.predict fg.nn.apply  model(x)
keras.Model.evaluate fg.nn.apply  model(x), and a loss
keras.Model.trainable_variables fg.nn.trainable  the model itself: it is a tree of parameters
torch.optim.Optimizer.step fg.optim.apply_updates  opt.update(grads, state, params)
torch.optim.Optimizer.zero_grad fg.grad  grad, which does not accumulate: leave it out
torch.optim.Optimizer.param_groups fg.optim.multi_transform
torch.optim.Optimizer.state_dict fg.io.save  save(path, state)
keras.Optimizer.minimize fg.optim.apply_updates  opt.update(grads, state, params)
keras.Optimizer.apply_gradients fg.optim.apply_updates  opt.update(grads, state, params)
torch.no_grad fg.stop_gradient  stop_gradient(x)
torch.enable_grad fg.grad
torch.tensor np.array
torch.Tensor np.array
torch.as_tensor np.asarray
torch.from_numpy np.asarray
torch.cat np.concatenate
torch.bmm np.matmul
torch.mm np.matmul
torch.mv np.matmul
torch.ger np.outer
torch.mul np.multiply
torch.div np.divide
torch.sub np.subtract
torch.neg np.negative
torch.clamp np.clip
torch.masked_select np.extract
torch.index_select np.take
torch.gather np.take_along_axis
torch.bucketize np.searchsorted
torch.det np.linalg.det
torch.inverse np.linalg.inv
torch.logdet np.linalg.slogdet
torch.matrix_exp fg.linalg.expm
torch.cdist np.linalg.norm  norm(x[:, None] - y[None], axis=-1)
torch.lgamma fg.special.gammaln
torch.mvlgamma fg.special.multigammaln
torch.sigmoid fg.nn.sigmoid
torch.relu fg.nn.relu
torch.randn fg.random.normal  normal(key, shape)
torch.rand fg.random.uniform  uniform(key, shape)
torch.randperm fg.random.permutation
torch.manual_seed fg.random.key  key(seed), which is passed to each function
torch.compile fg.jit
torch.vmap fg.vmap
torch.Generator fg.random.key
torch.save fg.io.save
torch.load fg.io.load_torch
torch.device -  arrays are on the CPU: leave it out
torch.autograd.grad fg.grad  grad(f, argnums)(x)
torch.autograd.Function fg.custom_vjp
torch.autograd.functional.jacobian fg.jacobian
torch.autograd.functional.hessian fg.hessian
torch.autograd.functional.jvp fg.jvp
torch.autograd.functional.vjp fg.vjp
torch.autograd.gradcheck fg.check_grads
torch.func.grad_and_value fg.value_and_grad  value_and_grad(f), which returns the value first
torch.func.functional_call fg.nn.apply  model(x): a model holds its parameters
torch.utils.data.DataLoader fg.data.Loader
torch.utils.data.random_split fg.data.train_test_split
torch.utils.checkpoint.checkpoint fg.checkpoint
torch.nn.Linear fg.nn.Dense  Dense(in, out), whose initial values differ
torch.nn.Conv1d fg.nn.Conv
torch.nn.Conv2d fg.nn.Conv  Conv, with channels last
torch.nn.Conv3d fg.nn.Conv
torch.nn.ConvTranspose2d fg.nn.ConvTranspose
torch.nn.BatchNorm1d fg.nn.BatchNorm
torch.nn.BatchNorm2d fg.nn.BatchNorm
torch.nn.InstanceNorm2d fg.nn.InstanceNorm
torch.nn.MaxPool2d fg.nn.MaxPool
torch.nn.AvgPool2d fg.nn.AvgPool
torch.nn.AdaptiveAvgPool2d fg.nn.adaptive_avg_pool
torch.nn.MultiheadAttention fg.nn.MultiHeadAttention
torch.nn.TransformerEncoderLayer fg.nn.TransformerBlock
torch.nn.Parameter fg.nn.param
torch.nn.Buffer fg.nn.state
torch.nn.ModuleList fg.nn.Sequential  a tuple of modules
torch.nn.ModuleDict fg.nn.Parallel  a dict of modules
torch.nn.ReLU fg.nn.relu  the function relu itself
torch.nn.GELU fg.nn.gelu  gelu, whose default is the approximation by tanh
torch.nn.Sigmoid fg.nn.sigmoid  the function sigmoid itself
torch.nn.Tanh fg.nn.tanh  the function tanh itself
torch.nn.Softmax fg.nn.softmax  the function softmax itself
torch.nn.LogSoftmax fg.nn.log_softmax  the function log_softmax itself
torch.nn.LeakyReLU fg.nn.leaky_relu  the function leaky_relu itself
torch.nn.ELU fg.nn.elu  the function elu itself
torch.nn.SiLU fg.nn.silu  the function silu itself
torch.nn.Softplus fg.nn.softplus  the function softplus itself
torch.nn.CrossEntropyLoss fg.losses.cross_entropy
torch.nn.MSELoss fg.losses.mse
torch.nn.L1Loss fg.losses.l1
torch.nn.SmoothL1Loss fg.losses.huber
torch.nn.HuberLoss fg.losses.huber
torch.nn.BCELoss fg.losses.binary_cross_entropy
torch.nn.BCEWithLogitsLoss fg.losses.binary_cross_entropy_with_logits
torch.nn.KLDivLoss fg.losses.kl_divergence
torch.nn.CTCLoss fg.losses.ctc_loss
torch.nn.TripletMarginLoss fg.losses.triplet_margin_loss
torch.nn.functional.mse_loss fg.losses.mse
torch.nn.functional.nll_loss fg.losses.nll_loss  nll_loss, with the classes on the last axis
torch.nn.functional.l1_loss fg.losses.l1
torch.nn.functional.kl_div fg.losses.kl_divergence
torch.nn.functional.linear fg.nn.Dense  x @ weight.T + bias
torch.nn.functional.dropout fg.nn.Dropout  Dropout, which takes a key
torch.nn.functional.pad np.pad
torch.nn.functional.layer_norm fg.nn.standardize
torch.nn.functional.normalize np.linalg.norm  x / norm(x, axis=-1, keepdims=True)
torch.nn.functional.interpolate fg.nn.resize
torch.nn.functional.upsample fg.nn.resize
torch.nn.functional.upsample_bilinear fg.nn.scale_and_translate  scale (m - 1) / (n - 1)
torch.nn.functional.upsample_nearest fg.nn.resize  resize(x, shape, "nearest")
torch.nn.functional.conv2d fg.lax.conv_general_dilated
torch.nn.functional.max_pool2d fg.nn.max_pool
torch.nn.functional.avg_pool2d fg.nn.avg_pool
torch.nn.functional.logsigmoid fg.nn.log_sigmoid
torch.nn.functional.softsign fg.nn.soft_sign
torch.nn.functional.hardtanh fg.nn.hard_tanh
torch.nn.functional.scaled_dot_product_attention fg.nn.dot_product_attention
torch.nn.functional.adaptive_avg_pool1d fg.nn.adaptive_avg_pool
torch.nn.functional.adaptive_avg_pool2d fg.nn.adaptive_avg_pool
torch.nn.functional.adaptive_avg_pool3d fg.nn.adaptive_avg_pool
torch.nn.functional.adaptive_max_pool1d fg.nn.global_max_pool  global_max_pool(x), for size 1
torch.nn.functional.adaptive_max_pool2d fg.nn.global_max_pool  global_max_pool(x), for size 1
torch.nn.functional.adaptive_max_pool3d fg.nn.global_max_pool  global_max_pool(x), for size 1
torch.nn.functional.avg_pool1d fg.nn.avg_pool
torch.nn.functional.avg_pool3d fg.nn.avg_pool
torch.nn.functional.max_pool1d fg.nn.max_pool
torch.nn.functional.max_pool3d fg.nn.max_pool
torch.nn.functional.lp_pool1d fg.lax.reduce_window  a sum of abs(x)**p, to the power 1 / p
torch.nn.functional.lp_pool2d fg.lax.reduce_window  a sum of abs(x)**p, to the power 1 / p
torch.nn.functional.lp_pool3d fg.lax.reduce_window  a sum of abs(x)**p, to the power 1 / p
torch.nn.functional.local_response_norm fg.lax.reduce_window  a sum of squares along channels
torch.nn.functional.conv_transpose1d fg.nn.ConvTranspose
torch.nn.functional.conv_transpose2d fg.nn.ConvTranspose
torch.nn.functional.conv_transpose3d fg.nn.ConvTranspose
torch.nn.functional.bilinear np.einsum  einsum("ni,kij,nj->nk", x, weight, y) + bias
torch.nn.functional.upsample fg.nn.resize
torch.nn.functional.upsample_bilinear fg.nn.resize
torch.nn.functional.upsample_nearest fg.nn.resize
torch.nn.functional.grid_sample fg.scipy.ndimage.map_coordinates
torch.nn.functional.affine_grid fg.scipy.ndimage.affine_transform
torch.nn.functional.pixel_shuffle np.reshape  reshape and transpose
torch.nn.functional.pixel_unshuffle np.reshape  reshape and transpose
torch.nn.functional.channel_shuffle np.reshape  reshape and transpose
torch.nn.functional.embedding_bag np.take  table[indices].sum(1)
torch.nn.functional.instance_norm fg.nn.InstanceNorm
torch.nn.functional.alpha_dropout fg.nn.Dropout  Dropout, which takes a key
torch.nn.functional.dropout1d fg.nn.Dropout  Dropout, which takes a key
torch.nn.functional.dropout2d fg.nn.Dropout  Dropout, which takes a key
torch.nn.functional.dropout3d fg.nn.Dropout  Dropout, which takes a key
torch.nn.functional.multi_head_attention_forward fg.nn.MultiHeadAttention
torch.nn.functional.pairwise_distance np.linalg.norm  norm(x - y, axis=-1)
torch.nn.functional.pdist np.linalg.norm  norm(x[:, None] - x, axis=-1)[triu_indices(len(x), 1)]
torch.nn.functional.hardsigmoid fg.nn.hard_sigmoid
torch.nn.functional.hardswish fg.nn.hard_swish
torch.nn.functional.hardtanh_ fg.nn.hard_tanh
torch.nn.functional.relu_ fg.nn.relu  x = relu(x)
torch.nn.functional.elu_ fg.nn.elu  x = elu(x)
torch.nn.functional.selu_ fg.nn.selu  x = selu(x)
torch.nn.functional.celu_ fg.nn.celu  x = celu(x)
torch.nn.functional.leaky_relu_ fg.nn.leaky_relu  x = leaky_relu(x)
torch.nn.functional.prelu np.where  where(x > 0, x, weight * x)
torch.nn.functional.rrelu fg.nn.leaky_relu  leaky_relu(x, (lower + upper) / 2), which predicts
torch.nn.functional.hardshrink np.where  where(abs(x) > lambd, x, 0)
torch.nn.functional.softshrink np.sign  sign(x) * maximum(abs(x) - lambd, 0)
torch.nn.functional.tanhshrink np.tanh  x - tanh(x)
torch.nn.functional.threshold np.where  where(x > threshold, x, value)
torch.nn.functional.softmin fg.nn.softmax  softmax(-x, axis)
torch.nn.functional.soft_margin_loss fg.nn.softplus  mean(softplus(-y * x))
torch.nn.functional.margin_ranking_loss np.maximum  mean(maximum(0, -y * (x1 - x2) + margin))
torch.nn.functional.hinge_embedding_loss np.where  mean(where(y > 0, x, maximum(0, margin - x)))
torch.nn.functional.cosine_embedding_loss fg.losses.cosine_similarity
torch.nn.functional.gaussian_nll_loss fg.scipy.stats.norm  -norm.logpdf(y, mean, sqrt(var)).mean()
torch.nn.functional.poisson_nll_loss np.exp  mean(exp(x) - y * x)
torch.nn.functional.multi_margin_loss fg.losses.multiclass_hinge_loss
torch.nn.functional.multilabel_soft_margin_loss fg.losses.binary_cross_entropy_with_logits
torch.nn.functional.triplet_margin_with_distance_loss fg.losses.triplet_margin_loss
torch.nn.PReLU np.where  where(x > 0, x, weight * x), with weight: nn.Array = nn.param(...)
torch.nn.Hardswish fg.nn.hard_swish  the function hard_swish itself
torch.nn.Hardsigmoid fg.nn.hard_sigmoid  the function hard_sigmoid itself
torch.nn.Hardtanh fg.nn.hard_tanh  the function hard_tanh itself
torch.nn.Mish fg.nn.mish  the function mish itself
torch.nn.PixelShuffle np.reshape  Lambda, of reshape and transpose
torch.nn.ConvTranspose1d fg.nn.ConvTranspose
torch.nn.ConvTranspose3d fg.nn.ConvTranspose
torch.nn.AdaptiveAvgPool1d fg.nn.adaptive_avg_pool
torch.nn.AdaptiveMaxPool2d fg.nn.global_max_pool  global_max_pool(x), for size 1
torch.nn.MaxPool1d fg.nn.MaxPool
torch.nn.AvgPool1d fg.nn.AvgPool
torch.nn.GaussianNLLLoss fg.scipy.stats.norm  -norm.logpdf(y, mean, sqrt(var)).mean()
torch.nn.PoissonNLLLoss np.exp  mean(exp(x) - y * x)
torch.nn.MarginRankingLoss np.maximum  mean(maximum(0, -y * (x1 - x2) + margin))
torch.nn.utils.clip_grad_norm_ fg.optim.clip_by_global_norm
torch.nn.utils.clip_grad_value_ fg.optim.clip
torch.optim.SGD fg.optim.sgd
torch.optim.Adam fg.optim.adam
torch.optim.AdamW fg.optim.adamw  adamw, whose weight_decay is 1e-4 by default
torch.optim.Adagrad fg.optim.adagrad
torch.optim.Adadelta fg.optim.adadelta
torch.optim.Adamax fg.optim.adamax
torch.optim.NAdam fg.optim.nadam
torch.optim.RAdam fg.optim.radam
torch.optim.RMSprop fg.optim.rmsprop  rmsprop(decay=0.99, eps_in_sqrt=False)
torch.optim.LBFGS fg.optim.lbfgs
torch.optim.lr_scheduler fg.optim.join_schedules  schedules, functions of the count
torch.optim.lr_scheduler.StepLR fg.optim.exponential_decay  exponential_decay(..., staircase=True)
torch.optim.lr_scheduler.ExponentialLR fg.optim.exponential_decay
torch.optim.lr_scheduler.CosineAnnealingLR fg.optim.cosine_decay_schedule
torch.optim.lr_scheduler.OneCycleLR fg.optim.cosine_onecycle_schedule
torch.optim.lr_scheduler.LinearLR fg.optim.linear_schedule
tf.GradientTape fg.grad  grad(f)(x)
tf.function fg.jit
tf.Variable np.array
tf.constant np.array
tf.reduce_sum np.sum
tf.reduce_mean np.mean
tf.convert_to_tensor np.asarray
tf.custom_gradient fg.custom_gradient
keras.layers.Dense fg.nn.Dense  Dense(in, out), with both sizes
keras.layers.Conv2D fg.nn.Conv
keras.layers.Dropout fg.nn.Dropout
keras.layers.LayerNormalization fg.nn.LayerNorm
keras.layers.BatchNormalization fg.nn.BatchNorm
keras.layers.MaxPooling2D fg.nn.MaxPool
keras.Sequential fg.nn.Sequential
torch.Tensor.view_as np.reshape  x.reshape(y.shape)
torch.Tensor.new_zeros np.zeros_like  zeros(shape, like=x)
torch.Tensor.register_hook fg.custom_vjp
torch.Tensor.is_leaf -  a gradient is taken by arguments: leave it out
torch.Tensor.nelement np.size  x.size
torch.Tensor.topk fg.lax.top_k  top_k(x, k)
torch.nn.Module.buffers fg.nn.state
torch.nn.Module.register_buffer fg.nn.state  a field buffer: nn.Array = nn.state(init, shape)
torch.nn.Module.register_parameter fg.nn.param  a field weight: nn.Array = nn.param(init, shape)
torch.nn.Module.named_modules fg.nn.summary
torch.nn.Module.modules fg.nn.summary
torch.nn.Module.double fg.tree.map  tree.map(lambda x: x.astype(float), model)
torch.nn.Module.half fg.tree.map  tree.map(lambda x: x.astype(numpy.float16), model)
torch.nn.Module.float fg.tree.map  tree.map(lambda x: x.astype(numpy.float32), model)
torch.nn.Module.training fg.nn.apply  key=, which is given in training alone
torch.optim.Optimizer.add_param_group fg.optim.multi_transform
torch.optim.lr_scheduler.LRScheduler.step fg.optim.sgd  sgd(schedule), which counts updates
torch.optim.lr_scheduler.LRScheduler.get_last_lr fg.optim.sgd  schedule(count)
torch.optim.lr_scheduler.LRScheduler.get_lr fg.optim.sgd  schedule(count)
torch.inference_mode -  only grad differentiates: leave it out
torch.set_grad_enabled -  only grad differentiates: leave it out
torch.autograd.detect_anomaly fg.debug.nans
torch.autograd.set_detect_anomaly fg.debug.nans
torch.set_default_dtype -  arrays keep their dtype: give dtype= where they are made
torch.get_default_dtype -  arrays keep their dtype: give dtype= where they are made
torch.autocast -  arrays keep their dtype: write x.astype(numpy.float16)
torch.is_tensor np.ndarray  isinstance(x, numpy.ndarray)
torch.chunk np.array_split
torch.lerp np.add  a + t * (b - a)
torch.addmm np.matmul  c + a @ b
torch.cartesian_prod np.meshgrid
torch.FloatTensor np.array  array(x, numpy.float32)
torch.LongTensor np.array  array(x, numpy.int64)
torch.utils.data.TensorDataset fg.data.Loader  Loader((x, y), batch_size)
torch.utils.data.Dataset fg.data.Loader  Loader, which takes a tree of arrays
torch.utils.data.Subset np.take  tree.map(lambda x: x[indices], data)
torch.utils.data.ConcatDataset np.concatenate
torch.utils.data.default_collate fg.data.stack
torch.utils.data.RandomSampler fg.data.Loader  Loader(data, batch_size, key=key), which shuffles
torch.utils.data.WeightedRandomSampler fg.data.weighted_sampler
torch.nn.utils.parameters_to_vector fg.ravel_pytree
torch.nn.utils.vector_to_parameters fg.ravel_pytree  the second result of ravel_pytree
torch.nn.utils.rnn.pad_sequence fg.data.pad_sequences
torch.nn.NLLLoss fg.losses.nll_loss
torch.nn.CosineSimilarity fg.losses.cosine_similarity
torch.nn.CosineEmbeddingLoss fg.losses.cosine_distance
torch.nn.GLU fg.nn.glu  the function glu itself
torch.nn.SELU fg.nn.selu  the function selu itself
torch.nn.CELU fg.nn.celu  the function celu itself
torch.nn.ReLU6 fg.nn.relu6  the function relu6 itself
torch.nn.LazyLinear fg.nn.Dense  Dense(in, out), with both sizes
torch.nn.ZeroPad2d np.pad
torch.nn.ReflectionPad2d np.pad  pad(x, widths, mode="reflect")
torch.nn.TransformerEncoder fg.nn.TransformerBlock  a Sequential of TransformerBlock
torch.nn.ParameterList fg.nn.param  a field tuple[nn.Array, ...]
torch.nn.ParameterDict fg.nn.param  a dict of arrays, which is a model itself
torch.nn.functional.conv1d fg.lax.conv_general_dilated
torch.nn.functional.conv3d fg.lax.conv_general_dilated
torch.nn.functional.embedding np.take  table[indices]
torch.nn.functional.batch_norm fg.nn.BatchNorm
torch.nn.functional.group_norm fg.nn.GroupNorm
torch.nn.functional.rms_norm fg.nn.RMSNorm
torch.nn.functional.smooth_l1_loss fg.losses.huber
torch.nn.functional.gumbel_softmax fg.nn.softmax  softmax(logits + random.gumbel(key, logits.shape))
torch.optim.lr_scheduler.MultiStepLR fg.optim.piecewise_constant_schedule
torch.optim.lr_scheduler.LambdaLR fg.optim.sgd  a function of the count as learning_rate
torch.optim.lr_scheduler.ConstantLR fg.optim.piecewise_constant_schedule
torch.optim.lr_scheduler.PolynomialLR fg.optim.polynomial_schedule
torch.optim.lr_scheduler.SequentialLR fg.optim.join_schedules
torch.optim.lr_scheduler.CosineAnnealingWarmRestarts fg.optim.sgdr_schedule
torch.optim.lr_scheduler.ReduceLROnPlateau fg.optim.inject_hyperparams
keras.layers.Embedding fg.nn.Embedding
keras.layers.LSTM fg.nn.LSTM
keras.layers.Activation fg.nn.relu  the function itself, as nn.relu
keras.callbacks.ModelCheckpoint fg.io.CheckpointManager
keras.utils.to_categorical fg.nn.one_hot
sklearn.preprocessing.StandardScaler fg.data.standardizer
sklearn.preprocessing.MinMaxScaler fg.data.min_max_scaler
sklearn.preprocessing.OneHotEncoder fg.nn.one_hot
sklearn.model_selection.KFold fg.data.k_fold
sklearn.metrics.accuracy_score fg.train.accuracy
sklearn.metrics.f1_score fg.train.f1
sklearn.metrics.r2_score fg.train.r2
sklearn.metrics.roc_auc_score fg.train.roc_auc
sklearn.metrics.mean_squared_error fg.losses.mse
"""
