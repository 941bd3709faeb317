"""The fitted members: linear starts and one network, from a matrix to distributions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.backend import compilation
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import rescaled
from covey.errors import ArtifactError
from covey.members.network import Network, write_weights
from covey.start.full import LinearModel
from covey.start.low_rank import LowRankLinearModel
from covey.start.start import LinearStart
from covey.table.folds import collected
from covey.types import Array, Rows

MOST_ROWS = 2**14  # whose packed parameters are held at once
MOST_NUMBERS = 2**19  # of these, in rows that are worked on together
PACKING = "rows"  # the order of what the network puts out; a file without the name has another

STARTS: dict[str, type[LinearStart]] = {  # by the names of the families
    "normal": LinearModel,
    "student_t": LinearModel,
    "low_rank": LowRankLinearModel,
}


@dataclass
class Ensemble:
    """K members, each a linear model and its part of the network.

    Attributes:
        linear: K linear models, fitted to each member's training rows.
        network: what the network is made of.
        weights: its weights, each with the member axis in front.
        targets: names of the D targets.
        scales: by how much the mixture of the members is widened about its mean, target by target,
            shape (D,); ones by default.
    """

    linear: tuple[LinearStart, ...]
    network: Network
    weights: list[NDArray[np.float32]]
    targets: tuple[str, ...]
    scales: Any = None
    _model: Any = field(default=None, init=False, repr=False, compare=False)
    # while Keras predicts, the weights of the model are elsewhere
    _lock: Any = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.scales is None:
            self.scales = np.ones(len(self.targets))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_lock": Lock()})

    def _forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        compilation.check_process()
        with self._lock:
            return self.network.forward(self.model, inputs)

    @property
    def model(self) -> Any:
        """The network as a `keras.Model`, built when it is first needed."""
        if self._model is None:
            model = self.network.build()
            write_weights(model, self.weights)
            self._model = model
        return self._model

    def keep(self, model: Any) -> None:
        """Keep the model that training left, so that it need not be built and compiled again."""
        self._model = model

    def mixture(self, X: NDArray[np.float32], offsets: Array | None = None) -> Mixture:
        """The prediction of all members for every row.

        Args:
            X: matrix of shape (N, F).
            offsets: what is added to the mean of each member, shape (K, N, D), in target units.

        Returns:
            Mixtures of N rows, in target units.
        """
        return self._mixture(self._forward(X), X, np.arange(len(X)), offsets)

    def distribution(self, X: NDArray[np.float32], offsets: Array | None = None) -> Elliptical:
        """The prediction of all members as one distribution for every row.

        Args:
            X: matrix of shape (N, F).
            offsets: as in `mixture`.

        Returns:
            N distributions with the first two moments of `mixture`, in target units.
        """
        parts = self._by_parts(lambda mixture: mixture.moment_matched(), X, offsets)
        return parts[0] if len(parts) == 1 else type(parts[0]).concatenate(parts)

    def mean(self, X: NDArray[np.float32], offsets: Array | None = None) -> Array:
        """Means of `mixture`, shape (N, D), in target units; arguments as there."""
        return np.concatenate(self._by_parts(lambda mixture: mixture.mean, X, offsets))

    def _by_parts(
        self, what: Callable[[Mixture], Any], X: NDArray[np.float32], offsets: Array | None
    ) -> list[Any]:
        """Something of the mixtures of some rows at a time, whose matrices fit into the cache."""
        found: list[Any] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, max(len(X), 1), MOST_ROWS):
                packed = self._forward(X[start : start + MOST_ROWS])
                size = max(MOST_NUMBERS // int(np.prod(packed.shape[1:])), 1)
                parts = np.split(np.arange(len(packed)), range(size, len(packed), size))

                def one(part: Rows, packed: Any = packed, start: int = start) -> Any:
                    return what(self._mixture(packed[part], X, start + part, offsets))

                # one part, often one row that is waited for: no thread has to be started
                found += map(one, parts) if len(parts) == 1 else pool.map(one, parts)
        return found

    def _mixture(
        self,
        packed: NDArray[np.float32],
        X: NDArray[np.float32],
        rows: Rows,
        offsets: Array | None,
    ) -> Mixture:
        """The mixtures of some rows of X, whose packed parameters have the shape (rows, K, P)."""
        mixture = Mixture(
            [self._restored(k, packed[:, k], X, rows, offsets) for k in range(len(self.linear))]
        )
        return mixture if np.all(self.scales == 1) else rescaled(mixture, self.scales)

    def held_out(
        self,
        X: NDArray[np.float32],
        tests: Sequence[Rows],
        rows: Rows,
        offsets: Array | None = None,
    ) -> Elliptical:
        """The prediction for training rows by the members that did not train on them.

        Args:
            X: matrix of the training rows, shape (N, F).
            tests: for each member, the rows it did not see.
            rows: the rows wanted, each held out by at least one member; in order.
            offsets: as in `mixture`, of the training rows.

        Returns:
            Distributions of `len(rows)` rows. A row that several members held out gets the first
            two moments of their mixture.
        """
        return collected(self.held_out_parts(X, tests, offsets), tests, rows, len(X))

    def held_out_parts(
        self, X: NDArray[np.float32], tests: Sequence[Rows], offsets: Array | None = None
    ) -> list[Any]:
        """The prediction of each member for the rows it did not train on.

        Args:
            X: matrix of the training rows, shape (N, F).
            tests: for each member, the rows it did not see.
            offsets: as in `mixture`, of the training rows.

        Returns:
            K distributions of `len(tests[k])` rows.
        """
        longest = max(map(len, tests))
        inputs = np.zeros((longest, len(tests), X.shape[1]), dtype=np.float32)
        for k, test in enumerate(tests):
            inputs[: len(test), k] = X[test]
        packed = self._forward(inputs)
        return [
            self._restored(k, packed[: len(test), k], X, test, offsets)
            for k, test in enumerate(tests)
        ]

    def _restored(
        self,
        member: int,
        packed: NDArray[np.float32],
        X: NDArray[np.float32],
        rows: Rows,
        offsets: Array | None,
    ) -> Any:
        whitened = self.network.family.distribution(packed, self.targets)
        offset = 0.0 if offsets is None else offsets[member, rows]
        return self.linear[member].restore(whitened, X[rows].astype(np.float64), offset)

    def to_artifact(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(manifest, arrays): everything a file must hold."""
        manifest = {
            "network": self.network.to_manifest(),
            "packing": PACKING,
            "targets": list(self.targets),
        }
        arrays: dict[str, NDArray[Any]] = {
            f"network_{number:03d}": array for number, array in enumerate(self.weights)
        }
        for part in fields(self.linear[0]):
            arrays[f"linear_{part.name}"] = np.stack(
                [getattr(linear, part.name) for linear in self.linear]
            )
        arrays["scales"] = self.scales
        return manifest, arrays

    @classmethod
    def from_artifact(cls, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Rebuild what `to_artifact` described.

        Raises:
            ArtifactError: an entry is lacking or does not fit the others.
        """
        try:
            if manifest["packing"] != PACKING:
                raise ValueError("packed parameters in another order")
            if manifest["network"]["n_targets"] != len(manifest["targets"]):
                raise ValueError("another number of targets")  # before room is made for them
            network = Network.from_manifest(manifest["network"])
            start = STARTS[network.family_name]
            unbounded = arrays["linear_unbounded"]
            n_features = network.n_features
            if unbounded.size and not (0 <= unbounded.min() <= unbounded.max() < n_features):
                raise ValueError("numbers of inputs that there are not")
            parts = start.shapes(
                n_features, network.n_targets, network.rank or 0, unbounded.shape[-1]
            )
            linear = tuple(
                start(**{name: arrays[f"linear_{name}"][k] for name in parts})
                for k in range(network.members)
            )
            count = len(network.weight_shapes)
            weights = [arrays[f"network_{number:03d}"] for number in range(count)]
            d = network.n_targets
            shapes = [
                *(
                    (w.shape, shape)
                    for w, shape in zip(weights, network.weight_shapes, strict=True)
                ),
                *(
                    (arrays[f"linear_{name}"].shape, (network.members, *shape))
                    for name, shape in parts.items()
                ),
                (arrays["scales"].shape, (d,)),
                (np.shape(manifest["targets"]), (d,)),
            ]
            if bad := [pair for pair in shapes if pair[0] != pair[1]]:
                raise ValueError("shape {} in place of {}".format(*bad[0]))
            for name, array in arrays.items():
                if (
                    name.startswith(("linear_", "network_", "scales"))
                    and not np.isfinite(array).all()
                ):
                    raise ValueError(f"numbers that are not finite in {name}")
            widths = (arrays["scales"], *(w for one in linear for w in (one.scale, one.widths)))
            if not all((array > 0).all() for array in widths):
                raise ValueError("scales that are not positive")
            return cls(linear, network, weights, tuple(manifest["targets"]), arrays["scales"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ArtifactError(
                "Expected a complete description of a fitted ensemble. The file lacks or garbles "
                f"{error}; save the model again."
            ) from error
