"""A loop written by hand, with torch.distributions; nothing checked, nothing loaded by workers."""

from answers import ADAM, PREDICTED_AT_ONCE, serve, training  # isort: skip

from itertools import pairwise

import torch
from torch import nn
from torch.distributions import MultivariateNormal

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make(job, X, Y):
    torch.manual_seed(0)
    if job.get("threads"):
        torch.set_num_threads(job["threads"])
    X, Y = torch.from_numpy(X).to(DEVICE), torch.from_numpy(Y).to(DEVICE)
    d, batch = Y.shape[1], job["batch"]
    widths = [X.shape[1], *job["hidden"]]
    layers = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(widths[-1], d + d * (d + 1) // 2)).to(DEVICE)
    optimizer = torch.optim.Adam(network.parameters(), lr=ADAM)
    below, left = torch.tril_indices(d, d, -1, device=DEVICE)

    def joint(rows):
        mean, diagonal, others = network(rows).split([d, d, d * (d - 1) // 2], dim=-1)
        factor = torch.diag_embed(nn.functional.softplus(diagonal) + 1e-5)
        factor[:, below, left] = others
        return MultivariateNormal(mean, scale_tril=factor, validate_args=False)

    def train(epochs):
        for _ in range(epochs):
            total = torch.zeros((), device=DEVICE)
            for rows in torch.randperm(len(X), device=DEVICE).split(batch):
                optimizer.zero_grad(set_to_none=True)
                loss = -joint(X[rows]).log_prob(Y[rows]).mean()
                loss.backward()
                optimizer.step()
                total += loss.detach()
            total.item()  # waits

    @torch.no_grad()
    def predict():
        found = [joint(rows) for rows in X.split(PREDICTED_AT_ONCE)]
        mean = torch.cat([one.mean for one in found])
        return mean.cpu().numpy(), torch.cat([one.covariance_matrix for one in found]).cpu().numpy()

    return {"engine": "torch", "device": DEVICE.type}, train, predict


PACKAGES = ("torch", "numpy")
prepare = training(make)

if __name__ == "__main__":
    serve(prepare, PACKAGES)
