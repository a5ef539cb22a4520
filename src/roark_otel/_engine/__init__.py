"""One engine for each key in a process: builds the stages, owns their threads, sees to forks and exits."""
