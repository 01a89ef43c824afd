"""The three agents: SKETCH, CLUSTER and BURST, each a few lines around a stage."""
