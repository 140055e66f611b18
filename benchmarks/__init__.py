"""``make bench``: prints every figure that README and notes quote. Timed behaviour lives here, not in the tests."""
