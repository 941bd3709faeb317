"""Candidates whose rows were held out in blocks: what these leave unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from covey.assess.calibration import as_pooled, calibration_rows
from covey.assess.caution import Caution, fit_shrinkage
from covey.assess.evaluation import row_width
from covey.backend import processes
from covey.members.candidates import Candidate, mean_score
from covey.table.training_data import TrainingData
from covey.types import Groups

MOST_ROWS = 2000  # enough to learn one number from


def held_back(candidate: Candidate, data: TrainingData, blocks: Groups, seed: int) -> Candidate:
    """Hold the members back in their tails and correlations, as few blocks ask for.

    Args:
        candidate: members that were trained.
        data: the rows.
        blocks: a label for each of the rows `data.folds.held_out`, shape (n,).
        seed: of the choice of rows.

    Returns:
        The same members with a `Caution`, and what they predict out of fold.
    """
    rows = data.folds.held_out
    weight = data.weight[rows]
    some = calibration_rows(data.Y[rows], weight, seed, row_width(candidate.out_of_fold))
    if len(some) > MOST_ROWS:
        some = np.sort(np.random.default_rng(seed).choice(some, MOST_ROWS, replace=False))
    rows = rows[some]
    caution = Caution.for_blocks(len(data.folds))
    ensemble = candidate.ensemble.with_caution(caution)
    trees = None if candidate.trees is None else candidate.trees[rows]
    joint = caution.of(candidate.out_of_fold[some])
    pooled = as_pooled(joint, ensemble.mixture(data.inputs[rows], trees))
    share = fit_shrinkage(pooled, data.Y[rows], blocks[some], weight[some], seed)
    caution = replace(caution, shrinkage=processes.agreed(share))
    joint = caution.of(candidate.out_of_fold)
    ensemble = ensemble.with_caution(caution)
    score = mean_score(joint, data)
    return Candidate(candidate.family, ensemble, joint, score, candidate.trees)
