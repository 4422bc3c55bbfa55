"""Data sets as NumPy arrays in documented ranges, read from the files that come with the course."""

from diffusion_course.datasets.ecg import ECG5000_CLASSES, load_ecg5000
from diffusion_course.datasets.images import (
    FASHION_MNIST_CLASSES,
    MNIST_CLASSES,
    load_fashion_mnist,
    load_mnist,
)

__all__ = [
    "ECG5000_CLASSES",
    "FASHION_MNIST_CLASSES",
    "MNIST_CLASSES",
    "load_ecg5000",
    "load_fashion_mnist",
    "load_mnist",
]
