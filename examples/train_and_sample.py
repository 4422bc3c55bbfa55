"""From nothing to digits in one file: trains a small diffusion network, and lets it draw.

    .venv/bin/python examples/train_and_sample.py [steps] [picture.png]

800 steps took 152 seconds, all of it 220, on two CPU cores at half the pace that the README names. Most of the digits
could be read then; more steps make more of them so.
"""

import sys

import numpy as np
from PIL import Image

from diffusion_course.datasets.images import load_mnist
from diffusion_course.models.denoiser import Denoiser
from diffusion_course.models.unet import UNet
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.callbacks import ProgressBar
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 800
path = sys.argv[2] if len(sys.argv) > 2 else "digits.png"

# Data: pictures in [-1, 1], and which digit each is.
images, labels = load_mnist(split="train")
images = 2 * images - 1  # (60,000, 28, 28, 1)

# Network, noise schedule, training: it learns to say the velocity of noisy pictures, told the step and the digit.
schedule = NoiseSchedule.cosine(1000)
network = UNet(fold=2, widths=(32, 64), num_res_blocks=1, num_classes=10)
trainer = DiffusionTrainer(network, schedule, prediction="velocity", focus=(-0.5, 1.5))
train_diffusion(
    trainer, images, conditions={"label": labels}, steps=steps, optimizer="muon", warmup=steps // 10,
    callbacks=[ProgressBar()],
)  # fmt: skip

# Sampling: from noise to eight of each digit, 50 calls of the network.
sampler = DPMSolverSampler(schedule, prediction="velocity", eta=1.0)
noise = np.random.default_rng(0).standard_normal((80, 28, 28, 1), dtype="float32")
digits = sampler.sample(Denoiser(network), noise, steps=50, label=np.repeat(np.arange(10), 8))

sheet = np.clip(127.5 * (np.asarray(digits)[..., 0] + 1), 0, 255).astype("uint8")
sheet = np.concatenate(
    [np.concatenate(list(row), axis=0) for row in np.split(sheet, 10)], axis=1
)  # (8 * 28, 10 * 28)
Image.fromarray(sheet).resize((1120, 896), Image.Resampling.NEAREST).save(path)
print(f"Eight of each digit, as the network draws them: {path}")
