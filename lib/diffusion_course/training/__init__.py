"""Training: what `fit` needs beside the model."""
