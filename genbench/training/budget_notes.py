"""Notes about the limit of a training: a budget that was exceeded or is not comparable, operations without effect."""

from __future__ import annotations

from genbench.spec import format_duration
from genbench.storage.cards import MIN_CORE_SHARE, ModelCard

OVERRUN_SHARE, OVERRUN_SECONDS = 0.1, 0.5  # of the budget; more than both over it makes a note
FEW_STEPS = 12  # of a network; with fewer, the plan of a training by parts was not carried out


def budget_notes(card: ModelCard) -> list[str]:
    """Return notes about a training: how far it exceeded its budget, and whether its budget is comparable."""
    notes, training = [], card.training

    # more time than the budget
    if card.time_budget is not None and training.budget_seconds is not None:
        over = training.budget_seconds - card.time_budget
        if over > max(OVERRUN_SHARE * card.time_budget, OVERRUN_SECONDS):
            limit = format_duration(card.time_budget)
            used = f"{training.budget_seconds:.1f} s"
            if training.steps is not None and training.steps < FEW_STEPS:
                steps = f"{training.steps} step{'s' * (training.steps != 1)}"
                notes.append(
                    f"{steps} and the validation of them took {used} of a budget of {limit}: the network is too large "
                    "for it; choose a smaller one, or a longer budget"
                )
            else:
                notes.append(f"trained for {used} on a budget of {limit}, {over:.1f} s too long")

    # less of a core than others had
    share = training.core_share
    if card.time_budget is not None and share is not None and share < MIN_CORE_SHARE:
        percent = f"{share:.0%}".replace("%", " %")
        notes.append(
            f"had {percent} of a core: its budget is not comparable, and no verdict includes it; train it again with "
            "--retrain when the machine is idle, or with --steps or --flops"
        )

    # operations limit only those who count them
    if card.flops is not None and training.flops is None:
        notes.append("--flops does not limit it: it counts in one pass, or reports no floating-point operations")
    return notes
