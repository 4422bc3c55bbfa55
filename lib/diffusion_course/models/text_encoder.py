"""The text encoder: token ids to one vector for each token, and one for the text (chapters 12, 13 and 15)."""

import keras
from keras import layers

from diffusion_course.layers.attention import check_heads
from diffusion_course.layers.text_transformer import CausalBlock, EndPooling, TokenEmbedding
from diffusion_course.layers.transformer import LAYER_NORM_EPSILON
from diffusion_course.models.stem_and_head import common_of, config_of


@keras.saving.register_keras_serializable(package="diffusion_course")
class TextEncoder(keras.Model):
    """Causal transformer over the tokens of a text, as in CLIP and Stable Diffusion.

    No position sees a later one. So what follows the end token has no influence on what stands before it, and texts
    may be cut after the longest one's end: their hidden states stay the same.

    Args:
        vocabulary_size: how many token ids there are.
        width: size of the vectors; divisible by ``heads``.
        depth: number of blocks.
        heads: of each attention.
        length: most tokens of a text, start and end included.
        mlp_ratio: inner units of each block's second part over the width.
        activation: "gelu" or "quick_gelu", as in `CausalBlock`.
        end_id: the end token's; by default the last of the vocabulary, as in `tokenizer.Tokenizer`.

    Call arguments:
        ids: (B, L) int32, from `tokenizer.Tokenizer.encode`; L at most ``length``.

    Returns:
        A dict, float32: ``"hidden"`` (B, L, width), each token's vector after the last norm, which a U-Net takes as its
        context; ``"pooled"`` (B, width), the one at the first end token.

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: Radford et al., "Learning transferable visual models from natural language supervision", 2021
    (arXiv:2103.00020), section 2.4. Stable Diffusion 1: 49,408 tokens, width 768, depth 12, 12 heads, quick_gelu.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        width: int = 128,
        depth: int = 3,
        heads: int = 4,
        length: int = 77,
        mlp_ratio: int = 4,
        activation: str = "gelu",
        end_id: int | None = None,
        name="text_encoder",  # not numbered: weight files address variables by path
        **kwargs,
    ):
        check_heads(width, heads)
        end_id = vocabulary_size - 1 if end_id is None else end_id
        if not 0 <= end_id < vocabulary_size or length < 2:
            raise ValueError(
                "`end_id` must be below `vocabulary_size`, and `length` at least 2. "
                f"Received: end_id={end_id}, vocabulary_size={vocabulary_size}, length={length}"
            )
        common = common_of(kwargs)
        ids = keras.Input((None,), dtype="int32", name="ids")
        h = TokenEmbedding(
            vocabulary_size=vocabulary_size, length=length, units=width, name="text_embedding", **common
        )(ids)  # (B, L, width)
        for i in range(depth):
            block = {"heads": heads, "mlp_ratio": mlp_ratio, "activation": activation}
            h = CausalBlock(**block, name=f"text_block_{i}", **common)(h)
        # float32: what comes after may compute in another precision
        norm = {"epsilon": LAYER_NORM_EPSILON, "name": "text_norm", "dtype": "float32"}
        hidden = layers.LayerNormalization(**norm)(h)
        pooled = EndPooling(end_id=end_id, name="text_pooling", dtype="float32")(hidden, ids)
        super().__init__(ids, {"hidden": hidden, "pooled": pooled}, name=name, **kwargs)

        self.vocabulary_size, self.width, self.depth, self.heads = vocabulary_size, width, depth, heads
        self.length, self.mlp_ratio, self.activation, self.end_id = length, mlp_ratio, activation, end_id

    def get_config(self):
        parts = ("vocabulary_size", "width", "depth", "heads", "length", "mlp_ratio", "activation", "end_id")
        return config_of(self, parts, layer="text_embedding")
