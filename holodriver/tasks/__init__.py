"""What a command does, without a terminal: the verbs of `import holodriver`, and the tasks of the command line."""
