"""The app of presence, signaling, paths and transactions."""

from datetime import timedelta

from django.apps import AppConfig

PRUNE_EVERY = timedelta(minutes=1)


class P2PConfig(AppConfig):
    """Names the tasks that deadlines call."""

    name = "p2p"

    def ready(self) -> None:
        from mesa import deadlines, problems
        from p2p.errors import P2PError

        problems.register(P2PError)
        deadlines.register("attempt", "p2p.tasks.expire_attempt")
        deadlines.register("gone", "p2p.tasks.drop_peer")
        deadlines.register("link", "p2p.tasks.expire_link")
        deadlines.register("online", "p2p.tasks.announce_user")
        deadlines.register("watch", "p2p.tasks.answer_watch")
        deadlines.register("p2p_prune", "p2p.tasks.prune", every=PRUNE_EVERY)
