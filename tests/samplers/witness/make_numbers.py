"""Writes numbers.json: what the diffusers library computes, for tests that then need neither it nor PyTorch.

Run by hand, in an environment of its own, when a case is added:

    python -m venv ELSEWHERE && ELSEWHERE/bin/pip install torch==2.13.0 diffusers==0.42.1 numpy==2.4.6
    ELSEWHERE/bin/python tests/samplers/witness/make_numbers.py

Those are the versions behind the committed file; PyTorch for the CPU is enough. diffusers computes its schedules, and
DPM-Solver its steps, in float32. That hides small differences behind rounding, so each case runs twice: as shipped,
of which the last picture is kept, and with the same source told to read float64 wherever it says float32, of which
every step is kept.
"""

import json
from contextlib import contextmanager
from pathlib import Path

import diffusers
import numpy as np
import torch
from denoiser import doubts, says
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.guiders.guider_utils import rescale_noise_cfg
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm, scheduling_dpmsolver_multistep

MODULES = (scheduling_ddim, scheduling_ddpm, scheduling_dpmsolver_multistep)
TARGET = Path(__file__).with_name("numbers.json")
SHAPE = (2, 2, 1)  # (B, 2, 1) of every picture
MOST_STEPS = 20
FEW = np.linspace(0.01, 0.4, 10)  # betas of a schedule so short that every step of it is taken

# Names as in `NoiseSchedule`; what diffusers calls the same.
SCHEDULES = {
    "linear": {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02},
    "scaled_linear": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "few": {"trained_betas": FEW.tolist(), "num_train_timesteps": len(FEW)},
}
KINDS = {"noise": "epsilon", "x0": "sample", "velocity": "v_prediction"}
NO_CLIP, CLIP = {"clip_sample": False}, {"clip_sample": True}
SECOND_ORDER = {"solver_order": 2, "solver_type": "midpoint"}
SDE = {**SECOND_ORDER, "algorithm_type": "sde-dpmsolver++"}
# Dynamic thresholding may stretch the limit up to `sample_max_value`: at 1 it is a plain clip, which they lack.
LIMIT = {"thresholding": True, "sample_max_value": 1.0}
NOT_OURS = (
    "ddim 0, clip, noise as predicted"  # their default: the noise is not made to fit the clipped picture
)
# name -> class, its settings, arguments of `step`
SAMPLERS = {
    "ddpm small": (DDPMScheduler, {"variance_type": "fixed_small", **NO_CLIP}, {}),
    "ddpm small, clip": (DDPMScheduler, {"variance_type": "fixed_small", **CLIP}, {}),
    "ddpm large": (DDPMScheduler, {"variance_type": "fixed_large", **NO_CLIP}, {}),
    "ddpm learned": (DDPMScheduler, {"variance_type": "learned_range", **NO_CLIP}, {}),
    "ddim 0": (DDIMScheduler, NO_CLIP, {"eta": 0.0}),
    "ddim 0, clip": (DDIMScheduler, CLIP, {"eta": 0.0, "use_clipped_model_output": True}),
    "ddim 1": (DDIMScheduler, NO_CLIP, {"eta": 1.0}),
    "ddim 1, clip": (DDIMScheduler, CLIP, {"eta": 1.0, "use_clipped_model_output": True}),
    NOT_OURS: (DDIMScheduler, CLIP, {"eta": 0.0}),
    "dpm 0": (DPMSolverMultistepScheduler, SECOND_ORDER, {}),
    "dpm 0, clip": (DPMSolverMultistepScheduler, {**SECOND_ORDER, **LIMIT}, {}),
    "dpm 1": (DPMSolverMultistepScheduler, SDE, {}),
    "dpm 1, clip": (DPMSolverMultistepScheduler, {**SDE, **LIMIT}, {}),
}


def cases():
    """(schedule, steps, kind, sampler): 1,000 steps in 5 and in 7 (no divisor), all of ten, and one longer walk."""
    yield "linear", 5, "noise", NOT_OURS
    for name in [name for name in SAMPLERS if name != NOT_OURS]:
        for kind in KINDS:
            yield from ((schedule, steps, kind, name) for schedule in list(SCHEDULES)[:3] for steps in (5, 7))
            yield "few", len(FEW), kind, name
        yield "linear", MOST_STEPS, "noise", name


class Double:
    """A library whose float32 is float64."""

    def __init__(self, library):
        self._library = library

    def __getattr__(self, name):
        return getattr(self._library, "float64" if name == "float32" else name)


@contextmanager
def in_double():
    """The schedulers' modules see `Double` libraries."""
    for module in MODULES:
        module.torch, module.np = Double(torch), Double(np)
    try:
        yield
    finally:
        for module in MODULES:
            module.torch, module.np = torch, np


def scheduler(schedule: str, name: str, kind: str = "noise"):
    make, settings, _ = SAMPLERS[name]
    spacing = {"timestep_spacing": "trailing"}  # begins at T - 1, as NoiseSchedule.respace does
    return make(**SCHEDULES[schedule], **settings, **spacing, prediction_type=KINDS[kind])


