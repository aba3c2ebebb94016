"""By keyboard alone."""

from playwright.async_api import expect

from tests.journeys.client import Postern
from tests.portal.people import People


async def test_access_is_asked_for_by_keyboard_alone(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    rita = await people.enter("requestor")
    await rita.sees("web-01")
    await rita.reach("Request access to web-01")
    await rita.press("Enter")
    await rita.reach("22 (SSH)")
    await rita.press("Space")
    await rita.reach("Justification")
    await rita.page.keyboard.type("To see why the disk is full")
    await rita.sees("Opens for 127.0.0.1 at once.")
    await rita.reach("Request access")
    await rita.press("Enter")
    await rita.sees("End now", "To see why the disk is full")


async def test_the_first_stop_skips_to_the_content(people: People) -> None:
    ada = await people.enter("administrator")
    await ada.press("Tab")
    await ada.press("Enter")
    await expect(ada.page.get_by_role("main")).to_be_focused()


async def test_a_menu_is_walked_by_arrows_and_left_by_escape(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator")
    await ada.sees("web-01")
    await ada.reach("More about web-01")
    await ada.press("Enter", "ArrowDown", "ArrowDown")
    await expect(ada.page.get_by_role("menuitem", name="Edit")).to_be_focused()
    await ada.press("ArrowUp", "End")
    await expect(ada.page.get_by_role("menuitem", name="Remove")).to_be_focused()
    await ada.press("Escape")
    await expect(ada.page.get_by_role("button", name="More about web-01")).to_be_focused()
    await expect(ada.page.get_by_role("menu")).to_have_count(0)


async def test_a_dialog_keeps_the_focus_and_gives_it_back_at_escape(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    rita = await people.enter("requestor")
    await rita.sees("web-01")
    await rita.reach("Request access to web-01")
    await rita.press("Enter")
    await expect(rita.dialog).to_be_visible()
    await rita.press(*["Tab"] * 20)
    assert await rita.page.evaluate(
        "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    )
    await rita.press("Escape")
    await expect(rita.page.get_by_role("button", name="Request access to web-01")).to_be_focused()
