"""How much arithmetic a network needs: multiply-adds of convolutions, dense layers and attention, from their shapes."""

import contextlib
import math
from typing import NamedTuple
from unittest.mock import patch

import keras
from keras import layers

from diffusion_course.layers import attention as attention_module
from diffusion_course.layers import transformer as transformer_module

FORWARD_AND_BACK = 3  # the gradient needs one product for the weights and one for the input of each layer


class Product(NamedTuple):
    """One product of a network.

    Attributes:
        path: of its layer, such as "down_0_block_0/conv_1" or "down_0_attention_0/block_0/self_attention". An attention
            that takes few queries at a time is several products of one path.
        kind: "convolution", "dense" or "attention".
        multiply_adds: 2 floating-point operations each.
    """

    path: str
    kind: str
    multiply_adds: int


def multiply_adds(model: keras.Model, inputs) -> int:
    """Multiply-adds of one call, counted while it runs: what a layer really did, not what it says it will.

    Normalisation, activations and sums are left out; they are few beside the products.

    Args:
        model: built.
        inputs: a batch of one; or `keras.KerasTensor` of its shapes, and nothing is computed: then the model may be one
            without weights, of `models.stable_diffusion.shapes_only`.

    Returns:
        Number of multiply-adds, 2 floating-point operations each.
    """
    return sum(product.multiply_adds for product in products(model, inputs))


def products(model: keras.Model, inputs) -> list[Product]:
    """Each product of one call, in the order of the call; arguments as in `multiply_adds`."""
    counted = []

    def counts(cls, kind, number):
        original = cls.call

        def counting(self, x, *args, **kwargs):
            y = original(self, x, *args, **kwargs)
            counted.append(Product(self.kernel.path.removesuffix("/kernel"), kind, number(self, x, y)))
            return y

        return patch.object(cls, "call", counting)

    def size(tensor):
        return math.prod(tensor.shape)

    plain_attention = attention_module.attention

    def counting_attention(q, k, v, mask=None):
        batch, n, heads, d = q.shape
        # of the last layer with a kernel, not of an attention: some compute theirs in parts
        layer = next((product.path for product in reversed(counted) if product.kind != "attention"), "")
        path = layer.rpartition("/")[0]
        counted.append(Product(path, "attention", batch * heads * n * k.shape[1] * (d + v.shape[-1])))
        return plain_attention(q, k, v, mask)

    with contextlib.ExitStack() as stack:
        for patched in (
            counts(layers.Dense, "dense", lambda layer, x, y: size(y) * x.shape[-1]),
            counts(
                layers.Conv2D,
                "convolution",
                lambda layer, x, y: size(y) * math.prod(layer.kernel.shape[:-1]),
            ),
            # (height, width, out, in): each input value meets the whole kernel of its channel
            counts(
                layers.Conv2DTranspose,
                "convolution",
                lambda layer, x, y: size(x) * math.prod(layer.kernel.shape[:-1]),
            ),
            patch.object(attention_module, "attention", counting_attention),
            patch.object(transformer_module, "attention", counting_attention),
        ):
            stack.enter_context(patched)
        if any(isinstance(x, keras.KerasTensor) for x in keras.tree.flatten(inputs)):
            _Traced(model)(inputs)
        else:
            model(inputs)
    return counted


class _Traced(layers.Layer):
    """Goes through a model's layers with symbols, which have the shapes that numbers would have."""

    def __init__(self, model):
        super().__init__()
        self._run = lambda inputs: model(inputs)  # not as an attribute that Keras would track
        self.built = True

    def call(self, inputs):
        return self._run(inputs)
