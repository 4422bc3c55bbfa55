"""Diffusers' side of `stable_diffusion.py`, for an environment with torch, diffusers, safetensors and NumPy.

It knows nothing of the course, and needs no Keras. It also makes the random weights for both sides.
"""

import json
import sys
import time
from pathlib import Path

from full_size import SCALE, TIMESTEP, conditions, forget_peak, peak_memory_bytes

# What differs between the releases, in diffusers' words.
OWN = {
    "sd-1": {"cross_attention_dim": 768, "attention_head_dim": 8},
    "sd-2": {
        "cross_attention_dim": 1024,
        "attention_head_dim": [5, 10, 20, 20],
        "use_linear_projection": True,
    },
}


def network_of(job: dict):
    """The network without weights; ``smaller`` is told in the course's words."""
    import torch
    from diffusers import UNet2DConditionModel

    smaller = job["smaller"]
    sizes = {"sample_size": smaller.get("side", 512) // 8, **OWN[job["name"]]}
    sizes["block_out_channels"] = tuple(smaller.get("widths", (320, 640, 1280, 1280)))
    with torch.device("meta"):
        return UNet2DConditionModel(**sizes)


def make(job: dict) -> dict:
    """Writes random weights, each of which keeps the spread of what it gets."""
    import torch
    from safetensors.torch import save_file

    draws = torch.Generator().manual_seed(job["seed"])
    state = {}
    for name, tensor in network_of(job).state_dict().items():
        wide = tensor.ndim > 1
        values = torch.empty(tensor.shape)
        if wide:
            values.normal_(0, tensor[0].numel() ** -0.5, generator=draws)
        else:
            values.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        state[name] = values
    path = Path(job["weights"])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    return {"parameters": sum(tensor.numel() for tensor in state.values())}


def main(job: dict) -> dict:
    """As `course_step.main`."""
    import diffusers
    import torch
    from safetensors.torch import load_file

    began = time.perf_counter()
    network = network_of(job)
    network.load_state_dict(load_file(job["weights"]), assign=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device, getattr(torch, job["dtype"])).eval()
    if device == "cuda":
        network = network.to(memory_format=torch.channels_last)
    call = torch.compile(network) if job["compiled"] else network
    loading = time.perf_counter() - began
    side = network.config.sample_size
    x, context, none = conditions((side, side, 4), network.config.cross_attention_dim)
    like = {"device": device, "dtype": network.dtype}
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(**like)
    both = torch.cat([torch.from_numpy(none)[None], torch.from_numpy(context)]).to(**like)
    forget_peak()

    @torch.inference_mode()
    def step():
        began, worked = time.perf_counter(), time.process_time()
        without, told = call(torch.cat([x, x]), TIMESTEP, both).sample.chunk(2)
        said = (without + SCALE * (told - without)).float().cpu().numpy()
        return time.perf_counter() - began, time.process_time() - worked, said

    first, _, _ = step()
    seconds, cpu_seconds, said = zip(*[step() for _ in range(job["steps"])], strict=True)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "first_s": first,
        "loading_s": loading,
        "peak_memory_bytes": peak_memory_bytes(),
        "answer": said[-1].astype("float64").ravel()[::97].tolist(),
        "versions": {"torch": torch.__version__, "diffusers": diffusers.__version__},
    }


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps(make(job) if job.get("make") else main(job)))
