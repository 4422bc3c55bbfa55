"""How well embeddings of pictures and of texts find each other."""

import numpy as np


def _directions(x, what: str, *ndims: int) -> np.ndarray:
    x = np.asarray(x, "float64")
    if x.ndim not in ndims or not x.size or not np.isfinite(x).all():
        raise ValueError(
            f"`{what}` must be finite, of {' or '.join(map(str, ndims))} dimensions, and not empty. "
            f"Received: shape {x.shape}"
        )
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def retrieval(image_embeddings, text_embeddings) -> dict[str, float]:
    """The share of pictures whose own text is the nearest of all, and the share of texts whose own picture is.

    Nearest is what encloses the smallest angle. A tie counts as wrong: embeddings that are all alike find nothing.

    Args:
        image_embeddings, text_embeddings: (N, D), row i of one belongs to row i of the other. No two rows should mean
            the same, or a right answer counts as wrong.

    Returns:
        ``{"image to text", "text to image"}``, from 0 to 1; chance is 1 / N.

    Raises:
        ValueError: the shapes differ, or a value is not finite.

    >>> retrieval([[1, 0], [0, 2]], [[3, 1], [4, 5]])
    {'image to text': 1.0, 'text to image': 1.0}
    """
    images = _directions(image_embeddings, "image_embeddings", 2)
    texts = _directions(text_embeddings, "text_embeddings", 2)
    if images.shape != texts.shape:
        raise ValueError(f"Both must have one shape (N, D). Received: {images.shape} and {texts.shape}")
    cosine = images @ texts.T  # (N, N), a picture a row
    own = np.diag(cosine)
    others = np.where(np.eye(len(own), dtype=bool), -np.inf, cosine)
    return {
        "image to text": float(np.mean(own > others.max(axis=1))),
        "text to image": float(np.mean(own > others.max(axis=0))),
    }


def zero_shot(image_embeddings, candidate_embeddings) -> np.ndarray:
    """Classifies pictures by the nearest of some texts, without having been trained to.

    Args:
        image_embeddings: (N, D).
        candidate_embeddings: (K, D), a text for each class, e.g. an `ensemble`; or (N, K, D), texts of each picture's
            own, e.g. its caption and that with the objects swapped.

    Returns:
        (N,) integers from 0 to K - 1, the first of several equally near ones.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.

    Reference: Radford et al. 2021 (arXiv:2103.00020), section 3.1.2.
    """
    images = _directions(image_embeddings, "image_embeddings", 2)  # (N, D)
    texts = _directions(candidate_embeddings, "candidate_embeddings", 2, 3)  # (K, D) or (N, K, D)
    if texts.shape[-1] != images.shape[-1] or (texts.ndim == 3 and len(texts) != len(images)):
        raise ValueError(
            "`candidate_embeddings` must be (K, D) or (N, K, D), for pictures (N, D). "
            f"Received: {texts.shape} for {images.shape}"
        )
    return np.einsum("nd,kd->nk" if texts.ndim == 2 else "nd,nkd->nk", images, texts).argmax(axis=1)


def ensemble(prompt_embeddings) -> np.ndarray:
    """The mean direction of several texts for one class.

    Args:
        prompt_embeddings: (K, P, D), P texts for each of K classes.

    Returns:
        (K, D), of length 1 unless the texts cancel each other out.

    Raises:
        ValueError: another shape, or a value is not finite.

    Reference: Radford et al. 2021 (arXiv:2103.00020), section 3.1.4.
    """
    means = _directions(prompt_embeddings, "prompt_embeddings", 3).mean(axis=1)
    return _directions(means, "prompt_embeddings", 2)
