"""Recipe of chapter 04's anomaly detector."""

import keras
import numpy as np

from diffusion_course.datasets.ecg import load_ecg5000
from diffusion_course.datasets.ecg_split import NORMAL, one_class_split
from diffusion_course.metrics.detection import auroc, confusion, threshold_at
from diffusion_course.metrics.residual_scores import smoothed_rms
from diffusion_course.recipes.base import Recipe, cosine


def train_anomaly_detector(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 64, callbacks=()
) -> keras.callbacks.History:
    """Trains a detector as chapter 04 does: mean absolute error, Adam, learning rate 2e-3 down a cosine.

    Args:
        model: signals (B, T) -> reconstructions (B, T).
        x: (N, T), normal signals only.
        epochs: passes over ``x``.
        batch_size: signals per step.
        callbacks: for `fit`.
    """
    rate = cosine(2e-3, epochs * -(-len(x) // batch_size))
    model.compile(keras.optimizers.Adam(rate), loss="mae")
    return model.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=list(callbacks))


def evaluate_anomaly_detector(
    model: keras.Model, window: int = 9, false_alarm_rate: float = 0.02
) -> dict[str, float]:
    """Chapter 04's test: the threshold comes from normal validation beats, the results from the test beats.

    Args:
        model: beats (B, 140) -> reconstructions (B, 140).
        window: points over which the residual is averaged before it becomes a score.
        false_alarm_rate: share of normal beats that may raise the alarm.
    """
    beats, labels = load_ecg5000()
    split = one_class_split(labels)

    def scores(which: np.ndarray) -> np.ndarray:
        x = beats[which]
        return smoothed_rms(x - model.predict(x, batch_size=1_000, verbose=0), window)

    is_anomaly, of_test = labels[split.test] != NORMAL, scores(split.test)
    table = confusion(of_test, is_anomaly, threshold_at(scores(split.validation), false_alarm_rate))
    return {
        "test_auroc": auroc(of_test, is_anomaly),
        "test_accuracy": table.accuracy,
        "test_recall": table.recall,
    }


def _train_ecg_detector(model: keras.Model, profile: str) -> None:
    beats, labels = load_ecg5000()
    epochs = {"quick": 5, "standard": 150, "full": 150}[profile]
    train_anomaly_detector(model, beats[one_class_split(labels).train], epochs)


RECIPES = {
    "anomaly-ecg": Recipe(
        "ECG5000, 1,751 normal beats; threshold from 584 others; measured on 584 normal beats and 416 anomalies",
        _train_ecg_detector,
        evaluate_anomaly_detector,
    ),
}
