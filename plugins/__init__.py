"""The generators that ship with genbench, one short file each; imports genbench's public names only."""
