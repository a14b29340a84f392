"""A finished run written for a tracker of experiments: TensorBoard, MLflow, Weights & Biases."""
