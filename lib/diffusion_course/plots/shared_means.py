"""Which numbers of a tensor share a mean: normalisations as partitions of pictures times channels (chapter 07)."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def shared_means(labels: Mapping[str, np.ndarray]) -> Figure:
    """A grid for each normalisation: rows are pictures, columns are channels, a white line parts what is apart.

    Args:
        labels: name -> (pictures, channels) integers; squares with the same number share one mean.

    Raises:
        ValueError: no grid, or one that is not two-dimensional.
    """
    grids = {name: np.asarray(label) for name, label in labels.items()}
    if not grids or any(label.ndim != 2 for label in grids.values()):
        raise ValueError(
            f"`labels` must hold grids (pictures, channels). Received: {[g.shape for g in grids.values()]}"
        )
    figure, axes = plt.subplots(1, len(grids), figsize=(2.15 * len(grids), 2.4), squeeze=False)
    for ax, (name, label) in zip(axes[0], grids.items(), strict=True):
        rows, columns = label.shape
        ax.imshow(0.3 + 0.5 * (label * 5 % 8) / 8, cmap="cividis", vmin=0, vmax=1)
        for i in range(rows):
            for j in range(columns):
                if j + 1 < columns and label[i, j] != label[i, j + 1]:
                    ax.plot([j + 0.5] * 2, [i - 0.5, i + 0.5], color="white", linewidth=2)
                if i + 1 < rows and label[i, j] != label[i + 1, j]:
                    ax.plot([j - 0.5, j + 0.5], [i + 0.5] * 2, color="white", linewidth=2)
        ax.set_title(name, fontsize=11)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"{columns} channels")
    axes[0, 0].set_ylabel(f"{len(next(iter(grids.values())))} pictures")
    figure.tight_layout()
    return figure
