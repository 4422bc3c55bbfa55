"""Where a network with a text looked: the attention weights of all of its transformers, read from outside.

For the U-Net with a context of chapters 11, 13 and 15. The network itself stays as it is and as fast as it is.
"""

from collections.abc import Callable

import keras
from keras import ops

from diffusion_course.backend import compile_function
from diffusion_course.layers.transformer import SpatialTransformer


def map_reader(network: keras.Model, *, compiled: bool = False) -> Callable[[dict], dict]:
    """A function that reads the maps of a network, to be called often: it sets up once what `attention_maps` needs.

    Args:
        network: a functional model with at least one `SpatialTransformer` that sees a context, such as a
            `models.unet.UNet` with a ``context_dim``.
        compiled: the first call for each shape then takes seconds, and each later one a fraction of the time.

    Returns:
        inputs -> maps, as `attention_maps`.

    Raises:
        ValueError: no layer of the network attends to a context.
    """
    found = [
        layer
        for layer in network.layers
        if isinstance(layer, SpatialTransformer) and isinstance(layer.input, list | tuple)
    ]
    if not found:
        kinds = sorted({type(layer).__name__ for layer in network.layers})
        raise ValueError(f"`network` must have a SpatialTransformer with a context. Received: {kinds}")
    # Up to where each transformer begins; from there it goes once more, with its weights.
    reads = keras.Model(network.input, {layer.name: list(layer.input) for layer in found})

    order = []  # of the network; compiled code sorts names

    def weights_of(inputs) -> dict:
        maps = {}
        for layer, (x, context) in (
            (layer, tensors[layer.name]) for tensors in [reads(inputs)] for layer in found
        ):
            _, weights = layer(x, context, return_weights=True)
            names = [layer.name] if len(weights) == 1 else [f"{layer.name}/{b.name}" for b in layer.blocks]
            maps.update(zip(names, weights, strict=True))
        order[:] = maps
        return maps

    weights_of = compile_function(weights_of, jit=False) if compiled else weights_of

    def read(inputs) -> dict:
        maps = weights_of({name: ops.convert_to_tensor(value) for name, value in inputs.items()})
        return {name: ops.convert_to_numpy(maps[name]) for name in order}

    return read


def attention_maps(network: keras.Model, inputs) -> dict:
    """How much every pixel looked at every word, in each layer of a network that attends to a context.

    Args:
        network: as in `map_reader`.
        inputs: what the network is called with, e.g. ``{"x": ..., "t": ..., "context": (B, M, E)}``.

    Returns:
        Name of the layer (with "/block_0" and so on where it has several blocks) -> array (B, heads, H W, M), in the
        order of the network. Row y W + x belongs to the pixel (y, x) of the layer's feature map; each row adds to 1.

    Raises:
        ValueError: no layer of the network attends to a context.

    Reference: Hertz et al. 2022 (arXiv:2208.01626), section 3, which calls them cross-attention maps.
    """
    return map_reader(network)(inputs)
