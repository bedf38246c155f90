"""mingru holds what every generator must."""

from genbench.testing import Check, Subject, parametrize_with_checks

from mingru import MinGRU


@parametrize_with_checks(lambda: MinGRU(hidden=32))
def test_conforms(subject: Subject, check: Check) -> None:
    """One check of the conformance kit."""
    check(subject)
