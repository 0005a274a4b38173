"""allow_nested_asyncio, in processes of its own, because it changes asyncio itself."""

import asyncio
import gc
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvloop
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from meshwidget import nesting
from meshwidget.errors import NestedLoopError

SAMPLE = """
import asyncio
from aiortc import RTCConfiguration, RTCPeerConnection

async def main():
    calling, called = (
        RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2)
    )
    channel = calling.createDataChannel("chat")
    await calling.setLocalDescription(await calling.createOffer())
    await called.setRemoteDescription(calling.localDescription)
    await called.setLocalDescription(await called.createAnswer())
    await calling.setRemoteDescription(called.localDescription)
    print(calling.signalingState, called.signalingState)
    await asyncio.gather(calling.close(), called.close())

asyncio.run(main())
"""


class Kernel:
    """A notebook's kernel, driven as a notebook drives it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client

    def start(self, code: str) -> str:
        """Send a cell and return its message id, without waiting."""
        return str(self._client.execute(textwrap.dedent(code)))

    def outputs(self, *cells: str) -> list[str]:
        """Wait until these cells have run; what each printed, returned or raised."""
        written = dict.fromkeys(cells, "")
        running = set(cells)
        while running:
            message = self._client.get_iopub_msg(timeout=20)
            cell = message["parent_header"].get("msg_id")
            if cell not in written:
                continue
            match message["msg_type"], message["content"]:
                case "stream", {"text": text}:
                    written[cell] += text
                case "execute_result", {"data": {"text/plain": text}}:
                    written[cell] += text
                case "error", {"ename": name, "evalue": text}:
                    written[cell] += f"{name}: {text}"
                case "status", {"execution_state": "idle"}:
                    running.discard(cell)
        return [text.strip() for text in written.values()]

    def run(self, code: str) -> str:
        """Run a cell; what it printed, returned or raised."""
        return self.outputs(self.start(code))[0]

    def wait_for(self, text: str) -> None:
        """Wait until a cell that is running prints this."""
        while True:
            message = self._client.get_iopub_msg(timeout=20)
            if message["msg_type"] == "stream" and text in message["content"]["text"]:
                return

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until it has started, or started again."""
        self._client.wait_for_ready(timeout=seconds)

    def comm(self, kind: str, **data: object) -> None:
        """Send what a widget's front end would."""
        content = {"comm_id": "1", "target_name": "probe", "data": data}
        channel = self._client.shell_channel
        channel.send(self._client.session.msg(f"comm_{kind}", content))


@pytest.fixture(scope="module")
def any_kernel() -> Iterator[Kernel]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.fixture
def kernel(any_kernel: Kernel) -> Kernel:
    """A kernel in which nesting is allowed; one for all, as it is slow to start."""
    assert not any_kernel.run("import meshwidget; meshwidget.allow_nested_asyncio()")
    return any_kernel


def test_a_pasted_sample_needs_it(any_kernel: Kernel) -> None:
    outcome = any_kernel.run(
        """
        import asyncio
        main = asyncio.sleep(0)
        try:
            asyncio.run(main)
        finally:
            main.close()
        """
    )
    assert "cannot be called from a running event loop" in outcome


def test_a_pasted_sample_runs_in_a_cell_and_runs_again(kernel: Kernel) -> None:
    assert kernel.run(SAMPLE) == "stable stable"
    assert kernel.run(SAMPLE) == "stable stable"


def test_an_older_style_of_sample_runs_too(kernel: Kernel) -> None:
    assert (
        kernel.run(
            "asyncio.get_event_loop().run_until_complete(asyncio.sleep(0.01, 7))"
        )
        == "7"
    )


def test_cells_sent_during_a_sample_run_after_it(kernel: Kernel) -> None:
    # As "Run All" does. With nest_asyncio alone the kernel would lose them.
    cells = [
        kernel.start(SAMPLE),
        kernel.start(SAMPLE),
        kernel.start("'third'"),
        kernel.start("await asyncio.sleep(0.01, 'fourth')"),
    ]
    outputs = ["stable stable", "stable stable", "'third'", "'fourth'"]
    assert kernel.outputs(*cells) == outputs


def test_widget_messages_arrive_during_a_sample_and_after_it(kernel: Kernel) -> None:
    kernel.run(
        """
        from comm import get_comm_manager
        numbers = []
        def opened(comm, message):
            comm.on_msg(lambda told: numbers.append(told["content"]["data"]["number"]))
        get_comm_manager().register_target("probe", opened)
        """
    )
    kernel.comm("open")
    cell = kernel.start(
        """
        async def main():
            print("running")
            while len(numbers) < 50:
                await asyncio.sleep(0.001)
            return numbers == list(range(50))
        asyncio.run(asyncio.wait_for(main(), 10))
        """
    )
    kernel.wait_for("running")
    for number in range(50):
        kernel.comm("msg", number=number)
    assert kernel.outputs(cell) == ["True"]
    kernel.comm("msg", number=50)
    assert kernel.run("numbers[-1]") == "50"


