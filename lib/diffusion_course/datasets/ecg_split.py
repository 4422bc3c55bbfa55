"""One fixed split of ECG5000 for learning from normal beats only (chapter 04)."""

from dataclasses import dataclass

import numpy as np

NORMAL = 1
# All designs of chapter 04 were compared on this split. With another seed, beats of that comparison would land in
# the test.
SPLIT_SEED = 2024


@dataclass(frozen=True)
class OneClassSplit:
    """Which beats may be used for what: four arrays of indices, disjoint, together all beats.

    Attributes:
        train: normal beats, for training.
        validation: normal beats, for the threshold.
        test: normal beats and anomalies, opened once, at the end.
        development: anomalies, for comparing designs; never for training, thresholds or results.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    development: np.ndarray


def one_class_split(labels: np.ndarray, share: float = 0.2, seed: int = SPLIT_SEED) -> OneClassSplit:
    """Splits beats so that the test has the given share of every class, and no anomaly is trained on.

    The seed is that of the split alone: it stays the same whatever seed a model is trained with.

    Args:
        labels: (N,) integers, 1 = normal.
        share: of every class that goes to the test, and of the normal beats that go to validation.
        seed: of the shuffle.

    Returns:
        The OneClassSplit. ECG5000 with the defaults: 1,751 train, 584 validation, 1,000 test (584 normal, 416
        anomalies), 1,665 development.

    Raises:
        ValueError: the share leaves nothing for a part, or there are no normal beats.
    """
    labels = np.asarray(labels)
    if not 0 < share < 0.5 or not (labels == NORMAL).any():
        raise ValueError(
            f"`share` must lie between 0 and 0.5, and `labels` hold normal beats ({NORMAL}). "
            f"Received: share={share}, labels {np.unique(labels)}"
        )
    rng = np.random.default_rng(seed)
    parts = {"train": [], "validation": [], "test": [], "development": []}
    for label in np.unique(labels):
        mine = rng.permutation(np.flatnonzero(labels == label))
        n = round(share * len(mine))
        parts["test"].append(mine[:n])
        if label == NORMAL:
            parts["validation"].append(mine[n : 2 * n])
            parts["train"].append(mine[2 * n :])
        else:
            parts["development"].append(mine[n:])
    return OneClassSplit(**{name: np.sort(np.concatenate([[], *p])).astype(int) for name, p in parts.items()})
