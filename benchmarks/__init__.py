"""``make bench``: prints every figure that README and notes quote. Timed behaviour lives here, not in the tests."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"  # one thread each; read when numpy is imported, so it is set here, before all else
