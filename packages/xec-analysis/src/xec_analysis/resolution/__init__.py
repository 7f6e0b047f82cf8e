"""Resolution of a regressor: results, profiles, panels and pages."""
