"""Tools that turn the course into other forms; no chapter needs them."""
