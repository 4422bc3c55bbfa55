"""Contrastive training: which of these captions belongs to which of these pictures? (chapter 12)"""

import keras
import numpy as np
from keras import ops

from diffusion_course.backend import of_all_replicas
from diffusion_course.training.checkpoints import fingerprint
from diffusion_course.training.devices import share_of_loss
from diffusion_course.training.distinct_batches import distinct_batches
from diffusion_course.training.fitting import checked_pictures, fit_steps


def contrastive_loss(image, text, scale):
    """The mean of two cross entropies: of captions for a picture, and of pictures for a caption.

    Args:
        image, text: (B, D) float32, vectors of length 1; row i of one belongs to row i of the other.
        scale: the inverse temperature, what the products are multiplied by before the softmax.

    Returns:
        () in nats; log(B) for embeddings that are all alike.

    Reference: Radford et al. 2021 (arXiv:2103.00020), figure 3.
    """
    logits = scale * ops.matmul(image, ops.transpose(text))  # (B, B), a picture a row
    right = ops.sum(image * text, axis=-1) * scale  # (B,), the diagonal
    # -log softmax at the right place: log sum exp - logit
    of_captions = ops.logsumexp(logits, axis=1) - right  # (B,)
    of_pictures = ops.logsumexp(logits, axis=0) - right  # (B,)
    return ops.mean(of_captions + of_pictures) / 2


class ContrastiveTrainer(keras.Model):
    """Holds a CLIP model; ``fit({"image": pictures, "ids": token ids})`` brings together what belongs together.

    Every other row of a batch counts as wrong, so no batch may have two rows that mean the same: see
    `training.distinct_batches`. Beside the loss, ``accuracy`` is logged: the share of pictures of a batch whose own
    caption is the nearest.

    Args:
        network: a `models.clip.CLIP`.

    Call arguments:
        x: ``{"image": (B, H, W, C) in [-1, 1], "ids": (B, L) int32}``.

    Returns:
        ``{"image", "text"}``, each (B, D) float32, vectors of length 1. One pass through the network, for loss and
        gradient alike.

    Reference: Radford et al. 2021 (arXiv:2103.00020), sections 2.3 and 2.5.
    """

    def __init__(self, network, **kwargs):
        # The network's own policy, so that Keras scales the loss of a float16 network; but no casting at the door.
        policy = kwargs.pop("dtype", None) or network.dtype_policy
        super().__init__(**{"autocast": False, "dtype": policy, **kwargs})
        self.network = network
        self.accuracy = keras.metrics.Mean(name="accuracy")
        self.built = True

    def build(self, input_shape=None):
        self.built = True  # no variables but the network's, and that is built

    def call(self, x, training=False):
        return self.network(x, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # On several devices too, every other row of the whole batch is a wrong answer.
        image, text = of_all_replicas(y_pred["image"]), of_all_replicas(y_pred["text"])
        nearest = ops.argmax(ops.matmul(image, ops.transpose(text)), axis=1)  # (B,)
        self.accuracy.update_state(ops.equal(nearest, ops.arange(ops.shape(image)[0], dtype=nearest.dtype)))
        return share_of_loss(contrastive_loss(image, text, ops.exp(self.network.log_scale)))

    def plan(self) -> dict:
        """What decides how this trainer trains, by name: for a checkpoint, which no other plan may go on with."""
        return {"task": "contrastive", "dtype": self.dtype_policy.name}


def train_contrastive(
    trainer: ContrastiveTrainer,
    image,
    ids,
    *,
    keys,
    together=None,
    steps: int,
    batch_size: int = 64,
    ema: float | None = None,
    **training,
) -> dict:
    """Trains on batches in which no two rows mean the same.

    Args:
        trainer: a `ContrastiveTrainer`.
        image: (N, H, W, C) in [-1, 1].
        ids: (N, L) token ids, row i of a caption of picture i.
        keys: (N,) integers, equal where pictures show the same, e.g. `datasets.scene_pairs.scene_numbers`.
        together: None, or (N,) integers, equal for what shall be told apart in one batch, e.g. the families of
            `datasets.scene_pairs.related`: then scenes that differ in one thing are among the wrong answers.
        steps: of the whole training, with all that its checkpoint has seen.
        batch_size: pictures per step: one right answer among so many.
        ema: as in `training.fitting.fit_steps`; by default the weights are not averaged.
        **training: ``optimizer``, ``learning_rate``, ``warmup``, ``steps_per_epoch``, ``checkpoint``, ``callbacks`` and
            ``verbose``, as in `training.fitting.fit_steps`.

    Returns:
        history, as `fit_steps`: ``{"loss", "accuracy": [one value per epoch]}``.

    Raises:
        ValueError: pictures outside of [-1, 1], arrays that do not fit each other, or as `fit_steps`.
        NotFinite: as `fit_steps`.
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"`ids` must be integers of shape (N, L). Received: {ids.dtype}, shape {ids.shape}")
    data = {"image": checked_pictures(image), "ids": ids.astype("int32")}
    rows = {"keys": np.asarray(keys)} | ({} if together is None else {"together": np.asarray(together)})
    how = {"batch_size": batch_size, **rows}
    distinct_batches(data, **how)  # refuses before anything is compiled
    plan = {**trainer.plan(), "batch size": batch_size}
    plan |= {f"data {name}": fingerprint(array) for name, array in (data | rows).items()}
    return fit_steps(
        trainer,
        lambda start: distinct_batches(data, **how, start=start),
        plan=plan,
        steps=steps,
        ema=ema,
        **training,
    )
