"""Executors run the jobs of a comparison.

base.py         Executor, the interface
create.py       create_executor, which chooses one by name
local.py        each job in processes of its own on this machine
job_processes.py the processes of one job: a worker, then an auditor
handover.py     the worker gets the test texts only once its model is stored
worker.py       the process that trains
messages.py     what processes send, validated
ray.py          each job as a task on a Ray cluster
ray_map.py      the parts of one training on the machines of a cluster
job_bundle.py   the files that a job needs on another machine, and those that it sends back
"""
