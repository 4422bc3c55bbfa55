"""The optimizers that `train_diffusion` knows by name; Muon is Keras's, taught to take convolutions.

Built by hand in chapter 08.
"""

import math
import re

import keras
from keras import ops


def kept_share(ema, step):
    """How much of the old average a step keeps: at first little, so that the untrained start is soon forgotten.

    Args:
        ema: the share in the long run.
        step: n, how many steps came before: 0, 1, ...; a number or a tensor.

    Returns:
        min(ema, n / (n + 9)): the average then looks back over the last tenth of all steps, until ``ema`` is reached
        (0.995 after 1,791 steps).

    Reference: ``tf.train.ExponentialMovingAverage`` with its ``num_updates``, (1 + n) / (10 + n), here counted from
    the first average.
    """
    n = ops.cast(step, "float32")
    return ops.minimum(ema, n / (n + 9))


class WarmAverages:
    """Makes an optimizer's averages (``use_ema``) start as `kept_share` says; to be named before the optimizer."""

    def _update_model_variables_moving_average(self, trainable_variables):
        share = kept_share(self.ema_momentum, self.iterations)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            if average is not None:
                kept = ops.cast(share, variable.dtype)
                average.assign(kept * average + (1 - kept) * variable)


@keras.saving.register_keras_serializable(package="diffusion_course")
class Adam(WarmAverages, keras.optimizers.Adam):
    """Keras's Adam, with averages that are warmed up."""


@keras.saving.register_keras_serializable(package="diffusion_course")
class ConvMuon(WarmAverages, keras.optimizers.Muon):
    """Muon for matrices and kernels of convolutions; Keras's own leaves the kernels to Adam. Averages are warmed up.

    Adam scales each weight by itself. Muon takes a layer's weights as what they are, a matrix: it replaces the
    averaged gradient, whose few strong directions drown all others, by the nearest matrix whose directions all have
    length 1, to within a few tenths. A kernel (h, w, C_in, C_out) counts as the matrix (h w C_in, C_out); depthwise and
    transposed convolutions keep their output channels elsewhere, so exclude those. Biases, scales and whatever has
    "embedding" in its path go to Adam at the same learning rate.

    Args:
        as in `keras.optimizers.Muon`; here without weight decay unless it is asked for.

    Reference: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; J. Liu et al., "Muon
    is scalable for LLM training", 2025 (arXiv:2502.16982), equation 4 for the size of a step.
    """

    def __init__(self, learning_rate=8e-3, *, weight_decay=None, adam_weight_decay=None, **kwargs):
        super().__init__(
            learning_rate, weight_decay=weight_decay, adam_weight_decay=adam_weight_decay, **kwargs
        )

    def _should_use_adamw(self, variable):
        if len(variable.shape) != 4:
            return super()._should_use_adamw(variable)
        kept = [*self.exclude_layers, *(["(?i)embedding"] if self.exclude_embeddings else [])]
        return any(re.search(keyword, variable.path) for keyword in kept)

    def zeropower_via_newtonschulz5(self, x, steps):
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x):
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(x):
    return ops.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))  # (h w C_in, C_out)


# name -> the class with what the course sets in it, and its usual highest learning rate
OPTIMIZERS = {
    "adam": (Adam, {"beta_2": 0.99}, 2e-3),
    "muon": (ConvMuon, {"adam_beta_2": 0.99}, 8e-3),
}


def check_optimizer(name: str) -> str:
    """Returns ``name`` if it is one of ``OPTIMIZERS``, else raises ValueError."""
    if name not in OPTIMIZERS:
        raise ValueError(f"`optimizer` must be one of {', '.join(OPTIMIZERS)}. Received: {name!r}")
    return name
