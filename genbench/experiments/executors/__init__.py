"""Executors run the jobs of a comparison.

base.py         Executor, the interface
create.py       create_executor, which chooses one by name
local.py        each job in a process of its own on this machine
worker.py       that process
messages.py     what it sends, validated
process_tree.py ends it with everything that it started
ray.py          each job as a task on a Ray cluster
job_bundle.py   the files that a job needs on another machine, and those that it sends back
"""
