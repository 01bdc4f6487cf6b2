"""Making the networks: training, export, quantisation."""