def walk(case, levels, x_T, noises, dtype):
    """The time steps that one scheduler visits, and x after each of its steps, (steps, 4) float64."""
    schedule, steps, kind, name = case
    theirs = scheduler(schedule, name, kind)
    theirs.set_timesteps(steps)
    x, film = torch.tensor(x_T, dtype=dtype), []
    for z, t in zip(noises, theirs.timesteps.tolist(), strict=False):
        level, share, here = levels[schedule][t], t / len(levels[schedule]), x.double().numpy()
        said = says(kind, here, share, np.sqrt(level), np.sqrt(1 - level))
        if name == "ddpm learned":
            said = np.concatenate([said, doubts(here, share)], axis=1)
        z = torch.tensor(z, dtype=dtype)
        # DDPM's step takes no noise from outside: it draws.
        scheduling_ddpm.randn_tensor = lambda shape, z=z, **_: z.repeat(1, shape[1] // z.shape[1], 1)[:, :2]
        given = {} if name.startswith("ddpm") else {"variance_noise": z}
        x = theirs.step(torch.tensor(said, dtype=dtype), t, x, **SAMPLERS[name][2], **given).prev_sample
        film.append(x.double().numpy().ravel())
    assert len(film) == steps and x.dtype == dtype
    return theirs.timesteps.tolist(), np.stack(film)


def schedules() -> dict:
    """alpha_bars at a few steps: as shipped, in float64, and of a schedule of 100 steps."""
    found = {}
    for name in SCHEDULES:
        shipped = scheduler(name, "ddim 0").alphas_cumprod
        with in_double():
            exact = scheduler(name, "ddim 0").alphas_cumprod
        assert shipped.dtype == torch.float32 and exact.dtype == torch.float64
        total = len(exact)
        t = sorted({0, 1, 2, *range(total // 10 - 1, total, max(total // 10, 1)), total - 2})
        found[name] = {"t": t, "alpha_bars": exact[t].tolist(), "as_shipped": shipped[t].tolist()}
        if total == 1000:
            with in_double():
                short = DDIMScheduler(**SCHEDULES[name], num_train_timesteps=100).alphas_cumprod
            found[name]["of_100"] = {"t": [0, 49, 99], "alpha_bars": short[[0, 49, 99]].tolist()}
    return found


def embeddings() -> list:
    """Time embeddings, cosines first, as Stable Diffusion's U-Net asks for them; float32."""
    found = []
    for dim, t in ((8, [0, 1, 17, 500, 999]), (64, [981])):
        waves = get_timestep_embedding(torch.tensor(t), dim, flip_sin_to_cos=True, downscale_freq_shift=0)
        found.append({"dim": dim, "t": t, "waves": np.round(waves.double().numpy(), 8).tolist()})
    return found


def guidance(rng) -> dict:
    """Guided predictions with their spread brought back, section 3.4 of Lin et al. (arXiv:2305.08891)."""
    guided, conditional = (np.round(k * rng.normal(size=(2, 2, 2, 1)), 6) for k in (3, 1))
    rescaled = {
        share: rescale_noise_cfg(torch.tensor(guided), torch.tensor(conditional), share).ravel().tolist()
        for share in (0.0, 0.7, 1.0)
    }
    return {
        "shape": guided.shape,
        "guided": guided.ravel().tolist(),
        "conditional": conditional.ravel().tolist(),
        "rescaled": rescaled,
    }


def main():
    rng = np.random.default_rng(14)
    x_T = np.round(rng.normal(size=SHAPE), 6)
    noises = np.round(rng.normal(size=(MOST_STEPS, *SHAPE)), 6)
    with in_double():
        levels = {name: scheduler(name, "ddim 0").alphas_cumprod.numpy() for name in SCHEDULES}
    walks = []
    for case in cases():
        _, shipped = walk(case, levels, x_T, noises, torch.float32)
        with in_double():
            t, film = walk(case, levels, x_T, noises, torch.float64)
        last = np.round(shipped[-1], 6).tolist() if np.isfinite(shipped[-1]).all() else None
        named = dict(zip(("schedule", "steps", "prediction", "sampler"), case, strict=True))
        walks.append({**named, "t": t, "x": np.round(film, 10).tolist(), "last_as_shipped": last})
    content = {
        "made_with": {
            "diffusers": diffusers.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "few": FEW.tolist(),
        "schedules": schedules(),
        "embeddings": embeddings(),
        "guidance_rescale": guidance(rng),
        "shape": SHAPE,
        "x_T": x_T.ravel().tolist(),
        "noises": noises.reshape(MOST_STEPS, -1).tolist(),
    }
    # One line for each walk, so that a change can be read.
    lines = [json.dumps(line, separators=(",", ":"), allow_nan=False) for line in walks]
    head = json.dumps(content, separators=(",", ":"), allow_nan=False)[:-1]
    TARGET.write_text(f'{head},\n"walks":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    print(f"{len(walks)} walks, {TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
