"""Meta-learning (MAML): initial weights from which a few steps fit a new sine wave.

A task is a wave of random amplitude and phase, given by ten points. The loss of the initial weights
is the loss after a few gradient steps on these points, so its gradient goes through the gradients
of the steps; ``vmap`` runs all tasks at once.

Source: Finn, Abbeel, Levine 2017, section 5.1 (arXiv:1703.03400).
"""

import numpy as np
from common import make_parser, positive_int, table

import funcgrad as fg
from funcgrad import nn, optim

POINTS = 10  # per wave for training, and as many for the loss
RATE = 0.02  # learning rate of the steps within a task
TASKS = 25  # per step of training


def loss_fn(model, x, y):
    return fg.losses.mse(model(x), y)


def adapted(model, x, y, steps):
    """The model after gradient steps on the points of one task."""
    for _ in range(steps):
        grads = fg.grad(loss_fn)(model, x, y)
        model = fg.tree.map(lambda p, g: p - RATE * g, model, grads)
    return model


def task_loss(model, task, steps):
    """The loss on the other points of a task, after steps on the given ones."""
    known, others = task
    return loss_fn(adapted(model, *known, steps), *others)


def meta_loss(model, tasks, steps):
    """The mean of ``task_loss`` over a batch of tasks: leaves [tasks, POINTS, 1]."""
    of_one = lambda model, task: task_loss(model, task, steps)
    return np.mean(fg.vmap(of_one, in_axes=(None, 0))(model, tasks))


def draw_tasks(rng, count):
    """``((x, y), (x, y))``: the given points of each wave, and the others."""
    amplitude = rng.uniform(0.1, 5.0, (count, 1, 1))
    phase = rng.uniform(0.0, np.pi, (count, 1, 1))
    x = rng.uniform(-5.0, 5.0, (count, 2 * POINTS, 1))
    y = amplitude * np.sin(x - phase)
    return (x[:, :POINTS], y[:, :POINTS]), (x[:, POINTS:], y[:, POINTS:])


def train(model, rng, rounds, steps):
    """Train the model for its loss after ``steps`` on a task; with 0, for the loss itself."""
    optimizer = optim.adam(optim.cosine_decay_schedule(2e-2, rounds))
    state = optimizer.init(model)
    for i in range(rounds):
        loss, grads = fg.value_and_grad(meta_loss)(model, draw_tasks(rng, TASKS), steps)
        updates, state = optimizer.update(grads, state, model)
        model = optim.apply_updates(model, updates)
        if steps and (i + 1) % (rounds // 5 or 1) == 0:
            print(f"round {i + 1}/{rounds}   loss {loss:.4f}", flush=True)
    return model


def gradient_error(model, tasks, steps, rng, eps=1e-5):
    """The difference of the gradient from a central difference in a random direction."""
    flat, unravel = fg.ravel_pytree(model)
    loss = lambda v: meta_loss(unravel(v), tasks, steps)
    direction = rng.normal(size=flat.shape)
    want = (loss(flat + eps * direction) - loss(flat - eps * direction)) / (2 * eps)
    return abs(fg.grad(loss)(flat) @ direction - want) / abs(want)


def main():
    parser = make_parser(__doc__, seed=0)
    parser.add_argument(
        "--rounds", type=positive_int, default=300, help="of training (default: 300)"
    )
    parser.add_argument("--steps", type=positive_int, default=3, help="within a task (default: 3)")
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    plain = nn.Sequential(
        nn.Dense(1, 40, activation=nn.tanh), nn.Dense(40, 40, activation=nn.tanh), nn.Dense(40, 1)
    ).init(fg.random.key(args.seed), dtype=np.float64)
    error = gradient_error(plain, draw_tasks(rng, TASKS), args.steps, rng)
    models = {
        "drawn at random": plain,
        "trained on all waves": train(plain, rng, args.rounds, steps=0),
        "meta-learned": train(plain, rng, args.rounds, args.steps),
    }

    tasks = draw_tasks(rng, 500)  # new ones
    counts = sorted({0, 1, args.steps, 10})
    losses = {k: [meta_loss(model, tasks, n) for n in counts] for k, model in models.items()}
    head = ("loss after steps", *map(str, counts))
    table([head, *((name, *row) for name, row in losses.items())])
    *others, ours = (row[counts.index(args.steps)] for row in losses.values())
    print(
        f"times lower than the better of the others, steps {args.steps}  {min(others) / ours:.1f}"
    )
    print(f"gradient against a difference                      {error:.1e}")


if __name__ == "__main__":
    main()
