"""A ruler for generated pictures: the same measure for real ones gives the floor that it is read against."""

from dataclasses import dataclass

import numpy as np

from diffusion_course.metrics.frechet import check_features, fit_gaussian, frechet_distance
from diffusion_course.metrics.inception_score import check_probabilities, inception_score
from diffusion_course.metrics.kernel import kid

_SUBSETS = 8  # for the standard error of KID: 256 pictures each of the usual 2,048


@dataclass(frozen=True)
class Quality:
    """What `Ruler.measure` found.

    Attributes:
        fid: Fréchet distance to real pictures, mean over the ruler's splits; depends on features and sample size.
        fid_ratio: ``fid`` over the floor. 1 is what real pictures get, and larger is worse.
        kid, kid_standard_error: kernel distance to all real pictures, 0 for equal distributions.
        inception_score: 1 to K.
        class_shares: (K,), share of the pictures that the classifier gives to each class; sums to 1.
    """

    fid: float
    fid_ratio: float
    kid: float
    kid_standard_error: float
    inception_score: float
    class_shares: np.ndarray


class Ruler:
    """Judges sets of generated pictures against real ones, with the features of a small classifier.

    The real pictures are dealt at random into ``samples`` held-out ones and the rest, the reference, several times.
    The **floor** is the FID of the held-out pictures against their reference; a generated set of exactly ``samples``
    pictures is held against the same references. Both terms of ``fid_ratio`` thus share extractor, reference and
    sample sizes, and the bias of FID is in both. Pictures that are themselves in the reference would come out
    below 1, so give the ruler pictures that no model was trained on.

    Args:
        classifier: has ``features(x)`` -> (N, D) and ``probabilities(x)`` -> (N, K) of pictures in [0, 1].
        real: (N, H, W, C) in [0, 1], real test pictures, N at least twice ``samples``.
        samples: pictures in a generated set. The floor follows it: FIDs at other sizes cannot be compared.
        splits: how often the real pictures are dealt, at least 2.
        seed: of the dealing.

    Attributes:
        samples: as given.
        floors: (splits,), FID of each split's held-out real pictures.
        floor: their mean.
        floor_spread: their standard deviation. The splits overlap, so it says how far one split may mislead, not how
            uncertain the mean is.

    Raises:
        ValueError: an argument breaks its rule, or the real pictures have no floor because all features are alike.
    """

    def __init__(self, classifier, real: np.ndarray, *, samples: int = 2048, splits: int = 16, seed: int = 0):
        real = _check_pictures(real, "real")
        if samples != int(samples) or not 2 * _SUBSETS <= samples <= len(real) // 2:
            raise ValueError(
                f"`samples` must be an integer from {2 * _SUBSETS} to half of the {len(real)} real pictures. "
                f"Received: samples={samples}"
            )
        if splits != int(splits) or splits < 2:
            raise ValueError(f"`splits` must be an integer of at least 2. Received: splits={splits}")
        self.classifier, self.samples, self.seed = classifier, int(samples), seed
        self._picture_shape = real.shape[1:]
        self._features = check_features(classifier.features(real))  # (N, D)
        rng = np.random.default_rng(seed)
        self._references, floors = [], []
        for _ in range(int(splits)):
            order = rng.permutation(len(real))
            reference = fit_gaussian(self._features[order[self.samples :]])
            held_out = fit_gaussian(self._features[order[: self.samples]])
            self._references.append(reference)
            floors.append(frechet_distance(*held_out, *reference))
        self.floors = np.array(floors)
        self.floor, self.floor_spread = float(self.floors.mean()), float(self.floors.std(ddof=1))
        if not self.floor > 0:
            raise ValueError("`classifier` must give features that vary. Received: all real pictures alike")

    def __repr__(self) -> str:
        return (
            f"Ruler({self.samples} samples, {len(self._features)} real pictures, {len(self.floors)} splits, "
            f"floor {self.floor:.4g} +- {self.floor_spread:.2g})"
        )

    def fid(self, pictures: np.ndarray) -> float:
        """Fréchet distance to real pictures alone, for quick checks during training; divide by ``floor``.

        Args, Raises: as in `measure`.
        """
        return self._fid(self._features_of(self._check(pictures)))

    def measure(self, pictures: np.ndarray) -> Quality:
        """All measures of one generated set.

        Args:
            pictures: (samples, H, W, C) in [0, 1], as many as the ruler's ``samples``.

        Raises:
            ValueError: another number, shape or range.
        """
        pictures = self._check(pictures)
        features = self._features_of(pictures)
        probabilities = check_probabilities(self.classifier.probabilities(pictures))
        distance = self._fid(features)
        # Fresh from the seed each time, so that the same pictures always get the same number.
        kernel, error = kid(features, self._features, subsets=_SUBSETS, rng=np.random.default_rng(self.seed))
        classes = probabilities.argmax(axis=1)
        return Quality(
            fid=distance,
            fid_ratio=distance / self.floor,
            kid=kernel,
            kid_standard_error=error,
            # One split: it uses every picture for p(y), and the order of the pictures does not matter.
            inception_score=inception_score(probabilities, splits=1)[0],
            class_shares=np.bincount(classes, minlength=probabilities.shape[1]) / len(classes),
        )

    def _fid(self, features: np.ndarray) -> float:
        mine = fit_gaussian(features)
        return float(np.mean([frechet_distance(*mine, *reference) for reference in self._references]))

    def _features_of(self, pictures: np.ndarray) -> np.ndarray:
        return check_features(self.classifier.features(pictures))

    def _check(self, pictures: np.ndarray) -> np.ndarray:
        pictures = _check_pictures(pictures, "pictures")
        if pictures.shape != (self.samples, *self._picture_shape):
            raise ValueError(
                f"`pictures` must have shape {(self.samples, *self._picture_shape)}: FID depends on the number. "
                f"Received: shape {pictures.shape}"
            )
        return pictures


def _check_pictures(pictures: np.ndarray, name: str) -> np.ndarray:
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or not len(pictures):
        raise ValueError(f"`{name}` must have shape (N, H, W, C). Received: shape {pictures.shape}")
    low, high = float(pictures.min()), float(pictures.max())
    # NaN fails too. float32 arithmetic may leave (x + 1) / 2 a hair outside.
    if pictures.dtype.kind != "f" or not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ValueError(
            f"`{name}` must be floats in [0, 1]; from [-1, 1] that is (x + 1) / 2. "
            f"Received: {pictures.dtype}, {low:g} to {high:g}"
        )
    return pictures
