"""Examples by name: `genbench compare example:orders`. docs/examples.md lists them."""
