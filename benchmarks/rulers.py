"""The same generated pictures on two rulers: what a FID ratio says depends on the features that it is measured with.

The course's classifier has 96 features. Others use more: the second ruler is a classifier of the shape that fastai's
course measures its Fashion-MNIST pictures with, five stages that halve, 512 features, trained here from scratch. Both
rulers hold 2,048 pictures against the same test pictures, and divide by what as many real ones get. Training pictures
go through both as well: a model that had the data by heart would do as well as they.
"""

import time

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.models.classifier import Classifier  # noqa: E402
from diffusion_course.pipelines.diffusion import RECOMMENDED_ETA, RECOMMENDED_SAMPLER, load_pipeline  # noqa: E402
from diffusion_course.recipes.base import TITLES, cosine, test_data, training_data  # noqa: E402
from diffusion_course.recipes.diffusion import CALLS, SAMPLES, SETS, SPLITS  # noqa: E402

WIDTHS = (32, 64, 128, 256, 512)  # 14 x 14 pixels down to 1 x 1
BATCH = 128


def wide_classifier(dataset: str, epochs: int) -> tuple[Classifier, float]:
    """A classifier with 512 features, trained, and its accuracy on test pictures."""
    (x, y), (x_test, y_test) = training_data(dataset, "standard"), test_data(dataset)
    model = Classifier(widths=WIDTHS)
    steps = epochs * -(-len(x) // BATCH)
    model.compile(
        keras.optimizers.AdamW(cosine(2e-3, steps, warmup=min(200, steps // 2)), weight_decay=0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    return model, float(np.mean(model.probabilities(x_test).argmax(axis=1) == y_test))


def measure(dataset: str, options) -> list[dict]:
    """One entry per ruler: floor, and FID ratio of training pictures and of generated ones."""
    real, _ = test_data(dataset)
    training, _ = training_data(dataset, "standard")
    order = np.random.default_rng(options.seed).permutation(len(training))
    sets = range(options.seed, options.seed + options.sets)
    pipeline = load_pipeline(f"unet-{dataset}")
    guided = load_pipeline(f"unet-{dataset}", guide=True)
    made = [pipeline.generate(options.samples, steps=options.calls, seed=seed) for seed in sets]
    steps = options.calls // guided.calls_per_step  # as many network calls as without
    led = [guided.generate(options.samples, steps=steps, seed=seed) for seed in sets]
    seen = [training[order[i * options.samples :][: options.samples]] for i in range(options.sets)]
    wide, accuracy = wide_classifier(dataset, options.epochs)
    found = []
    for classifier, extra in (
        (presets.load_pretrained(f"classifier-{dataset}"), {}),
        (wide, {"trained_epochs": options.epochs, "test_accuracy": accuracy}),
    ):
        ruler = Ruler(classifier, real, samples=options.samples, splits=SPLITS)
        kinds = {"training": seen, "generated": made, "guided": led}
        fids = {kind: [ruler.fid(x) for x in pictures] for kind, pictures in kinds.items()}
        found.append(
            {
                "dataset": dataset,
                "features": classifier.widths[-1],
                **extra,
                "floor": ruler.floor,
                "fid": {kind: float(np.mean(values)) for kind, values in fids.items()},
                "fid_ratio": {kind: float(np.mean(values)) / ruler.floor for kind, values in fids.items()},
                "fid_ratio_of_each_set": {
                    kind: [v / ruler.floor for v in values] for kind, values in fids.items()
                },
            }
        )
        print(
            f"{dataset:8} {found[-1]['features']:4} features  floor {ruler.floor:8.4g}  ratio of "
            + ", ".join(f"{kind} {ratio:.3f}" for kind, ratio in found[-1]["fid_ratio"].items())
        )
    return found


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--datasets", nargs="*", choices=TITLES, default=["mnist", "fashion"])
    parser.add_argument("--samples", type=int, default=SAMPLES, help="pictures in a set")
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--calls", type=int, default=CALLS, help="of the network, per picture")
    parser.add_argument("--epochs", type=int, default=4, help="of the classifier with 512 features")
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    keras.utils.set_random_seed(options.seed)
    rulers = [entry for dataset in options.datasets for entry in measure(dataset, options)]
    content = {
        "benchmark": "rulers",
        "what": f"shipped weights, {options.sets} sets of {options.samples} pictures, {options.calls} network calls, "
        f"{RECOMMENDED_SAMPLER.__name__} with eta = {RECOMMENDED_ETA:g}, guided with half as many steps; "
        "FID over the FID of as many real test pictures, same reference",
        **environment,
        "seed": options.seed,
        "rulers": rulers,
        "seconds": time.monotonic() - began,
        "quality": [
            {
                "what": f"{TITLES[entry['dataset']]}, {entry['features']} features",
                "floor": entry["floor"],
                **entry["fid_ratio"],
            }
            for entry in rulers
        ],
    }
    print(record.write("rulers", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
