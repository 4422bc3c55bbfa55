"""A small residual classifier: the ruler by which later chapters measure generated pictures."""

import keras
from keras import layers


def _residual_block(x, channels: int, stride: int, name: str):
    """conv-norm-relu-conv-norm, added to its input (projected where sizes differ), then relu."""
    shortcut = x
    if stride > 1 or x.shape[-1] != channels:
        shortcut = layers.Conv2D(channels, 1, strides=stride, use_bias=False, name=f"{name}_project")(x)
        shortcut = layers.BatchNormalization(name=f"{name}_project_norm")(shortcut)
    for i, s in enumerate((stride, 1)):
        x = layers.Conv2D(channels, 3, strides=s, padding="same", use_bias=False, name=f"{name}_conv_{i}")(x)
        x = layers.BatchNormalization(name=f"{name}_norm_{i}")(x)
        if i == 0:
            x = layers.Activation("relu", name=f"{name}_relu")(x)
    return layers.Activation("relu", name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


@keras.saving.register_keras_serializable(package="diffusion_course")
class Classifier(keras.Model):
    """Residual network for small pictures, with access to the features before its last layer.

    Args:
        num_classes: K, at least 2.
        image_shape: (H, W, C).
        widths: channels of the stages; the first keeps the size of the stem's output, each later one halves it.
        dropout: share of features dropped in training, 0 to 1 (exclusive).

    Call arguments:
        x: pictures (B, H, W, C) in [0, 1].

    Returns:
        (B, K), logits.

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_shape=(28, 28, 1),
        widths=(32, 48, 96),
        dropout: float = 0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must be from 0 to below 1. Received: dropout={dropout}")
        self.num_classes, self.image_shape = num_classes, tuple(image_shape)
        self.widths, self.dropout = tuple(widths), dropout
        image = keras.Input(self.image_shape, name="image")
        # The stem halves at once: at full size the first layers would cost more than all others together.
        x = layers.Conv2D(widths[0], 5, strides=2, padding="same", use_bias=False, name="stem")(image)
        x = layers.Activation("relu", name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
        for i, width in enumerate(widths):
            x = _residual_block(x, width, 1 if i == 0 else 2, f"stage_{i}")
        features = layers.GlobalAveragePooling2D(name="features")(x)
        self.extractor = keras.Model(image, features, name="extractor")
        inputs = keras.Input((widths[-1],), name="features_in")
        logits = layers.Dense(num_classes, name="logits")(layers.Dropout(dropout, name="dropout")(inputs))
        self.head = keras.Model(inputs, logits, name="head")
        self.build((None, *self.image_shape))

    def build(self, x_shape):
        # Both parts are functional models, built when they were made; only the flag is missing.
        self.built = True

    def call(self, x, training=False):
        return self.head(self.extractor(x, training=training), training=training)

    def features(self, x):
        """Features (N, widths[-1]) of pictures (N, H, W, C) in [0, 1], float32 NumPy: what FID and KID compare."""
        return self.extractor.predict(x, batch_size=500, verbose=0)

    def probabilities(self, x):
        """Class probabilities (N, K) of pictures (N, H, W, C) in [0, 1], float32 NumPy."""
        return keras.ops.convert_to_numpy(keras.ops.softmax(self.predict(x, batch_size=500, verbose=0)))

    def compute_output_shape(self, x_shape):
        return (x_shape[0], self.num_classes)

    def get_config(self):
        names = ("num_classes", "image_shape", "widths", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
