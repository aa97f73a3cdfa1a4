from django.test import Client

from mesa.version import version


def test_address_in_a_browser_says_what_it_is() -> None:
    response = Client().get("/")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert response.content.decode() == f"Mesa {version()}. No page here yet; use mesa-peer.\n"
