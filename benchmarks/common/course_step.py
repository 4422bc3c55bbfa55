"""The course's side of `stable_diffusion.py`, which runs it as a process of its own: guided steps at full size."""

import json
import sys
import time
from pathlib import Path

from common.full_size import SCALE, TIMESTEP, conditions, forget_peak, peak_memory_bytes
from diffusion_course.backend import device_report, load_quietly


def main(job: dict) -> dict:
    """What `stable_diffusion.py` says, see there; the result is what it keeps of a process."""
    load_quietly()
    import keras

    from diffusion_course.models import stable_diffusion
    from diffusion_course.models.denoiser import Denoiser
    from diffusion_course.models.guidance import classifier_free
    from diffusion_course.models.published import fill
    from diffusion_course.models.published_names import unet_parts
    from diffusion_course.models.tensor_files import SafetensorsFile

    began = time.perf_counter()
    network = stable_diffusion.unet(job["name"], dtype=job["dtype"], **job["smaller"])
    fill(network, unet_parts(network), SafetensorsFile(Path(job["weights"])))
    loading = time.perf_counter() - began
    x, context, none = conditions(network.image_shape, network.context_dim)
    denoise = classifier_free(Denoiser(network, jit=job["compiled"]), {"context": none}, SCALE)
    forget_peak()

    def step():
        began, worked = time.perf_counter(), time.process_time()
        said = keras.ops.convert_to_numpy(denoise(x, TIMESTEP, context=context))
        return time.perf_counter() - began, time.process_time() - worked, said

    first, _, _ = step()
    seconds, cpu_seconds, said = zip(*[step() for _ in range(job["steps"])], strict=True)
    report = device_report()
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "first_s": first,
        "loading_s": loading,
        "peak_memory_bytes": peak_memory_bytes(),
        "answer": said[-1].astype("float64").transpose(0, 3, 1, 2).ravel()[::97].tolist(),
        "versions": {"keras": report["keras_version"], report["backend"]: report["backend_version"]},
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
