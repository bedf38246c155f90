"""hidden-markov holds what every generator must."""

from genbench.testing import Check, Subject, parametrize_with_checks

from hidden_markov import HiddenMarkov


@parametrize_with_checks(HiddenMarkov)
def test_conforms(subject: Subject, check: Check) -> None:
    """One check of the conformance kit."""
    check(subject)
