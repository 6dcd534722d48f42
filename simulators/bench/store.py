"""`tributary bench store`: what the history costs and how fast it answers, on each store that is here.

Owns the order of the parts: inserts and bytes (inserting.py), then one series out of very many and what queries do to ingest (asking.py).
"""

from simulators.bench import asking, inserting
from simulators.bench.course import Say
from simulators.bench.report import BenchRow
from simulators.bench.store_plan import StorePlan


async def run(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure everything and return the rows."""
    rows = await inserting.measure_all(plan, say)
    rows += await asking.measure_in_store(plan, say)
    return rows + await asking.measure_hub(plan, say)
