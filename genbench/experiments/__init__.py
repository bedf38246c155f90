"""Comparisons: settings become jobs, an executor runs each job, and the rows make a Comparison.

compare.py        compare, rerun and run_comparison, which runs a comparison from its settings to the stored run
plan.py           CompareSettings, and the jobs that carry them out
config.py         comparison files (TOML)
duplicates.py     authors and generators that are named twice are compared once
job.py            Job: one generator on one author with one seed; train_job and measure_job fill its row
preview.py        the score of a test text by a generator's own fast method, before it is audited
measurements.py   samples, extra metrics, and what samples copy
ancestor_texts.py rows of fine-tuned models: their ancestors, and test text that these learned
additions.py      what the comparing process adds to the rows: copies, baselines, style
run_record.py     rows are stored as they are done
safe_listener.py  a display that fails costs no row
row.py            Row and Sample: the result of one job
comparison.py     Comparison: the rows, what they depend on, their ranking and verdicts
consistency.py    checks of a stored comparison
significance.py   verdicts on pairs of rows, labels of rows
seeds.py          several seeds of one generator as one row
sweep.py          sweep: every combination of options, and the Pareto front
halving.py        early stopping of hopeless rows
leaderboard.py    runs of several people in one table for each text
diff.py           differences between two comparisons
environment.py    the machine and the versions that figures depend on
audit/            the score of a row, from predictions made before the token is known
executors/        where jobs run: on this machine, or on a Ray cluster
"""
