"""The catalogue of authors and the embedded texts: data, no logic."""
