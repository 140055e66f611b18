"""ONNX operators of the domain ``hwsv``; importing this package makes them known to qonnx."""

from qonnx.custom_op.registry import add_domain_alias, add_op_to_domain

from hwsv.custom_ops.stats_pool import StatsPool, StatsPoolParams, stats_pool_int

__all__ = ["DOMAIN", "StatsPool", "StatsPoolParams", "stats_pool_int"]

DOMAIN = "hwsv"

add_domain_alias(DOMAIN, __name__)
add_op_to_domain(DOMAIN, StatsPool)
