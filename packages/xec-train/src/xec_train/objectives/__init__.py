"""Objectives of a training: table, base class, report, learned weights of losses."""
