"""Fixtures that several test files share."""

import pytest


@pytest.fixture(scope="session")
def gutenberg() -> None:
    """Skips where NLTK's gutenberg corpus is not on NLTK's search path."""
    import nltk.data

    try:
        nltk.data.find("corpora/gutenberg")
    except LookupError:
        pytest.skip("NLTK's gutenberg corpus is not on its search path (NLTK_DATA)")
