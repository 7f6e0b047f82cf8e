"""Tracking: metrics, parameters and files of a training, to files, MLflow and TensorBoard."""
