"""ECG5000: five thousand heartbeats of one patient, each 140 numbers long."""

import numpy as np

from diffusion_course.datasets.idx import load_idx

# Label k is ECG5000_CLASSES[k - 1].
ECG5000_CLASSES = (
    "Normal",
    "R-on-T premature ventricular contraction",
    "Premature ventricular contraction",
    "Supraventricular premature or ectopic beat",
    "Unclassified",
)

BEATS, LENGTH = 5_000, 140
TRAIN_SIZE = 500

# Stored as int16 in steps of 1/4096. The largest value is 7.41, so that 7.99 = 32767/4096 holds them all.
STEPS_PER_UNIT = 4_096
LARGEST_ERROR = 0.5 / STEPS_PER_UNIT


def quantise(beats: np.ndarray) -> np.ndarray:
    """Rounds to the steps in which the beats are stored, off by at most ``LARGEST_ERROR`` (0.000122).

    Args:
        beats: float, any shape, within -8 ... 7.9998.

    Returns:
        int16 of the same shape.

    Raises:
        ValueError: a value is outside, or NaN.
    """
    steps = np.rint(np.asarray(beats, "float64") * STEPS_PER_UNIT)
    outside = ~((steps >= -32_768) & (steps <= 32_767))
    if outside.any():
        raise ValueError(
            f"Beats must lie within -8 ... 7.9998. Received: {np.asarray(beats)[outside].flat[0]}"
        )
    return steps.astype("int16")


def load_ecg5000() -> tuple[np.ndarray, np.ndarray]:
    """ECG5000, the 500 beats of the official training part first, then the 4,500 of the test part.

    Each beat was cut from the recording, stretched to 140 points and scaled to mean 0 and standard deviation 1 by
    the archive's authors: amplitude and duration are gone, and a point is no fixed time. All beats come from one
    patient with severe heart failure (20 hours, record chf07), so a model knows this heart and no other. The
    labels come from an automated annotation that nobody corrected by hand. The archive numbers the classes and
    does not name them; the names follow the literature on the set, which does not agree on 3 and 4. The names
    used here put as class 3 the beats whose mean looks most like that of class 2, the other ventricular one.
    This is material for learning, not a medical device.

    Returns:
        ``(beats, labels)``: float32 (5000, 140), about -7.1 ... 7.4, each value within 0.000122 of the archive's;
        int64 (5000,), 1 ... 5, with 2919, 1767, 96, 194 and 24 beats (``ECG5000_CLASSES[label - 1]``).

    Raises:
        MissingFile, DamagedFile: a file is absent, cut short or changed; the message names it and the remedy.

    Reference:
        Chen, Hao, Rakthanmanon, Zakaria, Hu and Keogh (2015), A general framework for never-ending learning from
        time series streams. Goldberger et al. (2000), PhysioBank, PhysioToolkit, and PhysioNet.
    """
    steps = load_idx("ecg5000/beats-idx2-short.xz", (BEATS, LENGTH), "int16")
    labels = load_idx("ecg5000/labels-idx1-ubyte.xz", (BEATS,), "uint8")
    # Exact: a power of two, and 15 bits fit a float32.
    return steps.astype("float32") / np.float32(STEPS_PER_UNIT), labels.astype("int64")
