"""From noise to pictures: each sampler walks a noise schedule, as a rule down. No networks here, only callables."""
