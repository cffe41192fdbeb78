"""How partitions are given out to workers, by workers that a test holds in its hand."""

from dataclasses import dataclass, replace

import pytest

from sedflow.catalogue.cluster import processes
from sedflow.catalogue.part import PartJob
from sedflow.errors import SedflowError

distributed = pytest.importorskip("distributed")


@dataclass(frozen=True)
class Job:
    number: int

    @property
    def key(self):
        return f"job-{self.number}"

    @property
    def about(self):
        return f"the rows {10 * self.number} to {10 * self.number + 9}"


def test_one_catalogue_in_two_folders_is_two_works():
    """dask takes jobs of one key for one."""
    first = PartJob(0, 0, 10, "/runs/a", *[None] * 7, "int", "a" * 64, "", ())
    jobs = [first, replace(first, out="/runs/b"), replace(first, number=1)]
    assert len({job.key for job in jobs}) == 3
    assert replace(first).key == first.key


class Future:
    def __init__(self, key, result):
        self.key, self._result = key, result

    def result(self):
        if isinstance(self._result, distributed.KilledWorker):
            raise self._result
        return self._result

    def release(self):
        pass


class Client:
    """Two workers; what they were given, and how much of it is out at once at most."""

    status, loop = "running", None

    def __init__(self, *args, **options):
        self.given, self.most = [], 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def nthreads(self):
        return {"one": 1, "two": 1}

    def submit(self, attempt, work, job, key):
        self.given.append(key)
        return Future(key, attempt(work, job))


class Last:
    """The workers end with what was given out last."""

    def __init__(self, futures, loop):
        self.out = list(futures)

    def is_empty(self):
        return not self.out

    def has_ready(self):
        return True

    def next(self):
        return self.out.pop()

    def add(self, future):
        self.out.append(future)


@pytest.fixture
def client(monkeypatch):
    client = Client()
    monkeypatch.setattr(distributed, "Client", lambda *args, **options: client)
    monkeypatch.setattr(distributed, "as_completed", Last)
    return client


def _run(work, *, n=20, **options):
    with processes(work, 0, "tcp://there:1", n, lambda text: None, **options) as (threads, run):
        assert threads == 2
        yield from run(Job(k) for k in range(n))


def test_results_come_as_they_are_ready(client):
    numbers = [job.number for job, _ in _run(lambda job: None)]
    assert sorted(numbers) == list(range(20))
    assert numbers != sorted(numbers)


def test_results_come_in_the_order_of_the_jobs_where_that_is_asked_for(client):
    found = []
    for job, square in _run(lambda job: job.number**2, in_order=True):
        found.append((job.number, square))
        assert len(client.given) <= len(found) + 6  # three for each worker, held ones included
    assert found == [(k, k * k) for k in range(20)]


@pytest.mark.parametrize("in_order", [False, True])
def test_a_job_that_kills_its_workers_is_named(client, in_order):
    def work(job):
        if job.number == 7:
            return distributed.KilledWorker("job-7", None, 3)
        return job.number

    with pytest.raises(SedflowError, match=r"^the rows 70 to 79 killed their worker"):
        list(_run(work, in_order=in_order))


def test_an_expected_failure_comes_back_in_its_sentence(client):
    def work(job):
        raise SedflowError("this file is gone; give another")

    with pytest.raises(SedflowError, match=r"^this file is gone; give another$"):
        list(_run(work))


def test_without_workers_the_work_is_done_here():
    with processes(lambda job: -job.number, 0, None, 3, print) as (threads, run):
        assert threads == 1
        assert [found for _, found in run(Job(k) for k in range(3))] == [0, -1, -2]


def test_a_script_that_its_workers_run_again_is_told_so(monkeypatch):
    def failing(**options):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", failing)
    with (
        pytest.raises(SedflowError, match=r"2 workers .*__main__.*workers=0"),
        processes(str, 2, None, 5, print),
    ):
        pass
