"""Bayesian logistic regression on tumours, by Laplace's approximation.

Newton's method, with ``grad`` and ``hessian``, finds the weights of maximum posterior density; the
Hessian there is the inverse covariance of a normal approximation. With 57 patients and a vague
prior the single estimate is overconfident. The average over the posterior has a lower log loss on
the 512 other patients.
"""

import numpy as np
from common import load, make_parser, split, table

import funcgrad as fg
from funcgrad import nn

FEATURES = 10  # the first ten of the thirty columns: the means
TESTED = 0.9  # fraction of the patients for testing
PRECISION = 0.01  # of the prior


def loss_fn(w, x, y):
    """The negative log posterior of weights ``w`` [D], up to a constant.

    The prior is normal, with mean 0 and variance 1 / PRECISION.
    """
    fit = fg.losses.binary_cross_entropy_with_logits(x @ w, y, reduction="sum")
    return fit + PRECISION / 2 * np.sum(w**2)


def newton(w, x, y):
    """The weights of zero gradient, and the Hessian there."""
    for i in range(20):
        gradient = fg.grad(loss_fn)(w, x, y)
        hessian = fg.hessian(loss_fn)(w, x, y)
        norm = np.linalg.norm(gradient)
        print(f"Newton step {i}   loss {loss_fn(w, x, y):8.4f}   gradient norm {norm:.1e}")
        if norm < 1e-10:
            break
        w = w - np.linalg.solve(hessian, gradient)
    return w, hessian


def closed_form(w, x):
    """The closed form of the Hessian: X' diag(p (1 - p)) X + PRECISION I."""
    p = 1 / (1 + np.exp(-(x @ w)))
    return (x.T * (p * (1 - p))) @ x + PRECISION * np.eye(len(w))


def averaged(logits, x, covariance):
    """The logits of the probabilities averaged over the weights.

    The logit of a patient is normal; its variance shrinks it. Source: Bishop 2006, "Pattern
    Recognition and Machine Learning", equations 4.153 and 4.154.
    """
    variance = np.sum((x @ covariance) * x, axis=1)
    return logits / np.sqrt(1 + np.pi / 8 * variance)


def sampled(w, covariance, x, seed, draws=20_000):
    """The same probabilities, by sampling weights."""
    ws = np.random.default_rng(seed).multivariate_normal(w, covariance, draws)
    return np.mean(nn.sigmoid(x @ ws.T), axis=1)


def scores(logits, y):
    log_loss = fg.losses.binary_cross_entropy_with_logits(logits, y)
    return float(np.mean((logits > 0) == (y == 1))), float(log_loss)


def prepare(x, mean, deviation):
    """The standardized features with a column of ones: [N, 1 + FEATURES], float64."""
    return np.column_stack([np.ones(len(x)), ((x - mean) / deviation)[:, :FEATURES]])


def main():
    args = make_parser(__doc__, seed=0).parse_args()

    x, y = load("breast_cancer")
    (x, y), (x_test, y_test) = split(x, y, TESTED, args.seed)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, x_test = prepare(x, mean, deviation), prepare(x_test, mean, deviation)

    w, hessian = newton(np.zeros(1 + FEATURES), x, y)
    covariance = np.linalg.inv(hessian)
    certain = x_test @ w
    unsure = averaged(certain, x_test, covariance)

    rows = [("one set of weights", *scores(certain, y_test)), ("averaged", *scores(unsure, y_test))]
    table([("test", "accuracy", "log loss"), *rows])

    v = np.random.default_rng(args.seed).normal(size=len(w))
    product = fg.hvp(lambda w: loss_fn(w, x, y), (w,), (v,))
    want = closed_form(w, x)
    draws = sampled(w, covariance, x_test, args.seed)
    print(f"gradient norm at the end           {np.linalg.norm(fg.grad(loss_fn)(w, x, y)):.1e}")
    print(f"hessian against the closed form    {np.max(np.abs(hessian - want)):.1e}")
    print(f"hvp against hessian @ v            {np.max(np.abs(product - hessian @ v)):.1e}")
    print(f"averaged against 20,000 draws      {np.max(np.abs(nn.sigmoid(unsure) - draws)):.1e}")


if __name__ == "__main__":
    main()
