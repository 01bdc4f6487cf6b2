"""What commands and the verbs of `import holodriver` do, without a terminal: plain values in, a result out."""
