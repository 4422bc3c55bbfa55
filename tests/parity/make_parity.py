"""Makes parity.safetensors and parity.json: what small networks of diffusers and transformers answer.

Run it once, in an environment of its own; the tests need none of it. The files were made with Python 3.11,
torch 2.13.0 (CPU), diffusers 0.35.2 and transformers 4.57.6:

    python -m venv /tmp/parity && /tmp/parity/bin/pip install torch==2.13.0 diffusers==0.35.2 transformers==4.57.6 ftfy
    PYTHONPATH=lib:tests/parity /tmp/parity/bin/python tests/parity/make_parity.py

The networks have the published form and smaller widths; their weights follow from their names (`random_weights`), so
that only names, shapes, inputs and answers are stored. They answer in float64 and are stored in float32: the bound of
the tests is then spent on the course's rounding alone, and not on that of both.
"""

import json
import lzma
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from random_weights import tensor, uniform
from safetensors.numpy import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

HERE = Path(__file__).resolve().parent
WIDTHS, CONTEXT = (32, 64, 128, 128), 32
PROMPTS, NEGATIVES = ["a red star, 4k", "a dog's portrait"], ["blurry", ""]
DDIM_STEPS, DPM_STEPS = 5, 6
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def unet(heads, linear, blocks):
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=WIDTHS,
        layers_per_block=blocks,
        cross_attention_dim=CONTEXT,
        attention_head_dim=heads,
        use_linear_projection=linear,
    )


def text(activation):
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=CONTEXT,
            intermediate_size=4 * CONTEXT,
            num_hidden_layers=2,
            num_attention_heads=4,
            hidden_act=activation,
            bos_token_id=49406,
            eos_token_id=49407,
        )
    )


def vae():
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 32, 64, 64),
        layers_per_block=2,
        scaling_factor=0.18215,
    )


def published_tokenizer():
    packed = (HERE.parents[1] / "data" / "clip_vocabulary" / "merges.txt.xz").read_bytes()
    text = lzma.decompress(packed).decode()
    letters = list(bytes_to_unicode().values())
    symbols = [*letters, *(f"{letter}</w>" for letter in letters)]
    symbols += [line.replace(" ", "") for line in text.strip().split("\n")[1:]]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        merges, vocabulary = Path(folder, "merges.txt"), Path(folder, "vocab.json")
        merges.write_text(text, encoding="utf-8")
        vocabulary.write_text(json.dumps({s: i for i, s in enumerate(symbols)}), encoding="utf-8")
        return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def numpy(x):
    """Channels last, float32."""
    x = x.detach().float().numpy()
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x)


def picture(name, shape):
    """Input of a network, channels first: (B, H, W, C) is what is stored."""
    return torch.from_numpy(uniform(name, shape).transpose(0, 3, 1, 2).copy()).double()


@torch.no_grad()
def main() -> None:
    torch.set_default_dtype(torch.float64)  # in which transformers makes its masks
    networks = {
        "sd-1/unet": unet(8, False, 2),
        "sd-2/unet": unet([1, 2, 4, 4], True, 1),
        "sd-1/text_encoder": text("quick_gelu"),
        "sd-2/text_encoder": text("gelu"),
        "vae": vae(),
    }
    shapes = {}
    for name, network in networks.items():
        network.eval()
        state = network.state_dict()
        shapes[name] = {key: list(value.shape) for key, value in state.items() if value.is_floating_point()}
        new = {key: torch.from_numpy(tensor(key, shape)) for key, shape in shapes[name].items()}
        network.load_state_dict({**state, **new})
        network.double()

    answers, published = {}, published_tokenizer()
    told = published(
        [*PROMPTS, *NEGATIVES], padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    answers["ids"] = told.numpy().astype("int32")
    for name in ("sd-1", "sd-2"):
        out = networks[f"{name}/text_encoder"](told)
        answers[f"{name}/hidden"], answers[f"{name}/pooled"] = (
            numpy(out.last_hidden_state),
            numpy(out.pooler_output),
        )
        x, t = picture("x", (2, 8, 16, 4)), torch.tensor([7, 801])
        context = torch.from_numpy(uniform("context", (2, 5, CONTEXT))).double()
        answers[f"{name}/unet"] = numpy(networks[f"{name}/unet"](x, t, context).sample)

    autoencoder = networks["vae"]
    moments = autoencoder.encode(picture("picture", (1, 64, 128, 3))).latent_dist
    answers["mean"], answers["log_variance"] = numpy(moments.mean), numpy(moments.logvar)
    answers["decoded"] = numpy(autoencoder.decode(picture("z", (1, 8, 16, 4))).sample)

    # The whole pipeline, with Stable Diffusion 1's U-Net: each of two prompts with a negative one of its own.
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=networks["sd-1/text_encoder"],
        tokenizer=published,
        unet=networks["sd-1/unet"],
        scheduler=DDIMScheduler(
            **BETAS, clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing"
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    how = {"negative_prompt": NEGATIVES, "num_inference_steps": DDIM_STEPS, "guidance_scale": 7.5}
    how |= {"latents": picture("noise", (2, 8, 16, 4)), "height": 64, "width": 128}
    seen = []
    how["callback_on_step_end"] = lambda pipeline, step, t, given: seen.append(given["latents"]) or given
    pictures = pipeline(PROMPTS, **how, output_type="np").images[:1]
    answers["guided/latents"] = numpy(seen[-1])
    answers["guided/pictures"] = np.ascontiguousarray(pictures, dtype="float32")

    # DPM-Solver++ with velocity and Stable Diffusion 2's networks, which that pipeline guides just so.
    pipeline.register_modules(unet=networks["sd-2/unet"], text_encoder=networks["sd-2/text_encoder"])
    pipeline.scheduler = DPMSolverMultistepScheduler(
        **BETAS, prediction_type="v_prediction", timestep_spacing="linspace"
    )
    how["num_inference_steps"] = DPM_STEPS
    answers["dpm/latents"] = numpy(pipeline(PROMPTS, **how, output_type="latent").images)
    steps = pipeline.scheduler.timesteps.tolist()[::-1]

    save_file(answers, HERE / "parity.safetensors")
    facts = {"prompts": PROMPTS, "negatives": NEGATIVES, "ddim_steps": DDIM_STEPS, "dpm_steps": steps}
    (HERE / "parity.json").write_text(json.dumps({**facts, "shapes": shapes}) + "\n", encoding="utf-8")
    for name, value in answers.items():
        print(f"{name:20} {str(value.shape):20} {np.abs(value).max():.4g}")


if __name__ == "__main__":
    main()
