"""Export to ONNX with a parity check."""
