"""Reading and writing of data files; no other room opens one."""
