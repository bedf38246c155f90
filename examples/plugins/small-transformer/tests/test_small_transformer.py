"""small-transformer holds what every generator must."""

from genbench.testing import Check, Subject, parametrize_with_checks

from small_transformer import SmallTransformer


@parametrize_with_checks(lambda: SmallTransformer(hidden=32))
def test_conforms(subject: Subject, check: Check) -> None:
    """One check of the conformance kit."""
    check(subject)
