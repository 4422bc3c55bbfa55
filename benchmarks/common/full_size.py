"""What both sides of `stable_diffusion.py` share: inputs and memory. Needs NumPy alone, since one side has no Keras."""

from pathlib import Path

import numpy as np

TOKENS = 77
SCALE = 7.5  # of guidance
TIMESTEP = 500


def conditions(latent_shape: tuple[int, int, int], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture's noise and two texts, always the same.

    Args:
        latent_shape: (h, w, c).
        size: of a token's hidden state.

    Returns:
        The latents (1, h, w, c), the text's hidden states (1, 77, size), and those of the empty text (77, size).
    """
    rng = np.random.default_rng(0)
    shapes = ((1, *latent_shape), (1, TOKENS, size), (TOKENS, size))
    x, context, none = (rng.standard_normal(shape).astype("float32") for shape in shapes)
    return x, context, none


def forget_peak() -> None:
    """From here on `peak_memory_bytes` counts anew, where Linux lets it: loading is not what is compared."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def peak_memory_bytes() -> int | None:
    """The process's largest resident memory; None where Linux does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
