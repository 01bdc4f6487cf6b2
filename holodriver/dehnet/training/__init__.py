"""Making of the networks: training data, training, export, quantisation."""
