"""Train one model and store it, or reuse the stored model of the same training.

train.py        `train_model`: reuse or train, Ctrl-C, resuming; `train_and_report`: with a listener
settings.py     budget, seed and device of a training, and its text
budget_notes.py notes about budgets: exceeded, or not comparable
validation.py   bits per character on validation text; whether a network learned more than frequencies
fine_tuning.py  continue the training of a stored network on other text
combination.py  merge stored models, add a text to one, or let one forget a text
choice.py       the stored models of an author, the best first
watching.py     what a network writes while it is trained, shown and kept
listener.py     ProgressListener, which receives messages and progress

The listener is imported at once, everything else when it is used: commands show progress before they import the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from genbench.training.listener import SILENT as SILENT
from genbench.training.listener import ProgressListener as ProgressListener
from genbench.training.listener import TasksOnly as TasksOnly

if TYPE_CHECKING:
    from genbench.training.settings import DEVICES as DEVICES
    from genbench.training.settings import TrainingText as TrainingText
    from genbench.training.settings import TrainSettings as TrainSettings
    from genbench.training.settings import describe_training as describe_training
    from genbench.training.settings import resolve_device as resolve_device
    from genbench.training.train import TrainingInterrupted as TrainingInterrupted
    from genbench.training.train import describe_reuse as describe_reuse
    from genbench.training.train import json_values as json_values
    from genbench.training.train import report_interrupt as report_interrupt
    from genbench.training.train import train_and_report as train_and_report
    from genbench.training.train import train_model as train_model

_SETTINGS = ("DEVICES", "TrainSettings", "TrainingText", "describe_training", "resolve_device")
_TRAIN = ("TrainingInterrupted", "describe_reuse", "json_values", "report_interrupt", "train_and_report", "train_model")
_MODULE_OF = dict.fromkeys(_SETTINGS, "settings") | dict.fromkeys(_TRAIN, "train")


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
