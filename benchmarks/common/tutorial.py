"""How widely copied tutorials train and sample a diffusion model on TensorFlow: the slow side of every comparison.

What makes it slow is kept: schedule constants gathered op by op, a network called eagerly, every step copied to NumPy,
and a second forward pass for a loss that `train_on_batch` has already computed. The network is the course's own, the
same on both sides, so that only the way of running it is compared. Needs TensorFlow.
"""

import numpy as np
import tensorflow as tf


class TutorialDiffusion:
    """Noise prediction with 500 linear steps; columns of the schedule as float32 constants.

    Args:
        schedule: a NoiseSchedule.
    """

    def __init__(self, schedule):
        def column(values):
            return tf.constant(values, dtype=tf.float32)

        self.steps = len(schedule)
        self.signal, self.sigma = column(schedule.signal), column(schedule.sigma)
        self.recip_signal = column(1 / schedule.signal)
        self.recip_noise = column(schedule.sigma / schedule.signal)
        self.mean_x0, self.mean_xt = column(schedule.posterior_mean_x0), column(schedule.posterior_mean_xt)
        self.log_variance = column(np.log(np.maximum(schedule.posterior_variance, 1e-20)))

    @staticmethod
    def _at(values, t):
        return tf.reshape(tf.gather(values, t), (-1, 1, 1, 1))

    def noisy(self, x, t, noise):
        """x_t of clean pictures x."""
        return self._at(self.signal, t) * x + self._at(self.sigma, t) * noise

    def step(self, network, x, t):
        """One ancestral step, eagerly: x (B, H, W, C), t (B,)."""
        predicted = network({"x": x, "t": t})
        x0 = self._at(self.recip_signal, t) * x - self._at(self.recip_noise, t) * predicted
        x0 = tf.clip_by_value(x0, -1.0, 1.0)
        mean = self._at(self.mean_x0, t) * x0 + self._at(self.mean_xt, t) * x
        noise = tf.random.normal(tf.shape(x))
        not_last = tf.reshape(1.0 - tf.cast(tf.equal(t, 0), tf.float32), (-1, 1, 1, 1))
        return mean + not_last * tf.exp(0.5 * self._at(self.log_variance, t)) * noise

    def sample(self, network, shape, steps=None) -> list[np.ndarray]:
        """Walks down from pure noise, and keeps every picture on the way.

        Args:
            network: ``{"x", "t"}`` -> predicted noise.
            shape: (B, H, W, C).
            steps: how many of the steps to take, from the noisiest on; by default all.
        """
        x, film = tf.random.normal(shape), []
        for t in list(reversed(range(self.steps)))[:steps]:
            x = self.step(network, x, tf.fill((shape[0],), t))
            film.append(x.numpy())
        return film

    def train_step(self, network, x) -> float:
        """One step on a batch, then the forward pass that gives the loss to print; the network is compiled."""
        t = tf.random.uniform((len(x),), maxval=self.steps, dtype=tf.int32)
        noise = tf.random.normal(x.shape)
        inputs = {"x": self.noisy(x, t, noise), "t": t}
        network.train_on_batch(inputs, noise)
        return float(tf.reduce_mean(tf.square(noise - network(inputs))))
