"""Run the checks: one after the other for the command line, or as parameters of a pytest test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from genbench.errors import ContractError, format_error, nearest
from genbench.generator import Generator
from genbench.testing import capability_checks as optional
from genbench.testing import contract_checks as contract
from genbench.testing.conditioning_check import conditioned_sequence_has_its_probability
from genbench.testing.subject import Check, Subject
from genbench.testing.web_check import web_export_predicts_the_same

if TYPE_CHECKING:
    import pytest

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        contract.learns,
        contract.untrained_is_refused,
        contract.lossless_round_trip,
        contract.sums_to_one,
        contract.finite_bits_for_any_text,
        contract.no_text_counted_twice,
        contract.states_are_values,
        contract.same_seed_same_text,
        contract.fit_is_reproducible,
        contract.dump_has_tokenizer,
        contract.save_load_keeps_every_bit,
        contract.refit_forgets,
        contract.counts_ignore_valid,
        contract.beats_uniform,
        optional.batch_equals_steps,
        optional.batch_stepping_equals_steps,
        optional.quantiles_follow_log_probs,
        optional.sampled_streams_equal_steps,
        conditioned_sequence_has_its_probability,
        optional.rows_agree_with_log_probs,
        optional.character_view_sums_words,
        optional.known_tokens_lead_on,
        optional.backoff_levels_agree_with_log_probs,
        optional.context_lengths_equal_steps,
        optional.probe_has_a_row_per_token,
        optional.counting_reads_the_text_alone,
        optional.adaptation_is_declared,
        web_export_predicts_the_same,
    )
}


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    check: str  # name of the check
    outcome: Literal["holds", "fails", "expected"]  # expected: it fails, as the class declares with a reason
    requirement: str  # the property that the check tests
    example: str = ""  # the smallest counterexample
    advice: str = ""  # what to change; for an expected failure, the reason


def run_checks(subject: Subject) -> Iterator[CheckResult]:
    """Yield the result of each check as soon as it is done; stop after the first check if the generator cannot learn.

    Raises ContractError if `expected_failures` names an unknown check or gives no reason.
    """
    _require_known_checks(subject)
    for check in CHECKS.values():
        result = run_check(check, subject)
        yield result
        if check is contract.learns and result.outcome != "holds":
            return


def requirement_and_advice(name: str) -> tuple[str, str]:
    """Return what a check requires, and what to change where it fails: the two parts of its docstring."""
    requirement, _, advice = (inspect.getdoc(CHECKS[name]) or "").partition("\n\n")
    return requirement, advice.replace("\n", " ")


def run_check(check: Check, subject: Subject) -> CheckResult:
    """Run one check and return its result; any exception is a failure."""
    name, reason = check.__name__, subject.expected_failures.get(check.__name__, "")
    requirement, advice = requirement_and_advice(name)

    # a check that passes although its failure is declared has an outdated declaration
    try:
        check(subject)
    except AssertionError as error:
        example = str(error)
    except Exception as error:
        example = format_error(error, subject.file)
    else:
        if not reason:
            return CheckResult(name, "holds", requirement)
        example = f"it holds, and was expected to fail: {reason}"
        return CheckResult(name, "fails", requirement, example, f"Remove {name} from expected_failures.")

    # it failed, as declared or not
    if reason:
        return CheckResult(name, "expected", requirement, example, reason)
    return CheckResult(name, "fails", requirement, example, advice)


def _require_known_checks(subject: Subject) -> None:
    """Raise ContractError if `expected_failures` of the class names an unknown check or gives no reason."""
    for name, reason in subject.expected_failures.items():
        if name not in CHECKS:
            raise ContractError(f"expected_failures names {name!r}, which is not a check; {nearest(name, CHECKS)}")
        if not reason.strip():
            raise ContractError(f"expected_failures gives no reason for {name}; add a sentence that says why it fails")


def parametrize_with_checks(*generators: str | Callable[[], Generator]) -> pytest.MarkDecorator:
    """Return a pytest decorator that runs a test of a `subject` and a `check` for every check of these generators.

    Each generator is a SPEC, or a callable that returns a new one, such as a class. Expected failures become strict
    xfails.
    """
    import pytest

    parameters = []
    for generator in generators:
        subject = Subject.of(generator)
        _require_known_checks(subject)

        # one parameter for each check; xfail is strict, so that an outdated declaration fails
        label = generator if isinstance(generator, str) else subject.kind.__name__
        for name, check in CHECKS.items():
            reason = subject.expected_failures.get(name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            parameters.append(pytest.param(subject, check, id=f"{label}-{name}", marks=marks))
    return pytest.mark.parametrize(("subject", "check"), parameters)