def test_an_interrupt_ends_a_sample_and_nothing_else(kernel: Kernel) -> None:
    cell = kernel.start(
        """
        ended = []
        async def main():
            try:
                print("running")
                await asyncio.sleep(60)
            finally:
                ended.append(True)
        asyncio.run(main())
        """
    )
    kernel.wait_for("running")
    kernel.manager.interrupt_kernel()
    assert kernel.outputs(cell)[0].startswith("KeyboardInterrupt")
    assert kernel.run("ended, await asyncio.sleep(0.01, 8)") == "([True], 8)"


def script(code: str) -> str:
    """Run in a Python of its own; what it printed. Fails with what it raised."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.strip()


def test_everything_else_in_asyncio_stays_as_it_was() -> None:
    assert (
        script(
            """
        import asyncio, threading, tornado.concurrent
        from meshwidget import allow_nested_asyncio

        def state():
            policy = asyncio.get_event_loop_policy()
            modules = asyncio, asyncio.tasks, asyncio.futures, asyncio.events
            classes = asyncio.SelectorEventLoop, type(policy), tornado.concurrent
            return [dict(vars(each)) for each in (*modules, *classes)]

        def on_another_thread():
            loops = []
            async def main():
                loops.append(asyncio.get_running_loop())
            asyncio.run(main())
            assert type(loops[0]) is asyncio.SelectorEventLoop
            assert loops[0].is_closed()

        async def main():
            before = state()
            allow_nested_asyncio()
            before[0]["run"] = asyncio.run
            assert state() == before
            run = asyncio.run
            allow_nested_asyncio()
            assert asyncio.run is run
            assert asyncio.run(asyncio.sleep(0.01, 7)) == 7
            await asyncio.to_thread(on_another_thread)
            assert asyncio.current_task() in asyncio.all_tasks()
            print("the same")

        asyncio.run(main())
        """
        )
        == "the same"
    )


@pytest.mark.parametrize("loops", ["uvloop", "asyncio"])
def test_an_open_call_goes_on(loops: str) -> None:
    # asyncio's class is the kernel loop's too, which nest_asyncio alone would patch.
    without_uvloop = "import sys; sys.modules['uvloop'] = None\n"
    prelude = without_uvloop if loops == "asyncio" else ""
    assert (
        script(
            prelude
            + textwrap.dedent(
                """
            import asyncio
            from meshwidget import Mesh, allow_nested_asyncio

            async def until(condition):
                while not condition():
                    await asyncio.sleep(0.01)

            async def main():
                with Mesh() as mesh:
                    alice, bob = mesh.join("alice"), mesh.join("bob")
                    mesh.wait_connected()
                    allow_nested_asyncio()
                    sink = bob.video("alice")
                    count = sink.count
                    asyncio.run(until(lambda: sink.count > count + 10))
                    mesh.join("carol")
                    mesh.wait_connected()
                    mesh.exit("alice")
                print("joined")

            asyncio.run(asyncio.wait_for(main(), 30))
            """
            )
        )
        == "joined"
    )


def test_a_view_that_is_gone_does_not_matter() -> None:
    assert (
        script(
            """
        import asyncio
        from meshwidget import nesting

        class View: pass

        async def main():
            view, closed = View(), View()
            nesting.view_opened(view)
            nesting.view_opened(closed)
            nesting.view_closed(closed)
            del view
            nesting.allow_nested_asyncio()
            print(asyncio.run(asyncio.sleep(0.01, "nested")))

        asyncio.run(main())
        """
        )
        == "nested"
    )


def test_no_running_loop_needs_nothing() -> None:
    run = asyncio.run
    nesting.allow_nested_asyncio()
    assert asyncio.run is run


class View:
    """Something that can be referred to weakly."""


@dataclass(eq=False)
class Call:
    """Something that ends."""

    closed: bool = False


def test_a_view_is_live_until_it_or_what_it_shows_is_closed_or_gone() -> None:
    before = set(nesting.open_views())
    calls = [Call(), Call(), Call()]
    views = [View(), View(), View()]
    for view, call in zip(views, calls, strict=True):
        nesting.view_opened(view, call)
    del call
    assert set(nesting.open_views()) - before == set(views)
    calls[0].closed = True
    nesting.view_closed(views[1])
    assert set(nesting.open_views()) - before == {views[2]}
    calls.clear()
    gc.collect()
    assert set(nesting.open_views()) <= before


async def test_an_open_view_refuses_it() -> None:
    view, run = View(), asyncio.run
    nesting.view_opened(view)
    try:
        with pytest.raises(NestedLoopError, match=r"live view is open.*await main\(\)"):
            nesting.allow_nested_asyncio()
    finally:
        nesting.view_closed(view)
        nesting.view_closed(view)
    assert asyncio.run is run
    assert not getattr(asyncio.get_running_loop(), "allows_nested_asyncio", False)


def test_uvloop_refuses_it() -> None:
    loop = uvloop.new_event_loop()

    async def main() -> None:
        with pytest.raises(NestedLoopError, match=r"is a uvloop\.Loop"):
            nesting.allow_nested_asyncio()

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
        gc.collect()
