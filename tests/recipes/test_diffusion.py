"""Recipes of diffusion networks: stages go on from each other, a learned variance from the trained network."""

import keras
import numpy as np
import pytest

from diffusion_course.models import presets
from diffusion_course.models.unet import UNet
from diffusion_course.recipes import diffusion

SMALL = {"image_shape": (8, 8, 1), "fold": 2, "widths": (4,), "groups": 2, "heads": 2, "num_res_blocks": 1}


def test_network_with_a_variance_starts_as_the_one_without():
    rng = np.random.default_rng(0)
    plain, both = UNet(**SMALL), UNet(**SMALL, out_channels=2)
    for weight in plain.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    diffusion.start_from(both, plain)
    inputs = {"x": rng.standard_normal((2, 8, 8, 1)).astype("float32"), "t": np.array([3, 9])}
    out = np.asarray(both(inputs))
    np.testing.assert_allclose(out[..., :1], np.asarray(plain(inputs)), atol=1e-5)
    np.testing.assert_array_equal(out[..., 1:], 0)


def test_untrained_network_has_the_loss_of_predicting_nothing():
    # the velocity signal noise - sigma x0 has variance between that of noise, 1, and that of the pictures
    assert 0.7 < diffusion.test_loss(presets.build("unet-mnist"), "unet-mnist", count=200) < 1.1


@pytest.fixture
def two_stages(tmp_path, monkeypatch):
    """The recipe of two stages of two epochs each, and the folder of its checkpoints."""
    monkeypatch.setattr(diffusion, "build_dir", lambda: tmp_path)
    muon = diffusion.Stage(4, "muon", ema=0.5, learning_rate=2e-3, focus=(0.0, 2.0))
    stages = (diffusion.Stage(4, ema=0.5, learning_rate=2e-3), muon)
    monkeypatch.setitem(diffusion.PLANS, "unet-mnist", diffusion.Plan("mnist", stages))
    monkeypatch.setattr(diffusion, "PROFILE_STEPS", {"quick": lambda steps: steps})
    trained = diffusion.train_diffusion

    def short_epochs(*args, **kwargs):
        return trained(*args, **{**kwargs, "steps_per_epoch": 2})

    monkeypatch.setattr(diffusion, "train_diffusion", short_epochs)
    pictures = np.random.default_rng(0).random((64, 8, 8, 1), dtype="float32")
    monkeypatch.setattr(diffusion, "training_data", lambda dataset, profile: (pictures, None))
    return diffusion._recipe("unet-mnist"), tmp_path / "checkpoints"


def test_stages_go_on_from_one_another_and_survive_an_interruption(two_stages, monkeypatch):
    (recipe, folder), train = two_stages, two_stages[0].train
    rates, kinds, starts, ends = [], [], [], []
    interrupt_at = 3  # in the second stage, after its first checkpoint

    class Watch(keras.callbacks.Callback):
        def weights(self):
            return [keras.ops.convert_to_numpy(w).copy() for w in self.model.network.trainable_variables]

        def on_train_begin(self, logs=None):
            starts.append(self.weights())

        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            kinds.append((type(self.model.optimizer).__name__, self.model.focus))
            if len(rates) == interrupt_at:
                raise KeyboardInterrupt

        def on_train_end(self, logs=None):
            ends.append(self.weights())

    monkeypatch.setattr(diffusion, "ProgressBar", Watch)
    with pytest.raises(KeyboardInterrupt):
        train(UNet(**SMALL), "quick")
    moved = [np.abs(end - start).max() for start, end in zip(starts[0], ends[0], strict=True)]
    assert max(moved) > 1e-4
    for end, start in zip(ends[0], starts[1], strict=True):
        np.testing.assert_array_equal(end, start)

    network = UNet(**SMALL)
    assert train(network, "quick") > 0
    assert len(rates) == 4  # the epochs of the first run were not trained again
    assert rates[2:] == rates[:2]  # the learning rate rose and fell once per stage
    assert kinds[1:3] == [("Adam", None), ("ConvMuon", (0.0, 2.0))]
    for end, own in zip(ends[-1], network.trainable_variables, strict=True):
        np.testing.assert_array_equal(end, keras.ops.convert_to_numpy(own))
    # the checkpoints stay until the weights are safe, and another seed has others
    assert len(list(folder.iterdir())) == 2
    recipe.tidy("quick", 1)
    assert len(list(folder.iterdir())) == 2
    recipe.tidy("quick", 0)
    assert not list(folder.iterdir())
