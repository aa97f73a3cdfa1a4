"""The app of presence, signaling, paths and transactions."""

from datetime import timedelta

from django.apps import AppConfig

PRUNE_EVERY = timedelta(minutes=1)


class P2PConfig(AppConfig):
    """Says what deadlines call, and what the end of a delivery token ends here."""

    name = "p2p"

    def ready(self) -> None:
        from accounts import delivery
        from mesa import deadlines, overview, problems
        from p2p import jobs, limits, services
        from p2p import overview as figures
        from p2p.errors import P2PError

        problems.register(P2PError)
        delivery.register(services.withdraw_reach)
        overview.register("Delivery", figures.show_delivery)
        overview.register("Jobs", figures.show_jobs)
        overview.register("Online", figures.show_online)
        overview.register("Transactions of the last hour", figures.show_transactions)
        overview.register_warner(figures.find_warnings)
        for kind, ask in jobs.registered().items():
            deadlines.register(kind, ask)
        deadlines.register("turns", "p2p.tasks.recover_turns", every=limits.TURNS_EVERY)
        deadlines.register("webs", "p2p.tasks.close_dead_webs", every=limits.WEBS_EVERY)
        deadlines.register("p2p_prune", "p2p.tasks.prune", every=PRUNE_EVERY)
