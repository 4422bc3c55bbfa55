"""DPM-Solver++: DDIM that remembers what the network said one step ago, and so sees where it is heading.

Built by hand in chapter 09.
"""

import numpy as np

from diffusion_course.samplers.base import Sampler
from diffusion_course.samplers.ddim import checked_eta, ddim_coefficients
from diffusion_course.schedules import NoiseSchedule


class DPMSolverSampler(Sampler):
    """DPM-Solver++(2M): the second-order multistep method, at one network call per step.

    DDIM takes x0_hat to stay as it is until the step's end. Here it goes on changing at the rate at which it changed
    during the step before, per unit of log-SNR. The first step has none before it and the last one ends at an infinite
    log-SNR: both are DDIM's. Once steps are short, the error of the deterministic walk falls with the square of their
    number.

    Args:
        schedule, prediction, clip: as in `Sampler`. What is clipped is x0_hat, not where it is heading.
        eta: 0 to 1, the share of fresh noise, as in `DDIMSampler`. 0 is DPM-Solver++(2M), 1 is SDE-DPM-Solver++(2M).

    Raises:
        ValueError: eta outside of its range.

    Reference: Lu et al., "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models", 2022
    (arXiv:2211.01095), algorithm 2 and its SDE form. Values of eta between 0 and 1 are not in the paper.
    """

    def __init__(self, schedule: NoiseSchedule, *, eta: float = 0.0, **kwargs):
        super().__init__(schedule, **kwargs)
        self.eta = checked_eta(eta)

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        """The columns of DDIM, and m: half of this step's length over that of the step before, in log-SNR."""
        m = np.zeros(len(schedule))
        length = schedule.log_snr[:-1] - schedule.log_snr[1:]  # of step i + 1, which ends where i begins
        m[1:-1] = 0.5 * length[:-1] / length[1:]
        return {**ddim_coefficients(schedule, self.eta), "m": m}
