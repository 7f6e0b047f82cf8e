"""The training engine: loop, steps, state, schedules, optimizers, checkpoints."""
