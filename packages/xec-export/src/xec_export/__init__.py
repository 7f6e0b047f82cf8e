"""The xec networks outside of Python: ONNX export with a parity check, and inference on ROOT files."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
