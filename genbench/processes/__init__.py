"""Processes that run code of the user, so that whatever it does, such as an endless loop, ends in one sentence.

parent.py   start such a process, receive its events, end it
tree.py     end a process with everything that it started
isolation.py  a process that reads no texts and has no network
child.py    what its module calls: read the request, send events
descendants.py   the processes that a process has started
clock.py    the CPU time of a training, and the clock of its time budget
"""
