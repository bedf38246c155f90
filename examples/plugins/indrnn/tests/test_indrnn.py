"""Test indrnn with the checks that every generator has to pass."""

from genbench.testing import Check, Subject, parametrize_with_checks

from indrnn import IndRNN


@parametrize_with_checks(lambda: IndRNN(hidden=32))
def test_conforms(subject: Subject, check: Check) -> None:
    """Run one check of the conformance kit."""
    check(subject)
