"""How fast a diffusion network trains: the tutorials' loop against `DiffusionTrainer.fit`, batch 64, MNIST-shaped."""

import time

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402
from common.interleave import interleave  # noqa: E402
from common.networks import NETWORKS, described  # noqa: E402
from common.operations import FORWARD_AND_BACK, median, multiply_adds  # noqa: E402
from common.tutorial import TutorialDiffusion  # noqa: E402

from diffusion_course.schedules import NoiseSchedule  # noqa: E402
from diffusion_course.tools.pace import matrix_rate  # noqa: E402
from diffusion_course.training.batches import shuffled_batches  # noqa: E402
from diffusion_course.training.diffusion import DiffusionTrainer  # noqa: E402

BATCH = 64


def course_way(network, schedule, x, steps: int):
    """`fit`, as `train_diffusion` calls it: Adam with averaged weights, shuffled batches."""
    trainer = DiffusionTrainer(network, schedule)
    trainer.compile(keras.optimizers.Adam(5e-4, beta_2=0.99, use_ema=True, ema_momentum=0.995))
    batches = ((batch,) for batch in shuffled_batches(x, batch_size=BATCH))

    def run() -> int:
        trainer.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0)
        return steps

    return run


def tutorial_way(network, schedule, x, steps: int):
    """Batches in order, `train_on_batch`, and a second pass for the loss."""
    network.compile(keras.optimizers.Adam(5e-4), loss="mse")
    diffusion, state = TutorialDiffusion(schedule), {"step": 0}

    def run() -> int:
        for _ in range(steps):
            first = state["step"] * BATCH % (len(x) - BATCH + 1)
            diffusion.train_step(network, x[first : first + BATCH])
            state["step"] += 1
        return steps

    return run


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__, rounds=5)
    parser.add_argument("--steps", type=int, default=12, help="training steps per measurement")
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    keras.utils.set_random_seed(options.seed)
    schedule = NoiseSchedule.linear(500)
    # What the pixels show does not change the time.
    x = np.random.default_rng(options.seed).uniform(-1, 1, (1024, 28, 28, 1)).astype("float32")
    one = {"x": x[:1], "t": np.zeros(1, "int32")}
    networks = {name: NETWORKS[name]() for name in ("tutorial", "recommended")}
    work = {name: FORWARD_AND_BACK * multiply_adds(network, one) for name, network in networks.items()}
    rates = []

    def matrices() -> int:
        rates.append(matrix_rate())
        return 1

    seconds = interleave(
        {
            "tutorial": tutorial_way(NETWORKS["tutorial"](), schedule, x, options.steps),
            "fit": course_way(networks["tutorial"], schedule, x, options.steps),
            "fit, recommended network": course_way(networks["recommended"], schedule, x, options.steps),
            "matrix product": matrices,
        },
        options.rounds,
    )
    seconds.pop("matrix product")
    ratios = {name: record.median_ratio(seconds["tutorial"], seconds[name]) for name in list(seconds)[1:]}
    pictures = {name: BATCH / median(values) for name, values in seconds.items()}
    rate = median(rates[1:])
    # Per round, because a product and a step that ran minutes apart saw different loads
    shares = {
        name: median(
            [
                work[net] * BATCH / step / of_matrices
                for step, of_matrices in zip(seconds[name], rates[1:], strict=True)
            ]
        )
        for name, net in (("fit", "tutorial"), ("fit, recommended network", "recommended"))
    }
    content = {
        "benchmark": "training",
        "what": f"pictures of 28 x 28 x 1, batch {BATCH}, {options.steps} steps per measurement; "
        "the tutorials' loop runs the network a second time after each step, for the loss that it prints",
        **environment,
        "seed": options.seed,
        "rounds": options.rounds,
        "networks": {name: described(network) for name, network in networks.items()},
        "multiply_adds_per_picture": work,
        "pictures_per_second": pictures,
        "ratios_to_tutorial": ratios,
        "matrix_product_multiply_adds_per_second": rate,
        "share_of_matrix_product_rate": shares,
        "seconds": time.monotonic() - began,
        "rows": [
            {
                "what": "training, same network, batch 64",
                "tutorial": pictures["tutorial"],
                "course": pictures["fit"],
                "unit": "pictures/s",
                "ratio": ratios["fit"],
            },
            {
                "what": "training, the network that the course advises",
                "tutorial": pictures["tutorial"],
                "course": pictures["fit, recommended network"],
                "unit": "pictures/s",
                "ratio": ratios["fit, recommended network"],
            },
        ],
    }
    path = record.write("training", record.rounded(content), options.out)
    for name in seconds:
        share = f"{shares[name]:6.0%} of the matrix product's rate" if name in shares else ""
        print(f"{name:28} {pictures[name]:8.1f} pictures/s  {ratios.get(name, 1):6.2f} x {share}")
    print(path)
    return content


if __name__ == "__main__":
    main()
