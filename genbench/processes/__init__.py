"""Processes that run code of the user, so that whatever it does, such as an endless loop, ends in one sentence.

parent.py   start such a process, receive its events, end it
forking.py  start it through a fork server, which has imported torch or numba for all of them
fork_server.py  that server
tree.py     end or suspend a process with everything that it started
isolation.py  a process that reads no texts and has no network
child.py    what its module calls: read the request, send events
descendants.py   the processes that a process has started
clock.py    the CPU time of a training, and the clock of its time budget
"""
