"""Keywords of other libraries, and ours: a line is theirs, the name of ours, and words after "use".

Ours counts where the function takes it.
"""

KEYWORDS = """
alpha decay
alpha negative_slope
amsgrad learning_rate optim.amsgrad
argnum argnums
batch_first reverse x of [batch, time, features]
batchsize batch_size
beta1 b1
beta2 b2
beta_1 b1
beta_2 b2
betas b1 b1 and b2
bias use_bias
class_weight class_weights
device use_bias nothing: arrays are on the CPU
dim axis
dims axis
embed_dim features
embedding_dim features
eps epsilon
epsilon eps
features out_features
filters out_features
from_logits targets binary_cross_entropy_with_logits, whose input is logits
hidden_size features
high maxval
ignore_label ignore_index
in_axis in_axes
in_channels in_features
input_dim in_features
input_shape in_features
input_size in_features
keep_dims keepdims
keepdim keepdims
key embedding_init init(key) of the layer, which draws its parameters
key kernel_init init(key) of the layer, which draws its parameters
key use_bias init(key) of the layer, which draws its parameters
loc key loc + scale * random.normal(key, shape)
low minval
lr learning_rate
max_iter max_steps
max_iter maxiter
maxiter max_steps
mean key mean + the draws, after them
mean loc
mu loc
n_splits folds
normalized_shape features
num_features features
num_steps length
num_workers prefetch
out_axis out_axes
out_channels out_features
p rate
params learning_rate opt.init(params)
pin_memory prefetch
random_state key key=funcgrad.random.key(0)
reduce reduction
replacement replace
rho decay
rng key
rngs embedding_init init(key) of the layer, which draws its parameters
rngs kernel_init init(key) of the layer, which draws its parameters
rngs use_bias init(key) of the layer, which draws its parameters
scale key scale * the draws, after them
sd scale
seed key key=funcgrad.random.key(0)
shuffle key key=funcgrad.random.key(0), by which it shuffles
sigma scale
size shape
size_average reduction
static_argname static_argnames
static_argnum static_argnums
std key std * the draws, after them
step_size learning_rate
steps length
strides stride
training key key=, which is given in training alone
units out_features
vocab_size num_embeddings
weight weights
y_pred predictions
y_true targets
"""
