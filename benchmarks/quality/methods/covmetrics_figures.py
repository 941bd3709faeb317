"""What protocol B wants of `covmetrics` and torch, called as its authors call them."""

import sys

import numpy as np
import torch


def main():
    what, source, target = sys.argv[1:]
    with np.load(source) as arrays:
        found = {"coverage": coverage, "projection": projection}[what](arrays)
    np.savez(target, **found)


def coverage(arrays):
    """The risk in units of 0.01, and the worst slab that holds a share 1 - level of the rows."""
    from covmetrics import ERT, WSC

    X = torch.tensor(arrays["X"], dtype=torch.float32)
    inside = torch.tensor(arrays["inside"], dtype=torch.float32)
    alpha = round(1 - float(arrays["level"]), 6)
    return {
        "ert": 100 * ERT().evaluate(X, inside, alpha),
        "wsc": WSC().evaluate(X, inside, alpha),
    }


def projection(arrays):
    """The first numbers that torch draws after it is seeded."""
    torch.manual_seed(int(arrays["seed"]))
    return {"matrix": torch.randn((2, int(arrays["targets"])), dtype=torch.float32).numpy()}


if __name__ == "__main__":  # the classifiers are fitted in processes of their own
    main()
