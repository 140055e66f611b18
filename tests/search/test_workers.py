import pytest

from hwsv.errors import InputError
from hwsv.search.explore import explore
from hwsv.search.workers import workers
from tests.search.test_explore import problem

BUDGET = 2


def points(**where):
    asked = problem()
    with workers(asked, **where) as call:
        return explore(asked, call, BUDGET, None, lambda what, done, total: None)


@pytest.fixture(scope="module")
def here():
    return points()


def test_processes_find_the_same(here):
    assert points(jobs=2) == here


def test_a_dask_cluster_finds_the_same(here):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        assert points(cluster=cluster.scheduler_address) == here


def test_a_scheduler_without_workers_is_refused():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster,
        pytest.raises(InputError, match="has no workers"),
    ):
        points(cluster=cluster.scheduler_address)


@pytest.mark.parametrize("address", ["nonsense://there", "127.0.0.1:1", "", "tcp://"])
def test_an_address_where_nobody_answers_is_refused(address, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("hwsv.search.workers.CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        points(cluster=address)


def test_progress_counts_every_point():
    asked, seen = problem(), []
    with workers(asked) as call:
        explore(asked, call, BUDGET, None, lambda *step: seen.append(step))
    steps = [(done, total) for what, done, total in seen if what == "points"]
    assert [done for done, _ in steps] == list(range(1, BUDGET + 1))
    assert {total for _, total in steps} == {BUDGET}
