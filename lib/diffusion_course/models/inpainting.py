"""What makes a text-to-image network one that fills holes: a further input, and what is shown to it there.

Built by hand in chapter 16. Training and pipeline both take it from here, so that they show the same.
"""

import numpy as np
from keras import ops

from diffusion_course.models.unet import UNet

HOLE = 0.0  # what a hole is filled with, in [-1, 1]: grey, as in Stable Diffusion


def widened(network: UNet, extra_channels: int) -> UNet:
    """The same network with a further input ``extra``, to which it is blind at first: fine-tuning starts from there.

    Only the first convolution grows. Its new weights are zero, so that whatever ``extra`` holds adds nothing; their
    gradient is not.

    Args:
        network: built; it stays as it is.
        extra_channels: of the new input. If the network has an ``extra`` already, that gets so many channels more,
            behind those that it has.

    Returns:
        A new network, with copies of the weights.

    Raises:
        ValueError: no channel is added.

    Reference: Brooks et al., "InstructPix2Pix", 2023 (arXiv:2211.09800), section 3.2; Stable Diffusion's inpainting
    network was begun so too.
    """
    if not extra_channels >= 1:
        raise ValueError(f"`extra_channels` must be 1 or more. Received: {extra_channels}")
    config = network.get_config()
    wider = UNet.from_config({**config, "extra_channels": config["extra_channels"] + extra_channels})
    new = {variable.path: variable for variable in wider.weights}
    for variable in network.weights:
        value = ops.convert_to_numpy(variable)
        if variable.path == "first/kernel":
            value = _with_zeros(value, network.fold**2, extra_channels)
        new[variable.path].assign(value)
    return wider


def _with_zeros(kernel: np.ndarray, folded: int, more: int) -> np.ndarray:
    """A kernel (3, 3, folded C, width) for ``more`` channels a pixel, whose weights are 0, behind the C that it has."""
    *size, channels, width = kernel.shape
    # folding puts the channels of one pixel side by side, then those of the next
    kernel = kernel.reshape(*size, folded, channels // folded, width)
    kernel = np.concatenate([kernel, np.zeros((*size, folded, more, width), kernel.dtype)], axis=-2)
    return kernel.reshape(*size, -1, width)


def extra_channels(autoencoder, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a network that fills holes is shown: the mask, then the latents of the picture with the hole made grey.

    Args:
        autoencoder: an `models.autoencoder_kl.AutoencoderKL`, or None for a network of pixels.
        x: (N, H, W, C) pictures in [-1, 1].
        mask: (N, H, W, 1), 1 where to paint; what a picture shows there has no influence.

    Returns:
        (N, h, w, 1 + c) float32; the latents are means, at the scale of the network's training.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), section 4.5.
    """
    masked = np.where(mask == 1, np.float32(HOLE), x)
    latents = masked if autoencoder is None else autoencoder.to_latents(masked)
    factor = mask.shape[1] // latents.shape[1]
    return np.concatenate([latent_mask(mask, factor), latents], axis=-1).astype("float32")


def latent_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """The mask at the latents' size: a latent is to be painted as soon as one of its pixels is.

    Args:
        mask: (N, H, W, 1) of 0 and 1.
        factor: pixels of a latent on each side; divides H and W.

    Returns:
        (N, H / factor, W / factor, 1) float32.
    """
    n, h, w, _ = mask.shape
    blocks = np.reshape(mask, (n, h // factor, factor, w // factor, factor, 1))
    return blocks.max(axis=(2, 4)).astype("float32")
