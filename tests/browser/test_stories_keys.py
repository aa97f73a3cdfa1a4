"""Keys of a contact change: what goes on by itself, and what stops until the user has decided."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd, Tab, meet
from tests.live_tree import ROOT, LiveTree

pytestmark = pytest.mark.usefixtures("forwarders")

CHANGED = "key has changed. Sending is stopped."
# As an operator might who is asked for the name, or made to.
FREE_NAME = """
import sys
from accounts.models import ReservedName, User
from accounts.removal import remove_account
remove_account(user=User.objects.get(username=sys.argv[1]))
ReservedName.objects.all().delete()
"""
LIMIT_S = 60


def test_contact_who_recovers_gets_what_waited_and_the_chat_tells_of_the_devices(crowd: Crowd) -> None:
    ada, bo = crowd.person("ada"), crowd.person("bo")
    hers, his = meet(ada, bo)
    verify(hers, "The numbers match")
    his.write("before")
    hers.wait_for_texts(["before"])
    bo.close()
    hers.write("while your phone is lost")
    hers.wait_for_text("while your phone is lost")

    found = crowd.elsewhere(bo)
    now = found.recover(bo.code)
    now.find_and_ask(ada.name, "It is me, on another phone.")

    now.wait_for_texts(["while your phone is lost"])
    told = hers.page.locator('[data-part="devices"]')
    expect(told).to_contain_text("1 device is new. 1 device is gone.", timeout=LIMIT_MS)
    expect(hers.page.locator('conversation-view [data-part="verified"]')).to_be_visible()
    now.write("I am back")
    hers.wait_for_texts(["before", "while your phone is lost", "I am back"])
    hers.wait_until_all_delivered(1)
    hers.page.reload()
    told.get_by_role("button", name="Seen").click()
    expect(told).to_be_hidden(timeout=LIMIT_MS)
    assert ada.faults == bo.faults == found.faults == []
    for each in (ada, found):
        each.close()


def test_stranger_under_a_contacts_name_gets_nothing_before_the_user_decides(
    crowd: Crowd, tree: LiveTree
) -> None:
    ada, bo = crowd.person("ada"), crowd.person("bo")
    hers, _ = meet(ada, bo)
    verify(hers, "The numbers match")
    bo.close()
    hers.write("the key is under the mat")
    hers.wait_for_text("the key is under the mat")
    give_name_away(tree, bo.name)

    mallory = crowd.elsewhere(bo)
    theirs = mallory.sign_up()
    theirs.find_and_ask(ada.name, "It is me, bo. I have another phone.")

    changed = hers.page.get_by_role("alert").filter(has_text=CHANGED)
    expect(changed).to_be_visible(timeout=LIMIT_MS)
    expect(hers.page.locator("li.message--mine")).to_contain_text("Not sent.")
    expect(hers.page.locator("#text")).to_be_disabled()
    expect(hers.page.locator('conversation-view [data-part="verified"]')).to_be_hidden()
    changed.get_by_role("button", name="Block").click()
    expect(hers.page.locator("#text")).to_have_attribute("placeholder", f"You blocked {bo.name}")
    changed.get_by_role("link", name="Compare safety number").click()
    hers.page.get_by_role("button", name="Take the block back").click()
    # Nothing but the comparison tells whose it is.
    theirs.page.locator(".conversation__who").click()
    shown = theirs.page.locator("contact-view .safety-number")
    expect(shown).to_have_text(hers.page.locator("contact-view .safety-number").inner_text())
    theirs.page.get_by_role("link", name="Back to the chat").click()
    assert theirs.texts() == []

    verify(hers, "The numbers match")

    theirs.wait_for_texts(["the key is under the mat"])
    hers.wait_until_all_delivered(1)
    expect(hers.page.locator('conversation-view [data-part="verified"]')).to_be_visible()
    assert ada.faults == bo.faults == mallory.faults == []


def verify(tab: Tab, words: str) -> None:
    """Decide about keys on the page of the contact whose chat is open, and go back."""
    page = tab.page
    if page.locator("contact-view").is_hidden():
        page.locator(".conversation__who").click()
    page.locator("contact-view").get_by_role("button", name=words).click()
    expect(page.locator('contact-view [data-state="verified"]')).to_be_visible(timeout=LIMIT_MS)
    page.get_by_role("link", name="Back to the chat").click()


def give_name_away(tree: LiveTree, name: str) -> None:
    """Let somebody else register a name at once."""
    command = [sys.executable, "-c", f"import django; django.setup()\n{FREE_NAME}", name]
    subprocess.run(command, cwd=ROOT, env=tree.environment, check=True, timeout=LIMIT_S)
