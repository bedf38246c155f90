"""The conformance kit for plugin authors: named checks of the properties that every generator must have.

    from genbench.testing import Check, Subject, parametrize_with_checks

    @parametrize_with_checks(MyIdea)
    def test_conforms(subject: Subject, check: Check) -> None:
        check(subject)               # raises AssertionError with the smallest counterexample

Checks use only the contract. `genbench generators check` runs the same checks. If a generator cannot pass a check, its
class declares the reason: `expected_failures = {"name of the check": "the reason"}`.

contract_checks      the six methods
capability_checks    the optional capabilities, against the six methods
conditioning_check   the capability Conditioning
runner               CHECKS, run_checks, parametrize_with_checks
separate             run_checks_in_process: the checks in another process, with a time limit
subject              Subject: the generator to check and its texts; search for small counterexamples
"""

from genbench.testing.runner import CHECKS as CHECKS
from genbench.testing.runner import CheckResult as CheckResult
from genbench.testing.runner import parametrize_with_checks as parametrize_with_checks
from genbench.testing.runner import run_checks as run_checks
from genbench.testing.separate import run_checks_in_process as run_checks_in_process
from genbench.testing.subject import Check as Check
from genbench.testing.subject import Subject as Subject
