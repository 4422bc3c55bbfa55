"""From noise to pictures: each sampler walks a network's noise schedule downwards. No networks here, only callables."""
