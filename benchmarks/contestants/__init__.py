"""Ways to read a range of calls. Each module is run in a process of its own, with a job as its one argument."""
