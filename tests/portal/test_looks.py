"""Every view and dialog: nothing in the way of people with disabilities, in light and dark, and fit for a phone.

A picture of each is kept in `.box/screenshots`.
"""

from typing import Final

from playwright.async_api import ViewportSize

from tests.journeys.past import Past
from tests.portal.people import People, Portal
from tests.portal.tour import arrange, walk

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
DESK: Final[ViewportSize] = {"width": 1280, "height": 850}


async def look(portal: Portal, name: str) -> list[str]:
    """Keep pictures of a view; what is wrong with it."""
    await portal.picture(f"{name}-light")
    found = await portal.barriers()
    await portal.page.emulate_media(color_scheme="dark")
    await portal.picture(f"{name}-dark")
    found += await portal.barriers(["color-contrast"])
    await portal.page.emulate_media(color_scheme="light")
    await portal.page.set_viewport_size(PHONE)
    await portal.picture(f"{name}-phone")
    wider = await portal.overflow()
    await portal.page.set_viewport_size(DESK)
    return [*found, *([f"{wider} pixels wider than a phone"] if wider > 0 else [])]


async def test_no_view_stands_in_anybodys_way_in_light_or_dark_or_on_a_phone(people: People, past: Past) -> None:
    found = {name: await look(portal, name) async for name, portal in walk(people, await arrange(past))}
    assert {} == {name: barriers for name, barriers in found.items() if barriers}


async def test_a_button_without_a_name_and_a_text_too_pale_would_be_found(people: People) -> None:
    ada = await people.enter("administrator", color_scheme="dark")
    await ada.page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert ["button-name: <button></button>"] == await ada.barriers()
    await ada.page.evaluate("document.querySelector('h1').style.color = '#333'")
    [found] = await ada.barriers(["color-contrast"])
    assert found.startswith("color-contrast: <h1")
