"""The conformance kit: what every generator must hold, one named property a check, for authors of plugins.

    from genbench.testing import Check, Subject, parametrize_with_checks

    @parametrize_with_checks(MyIdea)
    def test_conforms(subject: Subject, check: Check) -> None:
        check(subject)               # raises AssertionError with the smallest example found

A check knows nothing of the generator but the contract. `genbench generators check` runs the same ones. What a
generator does not hold, and why, it says itself: `expected_failures = {"check's name": "the reason"}` in its class.
"""

from genbench.testing.checks import CHECKS as CHECKS
from genbench.testing.running import Result as Result
from genbench.testing.running import parametrize_with_checks as parametrize_with_checks
from genbench.testing.running import results as results
from genbench.testing.subject import Check as Check
from genbench.testing.subject import Subject as Subject
