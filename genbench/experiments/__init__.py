"""Plan, jobs, results: a comparison is a list of jobs, and an executor runs them here or elsewhere."""
