"""Recipes of CLIP: what the training sees, what the measures say of models whose answers are known."""

import numpy as np
import pytest

from diffusion_course.datasets import scenes as drawn
from diffusion_course.datasets.scene_captions import sample_captions, scene_of
from diffusion_course.datasets.scene_pairs import swapped
from diffusion_course.datasets.scenes import is_held_out, sample_scenes
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.recipes import contrastive
from diffusion_course.tokenizer import load_tokenizer


def test_the_shipped_tokenizer_is_the_one_that_the_recipe_learns():
    assert load_tokenizer("scenes").as_bytes() == contrastive.learned_tokenizer().as_bytes()
    model = presets.build("clip-scenes").text_encoder
    tokenizer = load_tokenizer("scenes")
    assert (model.vocabulary_size, model.length) == (tokenizer.vocabulary_size, tokenizer.length)
    with pytest.raises(ValueError, match="A tokenizer must be one of scenes. Received: 'clip'"):
        load_tokenizer("clip")


def test_no_caption_is_cut(recwarn):
    captions = sample_captions(sample_scenes(2_000, seed=5, kind="both", split="all"), seed=6)
    ids = contrastive.learned_tokenizer().encode(captions)
    assert not recwarn.list and (ids == ids.max()).any(axis=1).all()
    assert max(row.tolist().index(ids.max()) + 1 for row in ids) == 18  # as `LENGTH` says


@pytest.mark.parametrize("swap", [True, False])
def test_training_pairs_belong_together_and_hold_nothing_back(swap, monkeypatch):
    data = contrastive.training_pairs("quick", swap)
    texts = contrastive.learned_tokenizer().decode(data["ids"])
    scenes = [scene_of(text.replace(" ,", ",")) for text in texts]
    assert not any(map(is_held_out, scenes))
    numbers = {}
    for scene, key in zip(scenes, data["keys"], strict=True):
        assert numbers.setdefault(scene, key) == key
    assert len(set(numbers.values())) == len(numbers)
    pictures = np.round(127.5 * (data["image"][-40:] + 1)).astype("uint8")
    assert SceneReader(drawn).read(pictures) == scenes[-40:]
    two = {scene: f for scene, f in zip(scenes, data["together"], strict=True) if len(scene.objects) == 2}
    pairs = [two.get(swapped(scene)) == family for scene, family in two.items()]
    assert all(pairs) if swap else not any(pairs)
    assert 0.3 < len(two) / len(scenes) < 0.7


class Oracle:
    """Embeds pictures and captions by what they show or say; ``blind`` to some of it."""

    log_scale = np.log(60.0)

    def __init__(self, blind=()):
        self.blind, self.seen = blind, {}

    def _vector(self, scene):
        parts = [("background", scene.background)]
        for place, o in enumerate(scene.objects):
            where = "" if "order" in self.blind else place
            parts += [
                (name + str(where), str(getattr(o, name))) for name in ("size", "colour", "shape", "position")
            ]
        kept = [part for part in parts if part[0].rstrip("01") not in self.blind] + [str(scene.relation)]
        vector = np.zeros(400)
        for part in kept:
            vector[self.seen.setdefault(part, len(self.seen))] += 1
        return vector / np.linalg.norm(vector)

    def embed_images(self, pictures):
        read = SceneReader(drawn).read(np.round(127.5 * (pictures + 1)).astype("uint8"))
        return np.stack([self._vector(scene) for scene in read])

    def embed_texts(self, ids):
        texts = contrastive.learned_tokenizer().decode(ids)
        return np.stack([self._vector(scene_of(text.replace(" ,", ","))) for text in texts])


def test_a_model_that_knows_everything_gets_everything_right():
    found = contrastive.evaluate(Oracle())
    assert len(found) == 12 and min(found.values()) == 1.0


def test_a_model_that_does_not_see_something_fails_there_and_nowhere_else():
    shares = contrastive.zero_shot_shares(
        Oracle(blind=("shape",)), contrastive.learned_tokenizer(), *contrastive.held_out("one", 300, seed=12)
    )
    assert shares.pop("shape") < 0.3 and min(shares.values()) > 0.98
    tokenizer = contrastive.learned_tokenizer()
    assert contrastive.swap_share(Oracle(blind=("order",)), tokenizer, 100) in (0.0, 1.0)  # all are ties
    assert contrastive.swap_share(Oracle(), tokenizer, 100) == 1.0
