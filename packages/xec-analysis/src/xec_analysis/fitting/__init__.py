"""Maximum-likelihood fits of peaks: shapes, minimization, and what tells a good fit from a failed one."""
