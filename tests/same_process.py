"""A process for the peers of benchmarks that is none."""

from concurrent.futures import Future


class Here:
    """In place of a process for the peer, which would import all that it needs once more."""

    def submit(self, work, *args):
        future = Future()
        future.set_result(work(*args))
        return future
