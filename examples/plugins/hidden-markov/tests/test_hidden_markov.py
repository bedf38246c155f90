"""Test hidden-markov with the checks that every generator has to pass."""

from genbench.testing import Check, Subject, parametrize_with_checks

from hidden_markov import HiddenMarkov


@parametrize_with_checks(HiddenMarkov)
def test_conforms(subject: Subject, check: Check) -> None:
    """Run one check of the conformance kit."""
    check(subject)
