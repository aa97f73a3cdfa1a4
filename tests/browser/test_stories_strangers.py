"""Who asks may be ignored or blocked, and what people write is shown as text, whatever it looks like."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd, Tab
from tests.network.agents import Account, Agent, register

MEGABYTE = 1_048_576
MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script><b>bold</b>'
# Right-to-left override, zero-width space, isolate that is not ended.
TRICKS = "safe\u202egnp.exe zero\u200bwidth \u2067open"
LINKS = "javascript:alert(1) https://bo@evil.test/ https://good.test/a?b=c."


@pytest.fixture(scope="module")
def ada(crowd: Crowd) -> Tab:
    return crowd.person("ada").sign_up()


@pytest.fixture(scope="module")
def bo(crowd: Crowd, agents_folder: Path, ada: Tab, forwarders: list[Agent]) -> Account:
    """An agent's account that is in contact with the browser."""
    account = register(crowd.url, crowd.name("bo"), agents_folder)
    account.run("request", ada.person.name, MARKUP)
    ada.accept(account.name)
    account.run("contacts")
    return account


def test_markup_and_invisible_signs_are_shown_as_text(ada: Tab, bo: Account) -> None:
    for text in (MARKUP, TRICKS, LINKS):
        bo.run("send", ada.person.name, text, "--timeout", "120")

    ada.open_chat(bo.name)
    expect(ada.page.locator(".thread-note__words")).to_have_text(MARKUP)
    # An override is made visible; what scripts other than Latin need stays.
    ada.wait_for_texts([MARKUP, TRICKS.replace("\u202e", "\ufffd"), LINKS])
    links = ada.page.locator("li.message a")
    assert [each.get_attribute("href") for each in links.all()] == ["https://good.test/a?b=c"]
    assert ada.page.locator("li.message").locator("img, script, b").count() == 0
    assert ada.person.faults == []


def test_pasted_megabyte_is_refused_and_the_page_goes_on(ada: Tab, bo: Account) -> None:
    ada.open_chat(bo.name)
    field = ada.page.locator("#text")
    field.focus()
    ada.page.keyboard.insert_text("x" * MEGABYTE)

    expect(ada.page.locator(".composer__limit")).to_contain_text("Too long by", timeout=LIMIT_MS)
    field.press("Enter")
    assert "x" * 100 not in "".join(ada.texts())
    field.fill("short again")
    expect(ada.page.locator(".composer__limit")).to_be_hidden()
    ada.write("short again")
    ada.wait_for_text("short again")
    assert ada.person.faults == []


def test_ignored_request_stays_away_and_asker_sees_nothing(
    crowd: Crowd, ada: Tab, agents_folder: Path
) -> None:
    olga = register(crowd.url, crowd.name("olga"), agents_folder)
    olga.run("request", ada.person.name, MARKUP)
    request = ada.page.locator("article.request", has_text=olga.name)
    expect(request.locator(".request__words")).to_have_text(MARKUP, timeout=LIMIT_MS)
    request.get_by_role("button", name="Ignore").click()
    expect(request).to_be_hidden(timeout=LIMIT_MS)
    olga.run("request", ada.person.name, "Please?")
    ada.page.reload()
    ada.wait_until_ready()

    expect(request).to_be_hidden()
    assert contact(olga, ada)["state"] == "asked"
    assert ada.person.faults == []


def test_blocked_stranger_is_not_heard_again(crowd: Crowd, ada: Tab, agents_folder: Path) -> None:
    mallory = register(crowd.url, crowd.name("mallory"), agents_folder)
    mallory.run("request", ada.person.name, "Buy!")
    request = ada.page.locator("article.request", has_text=mallory.name)
    request.get_by_role("button", name="Block").click()
    expect(request).to_be_hidden(timeout=LIMIT_MS)
    mallory.run("request", ada.person.name, "Buy, now!")
    ada.page.reload()
    ada.wait_until_ready()

    expect(request).to_be_hidden()
    assert contact(mallory, ada)["state"] == "asked"
    assert ada.person.faults == []


def contact(account: Account, tab: Tab) -> dict[str, object]:
    """What an agent knows of the person at a window."""
    [found] = [event for event in account.run("contacts") if event.get("user") == tab.person.name]
    return found
