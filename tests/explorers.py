"""An Explorer as it stands once its first posterior is there, without a server or a browser."""

from sedflow.dashboard.pages.explore import Explorer


async def opened_explorer(engine, galaxy="72", n=300) -> Explorer:
    """Explore of a galaxy, whose answers do not leave the event loop."""
    explorer = Explorer(engine.nsa, engine=engine, start={"n": n, "galaxy": galaxy})

    async def at_once(request):
        return engine.answer(request)

    explorer.state._run = at_once
    await explorer.state.infer()
    return explorer
