"""Calls of Stable Diffusion's U-Net at full width, in a process of its own that takes its gigabytes along (chapter 17).

TensorFlow keeps the memory of what a process has freed. A notebook that had held the network would be as large until
its end, for all that follows.
"""

import json
import subprocess
import sys
import time

from diffusion_course.tools.child_environment import child_environment


def calls(name: str, *, side: int, dtype: str, count: int = 2, seed: int = 0, **smaller) -> dict:
    """Builds a network of random weights and calls it with noise and a text that means nothing.

    Args:
        name: "sd-1" or "sd-2".
        side: of the pictures, in pixels; the latents have an eighth of it.
        dtype: of weights and features, e.g. "bfloat16".
        count: of calls, each of one picture.
        seed: of weights and inputs.
        **smaller: further arguments of `models.stable_diffusion.unet`, e.g. ``widths``.

    Returns:
        ``parameters``; ``made_s``, to build it; ``seconds`` of each call, the first of which traces the network;
        ``lowest`` and ``highest`` number of the answer; and ``peak_memory_bytes`` of that process.

    Raises:
        subprocess.CalledProcessError: that process failed, for want of memory perhaps; what it wrote stands on standard
            error.
    """
    job = {"name": name, "side": side, "dtype": dtype, "count": count, "seed": seed, "smaller": smaller}
    command = [sys.executable, "-m", __name__, json.dumps(job)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=child_environment())
    return json.loads(done.stdout.splitlines()[-1])


def measure(job: dict) -> dict:
    """What `calls` returns, in this process."""
    import keras
    import numpy as np
    from keras import ops

    from diffusion_course.backend import peak_memory_bytes
    from diffusion_course.models import stable_diffusion
    from diffusion_course.models.denoiser import Denoiser

    keras.utils.set_random_seed(job["seed"])
    began = time.perf_counter()
    network = stable_diffusion.unet(job["name"], side=job["side"], dtype=job["dtype"], **job["smaller"])
    made, rng, seconds = time.perf_counter() - began, np.random.default_rng(job["seed"]), []
    x = rng.standard_normal((1, *network.image_shape), dtype="float32")
    context = rng.standard_normal((1, 77, network.context_dim), dtype="float32")
    denoise = Denoiser(network)
    for _ in range(job["count"]):
        began = time.perf_counter()
        answer = ops.convert_to_numpy(ops.cast(denoise(x, 500, context=context), "float32"))
        seconds.append(time.perf_counter() - began)
    return {
        "parameters": network.count_params(),
        "made_s": made,
        "seconds": seconds,
        "lowest": float(answer.min()),
        "highest": float(answer.max()),
        "peak_memory_bytes": peak_memory_bytes(),
    }


if __name__ == "__main__":
    from diffusion_course.backend import load_quietly

    load_quietly()
    print(json.dumps(measure(json.loads(sys.argv[1]))))
