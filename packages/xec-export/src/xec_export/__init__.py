"""The xec networks outside of Python: ONNX export with a parity check, and inference on ROOT files."""
