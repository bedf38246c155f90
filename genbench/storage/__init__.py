"""What genbench writes to disk, and reads back with care.

files.py         files and folders that appear whole or not at all; generators as JSON and safetensors
untrusted.py     reads files that somebody else may have written: JSON, and arrays in the safetensors format
cards.py         the card of a stored model
seal.py          tells the models that were trained here from imported ones
stored_model.py  one stored model: checked and tried out when it is loaded
models.py        stored models: list, find, load, store, remove
texts.py         the texts of models that learn by counting
checkpoints.py   interrupted trainings
sharing.py       export and import of models
job_folders.py   temporary folders of jobs on other machines
runs.py          stored comparisons
examples.py      examples that are installed with genbench, by name
outputs.py       results where the user wants them: files, standard output, devices, pipes
selection.py     models and runs by author and generator; removal of older models
"""
