"""Our networks answer what those of diffusers and transformers answer, given the same weights.

`make_parity.py` says how the answers were made. Here neither library is needed.
"""

from pathlib import Path

import numpy as np
import pytest
from helpers import numpy
from published_folders import (
    FACTS,
    decoder_layers,
    diffusers_folder,
    encoder_layers,
    keras_file,
    tensors,
    text_layers,
    unet_layers,
)
from random_weights import uniform
from safetensors.numpy import load_file

from diffusion_course.course.files import sha256_of
from diffusion_course.models.published import fill, load_published
from diffusion_course.models.published_names import decoder_parts, encoder_parts, text_parts, unet_parts
from diffusion_course.models.tensor_files import KerasFile
from diffusion_course.pipelines.stable_diffusion import clip_tokenizer, put_together
from diffusion_course.pipelines.text_to_image import Start
from diffusion_course.samplers.base import last
from diffusion_course.samplers.dpm_solver import DPMSolverSampler

ANSWERS = load_file(Path(__file__).parent / "parity.safetensors")
BOUND = 1e-5  # of the largest number of the answer
TOLD = {
    "x": uniform("x", (2, 8, 16, 4)),
    "t": np.array([7, 801], "int32"),
    "context": uniform("context", (2, 5, 32)),
}


def error(ours, answer: str) -> float:
    """The largest difference, as a share of the answer's largest number."""
    wanted = ANSWERS[answer]
    assert tuple(ours.shape) == wanted.shape
    return float(np.abs(numpy(ours) - wanted).max() / np.abs(wanted).max())


@pytest.fixture(scope="module", params=["sd-1", "sd-2"])
def release(request, tmp_path_factory):
    """Name, folder and networks of a release."""
    from published_folders import make_small

    prediction = {"sd-1": "epsilon", "sd-2": "v_prediction"}[request.param]
    folder = diffusers_folder(tmp_path_factory.mktemp("published") / request.param, request.param, prediction)
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch, request.param)
        return request.param, folder, load_published(request.param, folder, side=64)


def test_text_encoder(release):
    name, _, networks = release
    told = networks.text_encoder(ANSWERS["ids"])
    assert error(told["hidden"], f"{name}/hidden") < BOUND
    assert error(told["pooled"], f"{name}/pooled") < BOUND


def test_unet(release):
    name, _, networks = release
    assert error(networks.unet(TOLD), f"{name}/unet") < BOUND


def test_autoencoder_both_ways(release):
    autoencoder = release[2].autoencoder
    mean, log_variance = autoencoder.encode(uniform("picture", (1, 64, 128, 3)))
    assert error(mean, "mean") < BOUND and error(log_variance, "log_variance") < BOUND
    assert error(autoencoder.decode(uniform("z", (1, 8, 16, 4))), "decoded") < BOUND


def test_whole_pipeline(release):
    """Two prompts with a negative one each: DDIM with 1's networks, DPM-Solver++ and velocity with 2's."""
    name, folder, networks = release
    # `make_parity.py` gives both of them texts that are filled up as for 1
    pipeline = put_together(networks, clip_tokenizer("sd-1", folder))
    np.testing.assert_array_equal(
        pipeline.tokenizer.encode(FACTS["prompts"] + FACTS["negatives"]), ANSWERS["ids"]
    )
    how = {"negative": FACTS["negatives"], "guidance_scale": 7.5, "batch_size": 2}
    how["start"] = Start(uniform("noise", (2, 8, 16, 4)))
    if name == "sd-1":
        how |= {"sampler": "ddim", "steps": FACTS["ddim_steps"]}
    else:
        sampler = pipeline.diffusion.sampler(DPMSolverSampler)
        how |= {"sampler": sampler, "steps": FACTS["dpm_steps"]}
    (walk,) = pipeline.walks(FACTS["prompts"], **how)
    latents = last(walk).x
    if name == "sd-2":
        assert error(latents, "dpm/latents") < BOUND
        return
    assert error(latents, "guided/latents") < BOUND
    assert error(pipeline.decode(latents[:1]), "guided/pictures") < BOUND


def test_one_wrong_epsilon_shows(release):
    """1e-5 for 1e-6 in one norm of many, as KerasCV has it in all: the bound above is far below what it does."""
    name, _, networks = release
    norm = networks.unet.get_layer("down_0_attention_0").norm
    assert norm.epsilon == 1e-6
    norm.epsilon = 1e-5
    try:
        assert error(networks.unet(TOLD), f"{name}/unet") > 2 * BOUND
    finally:
        norm.epsilon = 1e-6
    block = networks.autoencoder.decoder.get_layer("decoder_middle_block_0")
    block.norm_1.epsilon = 1e-5
    try:
        assert error(networks.autoencoder.decode(uniform("z", (1, 8, 16, 4))), "decoded") > 2 * BOUND
    finally:
        block.norm_1.epsilon = 1e-6


def test_keras_files_give_the_same_weights(release, tmp_path):
    """The same tensors without names, in the order of KerasCV's layers."""
    name, _, networks = release
    if name == "sd-2":  # with one block a level it is not KerasCV's network
        return
    autoencoder = networks.autoencoder
    parts = [
        (networks.unet, unet_parts(networks.unet), unet_layers(), "sd-1/unet"),
        (networks.text_encoder, text_parts(networks.text_encoder), text_layers(), "sd-1/text_encoder"),
        (autoencoder.encoder, encoder_parts(autoencoder), encoder_layers(), "vae"),
        (autoencoder.decoder, decoder_parts(autoencoder), decoder_layers(), "vae"),
    ]
    for i, (model, table, layers, source) in enumerate(parts):
        path = keras_file(tmp_path / f"{i}.h5", layers, tensors(source), chunks=i == 1)
        before = model.get_weights()
        for variable in model.weights:
            variable.assign(np.zeros(variable.shape))
        fill(model, table, KerasFile(path, sha256_of(path)))
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    # as many tensors as in the published files, less what is smaller here: ten blocks of text, two changes of width
    found = [len(KerasFile(tmp_path / f"{i}.h5", sha256_of(tmp_path / f"{i}.h5")).shapes) for i in range(4)]
    assert [found[0], found[1] + 10 * 16, found[2] + 2, found[3] + 2] == [686, 196, 108, 140]
