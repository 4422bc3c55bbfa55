"""Networks, one file each; `presets` loads them with trained weights."""
