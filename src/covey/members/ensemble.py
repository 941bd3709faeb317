"""The fitted members: linear starts and one network, from a matrix to distributions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.assess.caution import Caution
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import rescaled
from covey.distributions.members import as_predicted, of_members
from covey.errors import ArtifactError
from covey.members.architecture import Architecture
from covey.members.forward import Networks
from covey.stacking.stack import Stack
from covey.start.start import PREFIX, LinearStart, restored, stacked
from covey.table.folds import collected
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData
from covey.types import Array, Rows, Snapshot

MOST_ROWS = 2**14  # whose packed parameters are held at once
MOST_NUMBERS = 2**19  # of these, in rows that are worked on together


@dataclass
class Ensemble:
    """K members, each a linear model and its part of the network.

    Attributes:
        linear: K linear models, fitted to each member's training rows.
        architecture: of the network.
        weights: of the network, each with the member axis in front.
        targets: names of the D targets.
        scales: by how much the mixture of the members is widened about its mean, target by target,
            shape (D,); ones by default.
        stack: the trees that have a share in the means of the members; None without any.
        caution: how the members are held back where rows depend on their neighbours, or None.
    """

    linear: tuple[LinearStart, ...]
    architecture: Architecture
    weights: list[NDArray[np.float32]]
    targets: tuple[str, ...]
    scales: Any = None
    stack: Stack | None = None
    caution: Caution | None = None

    def __post_init__(self) -> None:
        if self.scales is None:
            self.scales = np.ones(len(self.targets))

    @cached_property
    def _networks(self) -> Networks:
        return Networks(self.architecture, self.weights)

    @property
    def tree_weights(self) -> dict[str, float]:
        """The typical weight of the trees in the mean of each target that has any."""
        if self.stack is None:
            return {}
        pairs = zip(self.targets, self.stack.shared, self.stack.typical_weights, strict=True)
        return {target: float(weight) for target, some, weight in pairs if some}

    def with_stack(self, stack: Stack) -> Self:
        """The same members, trees having a share in their means."""
        return replace(self, stack=stack)

    def with_caution(self, caution: Caution) -> Self:
        """The same members, held back in their tails and correlations."""
        return replace(self, caution=caution)

    def mixture(self, inputs: Inputs, trees: Array | None = None) -> Mixture:
        """The prediction of all members for every row.

        Args:
            inputs: of N rows.
            trees: what is to stand for the trees' means, shape (N, D), in target units; for rows
                that they were fitted to.

        Returns:
            Mixtures of N rows, in target units.
        """
        packed = self._networks.packed(inputs.matrix)
        if trees is None or self.stack is None:
            return self._mixture(packed, inputs, self._trees(inputs))
        alike = np.broadcast_to(trees, (len(self.linear), *trees.shape))
        return self._mixture(packed, inputs, alike)

    def distribution(self, inputs: Inputs) -> Elliptical | Mixture:
        """The prediction of all members as one distribution for every row.

        Args:
            inputs: of N rows.

        Returns:
            N distributions with the first two moments of `mixture`, in target units; of members
            that are mixtures themselves, `mixture`.
        """
        parts = self._by_parts(as_predicted, inputs)
        return parts[0] if len(parts) == 1 else type(parts[0]).concatenate(parts)

    def mean(self, inputs: Inputs) -> Array:
        """Means of `mixture`.

        Args:
            inputs: of N rows.

        Returns:
            Array of shape (N, D), in target units.
        """
        return np.concatenate(self._by_parts(lambda mixture: mixture.mean, inputs))

    def _by_parts(self, what: Callable[[Mixture], Any], inputs: Inputs) -> list[Any]:
        """Apply a function to mixtures of some rows at a time, so that matrices fit the cache."""
        results: list[Any] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, max(len(inputs), 1), MOST_ROWS):
                block = inputs[start : start + MOST_ROWS]
                packed, trees = self._networks.packed(block.matrix), self._trees(block)
                size = max(MOST_NUMBERS // int(np.prod(packed.shape[1:])), 1)
                parts = np.split(np.arange(len(packed)), range(size, len(packed), size))

                def one(
                    part: Rows, packed: Any = packed, block: Inputs = block, trees: Any = trees
                ) -> Any:
                    some = None if trees is None else trees[:, part]
                    return what(self._mixture(packed[part], block[part], some))

                # one part, often one row that is waited for: no thread has to be started
                results += map(one, parts) if len(parts) == 1 else pool.map(one, parts)
        return results

    def _mixture(self, packed: NDArray[np.float32], inputs: Inputs, trees: Array | None) -> Mixture:
        """The mixtures of N rows, whose packed parameters have the shape (N, K, P)."""
        # one batch of all members' rows: one row, for which a user waits, takes a third of the time
        members, n = range(len(self.linear)), len(packed)
        each = np.ascontiguousarray(np.swapaxes(packed, 0, 1)).reshape(len(members) * n, -1)
        offsets = [inputs.offset(member) for member in members]
        whitened = self.architecture.family.distribution(each, self.targets)
        joint = restored(self.linear, whitened, inputs.features, offsets)
        if self.stack is not None and trees is not None:
            joint = self.stack.moved(joint, trees.reshape(joint.mean.shape))
        if self.caution is not None:
            joint = self.caution.of(joint)
        mixture = of_members([joint[member * n : (member + 1) * n] for member in members])
        return mixture if np.all(self.scales == 1) else rescaled(mixture, self.scales)

    def held_out(self, data: TrainingData) -> Elliptical | Mixture:
        """The prediction for training rows by the networks that did not train on them.

        Args:
            data: the rows.

        Returns:
            Distributions of the rows `data.folds.held_out`, in target units. A row that several
            members held out gets the first two moments of their mixture.
        """
        return collected(self.by_member(data.inputs, data.folds.tests), data.folds)

    def by_member(self, inputs: Inputs, rows: Sequence[Rows]) -> list[Any]:
        """The prediction of each network alone, for rows of its own.

        Args:
            inputs: of N rows.
            rows: for each of the K members, the numbers of those to predict.

        Returns:
            K batches of distributions, of `len(rows[k])` rows, in target units.
        """
        some = [inputs[which] for which in rows]
        longest = max(map(len, some))
        matrix = np.zeros((longest, len(rows), inputs.matrix.shape[1]), dtype=np.float32)
        for k, own in enumerate(some):
            matrix[: len(own), k] = own.matrix
        packed = self._networks.packed(matrix)
        return [self._of_network(k, packed[: len(own), k], own) for k, own in enumerate(some)]

    def _trees(self, inputs: Inputs) -> Array | None:
        """What the trees say of N rows, for each member, shape (K, N, D), in target units."""
        if self.stack is None:
            return None
        means = self.stack.means(inputs.matrix)
        each = np.broadcast_to(means, (len(self.linear), *means.shape))
        return each if inputs.offsets is None else each + inputs.offsets

    def _of_network(self, member: int, packed: NDArray[np.float32], inputs: Inputs) -> Any:
        """Distributions in target units, out of the packed parameters of one member, (N, P)."""
        whitened = self.architecture.family.distribution(packed, self.targets)
        return self.linear[member].restore(whitened, inputs.features, inputs.offset(member))

    def further(self, matrix: NDArray[np.float32], further: NDArray[np.float32]) -> Array:
        """What the linear models add where numbers are beyond those of training.

        Args:
            matrix: inputs of the networks, shape (N, F).
            further: the same with numbers as far as linear models follow them, shape (N, F).

        Returns:
            For each member, what is added to its mean of each row, shape (K, N, D), in target
            units.
        """
        rows = np.flatnonzero((matrix != further).any(axis=1))
        found = np.zeros((len(self.linear), len(matrix), len(self.targets)))
        for added, one in zip(found, self.linear, strict=True):
            ends, here = (some[rows].astype(np.float64) for some in (further, matrix))
            added[rows] = one.mean(ends) - one.mean(here)
        return found

    def snapshot(self) -> Snapshot:
        """All that `restored` needs."""
        manifest = {
            "network": self.architecture.to_manifest(),
            "packing": self.architecture.family.packing,
            "targets": list(self.targets),
        }
        arrays: dict[str, NDArray[Any]] = {
            f"network_{number:03d}": array for number, array in enumerate(self.weights)
        }
        arrays |= stacked(self.linear)
        arrays["scales"] = self.scales
        if self.stack is not None:
            manifest["trees"] = True
            arrays |= self.stack.to_arrays()
        if self.caution is not None:
            manifest["caution"] = asdict(self.caution)
        return Snapshot(manifest, arrays)

    @classmethod
    def restored(cls, snapshot: Snapshot) -> Self:
        """The ensemble that `snapshot` describes; further arrays are left alone.

        Raises:
            ArtifactError: an entry is lacking or does not fit the others.
        """
        manifest, arrays = snapshot
        try:
            if manifest["network"]["n_targets"] != len(manifest["targets"]):
                raise ValueError("another number of targets")  # before room is made for them
            architecture = Architecture.from_manifest(manifest["network"])
            if manifest["packing"] != architecture.family.packing:
                raise ValueError("packed parameters in another order")
            start = architecture.classes.start
            unbounded = arrays[PREFIX + "unbounded"]
            n_features = architecture.n_features
            if unbounded.size and not (0 <= unbounded.min() <= unbounded.max() < n_features):
                raise ValueError("numbers of inputs that there are not")
            parts = start.shapes(
                n_features, architecture.n_targets, architecture.rank or 0, unbounded.shape[-1]
            )
            linear = start.from_arrays(arrays, architecture.members)
            count = len(architecture.weight_shapes)
            weights = [arrays[f"network_{number:03d}"] for number in range(count)]
            d = architecture.n_targets
            shapes = [
                *(
                    (w.shape, shape)
                    for w, shape in zip(weights, architecture.weight_shapes, strict=True)
                ),
                *(
                    (arrays[PREFIX + start.key(name)].shape, (architecture.members, *shape))
                    for name, shape in parts.items()
                ),
                (arrays["scales"].shape, (d,)),
                (np.shape(manifest["targets"]), (d,)),
            ]
            if bad := [pair for pair in shapes if pair[0] != pair[1]]:
                raise ValueError("shape {} in place of {}".format(*bad[0]))
            for name, array in arrays.items():
                if name.startswith((PREFIX, "network_", "scales")) and not np.isfinite(array).all():
                    raise ValueError(f"numbers that are not finite in {name}")
            widths = (arrays["scales"], *(w for one in linear for w in (one.scale, one.widths)))
            if not all((array > 0).all() for array in widths):
                raise ValueError("scales that are not positive")
            stack = None
            if manifest.get("trees"):
                stack = Stack.from_arrays(arrays, n_features, d)
            caution = None
            if "caution" in manifest:
                caution = Caution.from_manifest(manifest["caution"])
            targets = tuple(manifest["targets"])
            return cls(linear, architecture, weights, targets, arrays["scales"], stack, caution)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ArtifactError(
                "Expected a complete description of a fitted ensemble. The file lacks or garbles "
                f"{error}; save the model again."
            ) from error
