"""Which files hold the published weights of Stable Diffusion, and under which licence (chapter 17). Only data here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A file that somebody has published.

    Attributes:
        name: of the file, relative to the folder.
        size: in words.
        sha256: checksum.
        where: the page from which it can be had.
    """

    name: str
    size: str
    sha256: str
    where: str

    def __str__(self) -> str:
        return f"{self.name}, {self.size}, sha256 {self.sha256}, from {self.where}"


_HUB = "https://huggingface.co/"
_DECODER = Published(
    "kcv_decoder.h5",
    "198,180,272 bytes",
    "ad350a65cc8bc4a80c8103367e039a3329b4231c2469a1093869a345f55b1962",
    f"{_HUB}fchollet/stable-diffusion",
)
_ENCODER = Published(
    "vae_encoder.h5",
    "136,824,240 bytes",
    "c60fb220a40d090e0f86a6ab4c312d113e115c87c40ff75d11ffcf380aab7ebb",
    f"{_HUB}fchollet/stable-diffusion",
)
# Of each release: its text encoder, U-Net, and the autoencoder's two halves, which are the same for both.
KERAS_FILES = {
    "sd-1": {
        "text_encoder": Published(
            "kcv_encoder.h5",
            "492,466,864 bytes",
            "4789e63e07c0e54d6a34a29b45ce81ece27060c499a709d556c7755b42bb0dc4",
            f"{_HUB}fchollet/stable-diffusion",
        ),
        "unet": Published(
            "kcv_diffusion_model.h5",
            "3,439,090,152 bytes",
            "8799ff9763de13d7f30a683d653018e114ed24a6a819667da4f5ee10f9e805fe",
            f"{_HUB}fchollet/stable-diffusion",
        ),
        "encoder": _ENCODER,
        "decoder": _DECODER,
    },
    "sd-2": {
        "text_encoder": Published(
            "text_encoder_v2_1.h5",
            "1.36 GB",
            "985002e68704e1c5c3549de332218e99c5b9b745db7171d5f31fcd9a6089f25b",
            f"{_HUB}ianstenbit/keras-sd2.1",
        ),
        "unet": Published(
            "diffusion_model_v2_1.h5",
            "3.46 GB",
            "c31730e91111f98fe0e2dbde4475d381b5287ebb9672b1821796146a25c5132d",
            f"{_HUB}ianstenbit/keras-sd2.1",
        ),
        "encoder": _ENCODER,
        "decoder": _DECODER,
    },
}
# Each network's folder, and the names that its file may have there.
DIFFUSERS_FILES = {
    "unet": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"),
    "vae": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"),
    "text_encoder": ("model.safetensors", "model.fp16.safetensors"),
}
_V1_5 = f"{_HUB}stable-diffusion-v1-5/stable-diffusion-v1-5"
# For comparison; a folder of diffusers is taken with other files too.
DIFFUSERS_EXAMPLES = {
    "sd-1": (
        Published(
            "unet/diffusion_pytorch_model.safetensors",
            "3,438,167,540 bytes",
            "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
            _V1_5,
        ),
        Published(
            "vae/diffusion_pytorch_model.safetensors",
            "334,643,276 bytes",
            "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
            _V1_5,
        ),
        Published(
            "text_encoder/model.safetensors",
            "492,265,874 bytes",
            "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
            _V1_5,
        ),
    ),
    "sd-2": (),
}
LICENCES = {
    "sd-1": "CreativeML Open RAIL-M, https://huggingface.co/spaces/CompVis/stable-diffusion-license",
    "sd-2": "CreativeML Open RAIL++-M, https://github.com/Stability-AI/stablediffusion/blob/main/LICENSE-MODEL",
}


def what_is_needed(name: str) -> str:
    """Which files a release needs, how large they are, their checksums, and where their licence stands.

    Args:
        name: one of ``LICENCES``.
    """
    lines = [f"{name} must be given a folder with published weights, which the course does not ship. Either:"]
    lines += [f"  {file}" for file in KERAS_FILES[name].values()]
    lines += ["or a folder of diffusers with unet/, vae/ and text_encoder/, a safetensors file in each"]
    examples = DIFFUSERS_EXAMPLES[name]
    lines[-1] += ", e.g.:" if examples else "."
    lines += [f"  {file}" for file in examples]
    return "\n".join([*lines, f"Their licence, with rules on use: {LICENCES[name]}"])
