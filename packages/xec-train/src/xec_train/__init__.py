"""Training of the xec networks: configuration, loader, loop, objectives, schedules and tracking.

What is listed here is loaded when it is first used: importing the package imports neither torch nor mlflow.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
