"""Draws the picture at the top of the README: the latent plane of chapter 01, decoded and coloured by class."""

from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from diffusion_course.datasets.images import load_fashion_mnist
from diffusion_course.models.presets import load_pretrained
from diffusion_course.plots import CLASS_COLOURS, plane_points
from diffusion_course.plots.grids import montage

COLUMNS, ROWS = 46, 20
model = load_pretrained("autoencoder-fashion-2")
_, (images, labels) = load_fashion_mnist()
codes = model.encoder.predict(images, batch_size=500, verbose=0)
limits = tuple(tuple(np.percentile(codes[:, i], [0.5, 99.5])) for i in (0, 1))
points = plane_points(limits, COLUMNS, ROWS)
decoded = model.decoder.predict(points, verbose=0)

# The colour of a cell is a vote of its neighbours, so that borders between classes blend.
votes = KNeighborsClassifier(25).fit(codes, labels).predict_proba(points)
colour = votes @ np.array([to_rgb(c) for c in CLASS_COLOURS])
ink = decoded * (0.35 + 0.65 * colour[:, None, None, :]) + (1 - decoded) * np.array([0.05, 0.06, 0.09])
sheet = np.uint8(montage(ink, COLUMNS, gap=0) * 255)
path = Path(__file__).with_name("hero.png")
Image.fromarray(sheet).quantize(200).save(path, optimize=True)
print(path.name, sheet.shape, path.stat().st_size, "bytes")
